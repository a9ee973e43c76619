"""Options that several commands have."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rich_click as click

from schema.settings import Settings, load


def config_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--config`, as every command has it that works on a log."""
    return click.option(
        "--config",
        "config",
        type=click.Path(path_type=Path),
        envvar="DAYBOOK_CONFIG",
        required=True,
        help="The configuration file (TOML). Or set DAYBOOK_CONFIG.",
    )(command)


def load_settings(config: Path) -> Settings:
    """The settings, with what the environment says."""
    return load(config, os.environ)
