"""The `daybook` command: what operators type."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rich_click as click

from schema.errors import DaybookError, InterruptedWorkError
from schema.settings import Settings, load
from scripts import logging
from scripts.simulate.command import simulate

Command = Callable[..., None]


class _Reporting(click.RichGroup):
    """Shows our own errors as one message and exits with their code; a bug keeps its traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except DaybookError as error:
            print(f"daybook: {error}", file=sys.stderr)
            ctx.exit(error.exit_code)


@click.group(cls=_Reporting, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="daybook")
def main() -> None:
    """An event-sourced indexer for on-chain raffles, its read models, and their api.

    Exit codes: 0 done, 1 found a difference or failed, 2 wrong usage or configuration.
    """
    logging.configure()


def _config(command: Command) -> Command:
    return click.option(
        "--config",
        "config",
        type=click.Path(path_type=Path),
        envvar="DAYBOOK_CONFIG",
        required=True,
        help="The configuration file (TOML). Or set DAYBOOK_CONFIG.",
    )(command)


def _until_head(command: Command) -> Command:
    return click.option(
        "--until-head",
        is_flag=True,
        help="Catch up with what there is now, then exit 0.",
    )(command)


@main.command()
@_config
@_until_head
def run(config: Path, *, until_head: bool) -> None:
    """Index, project and serve in one process.

    With --until-head: catch up with the head as it is, post it all, exit 0 and serve nothing.
    """
    from scripts import pipeline  # noqa: PLC0415  each command loads only what it runs

    part = pipeline.catch_up if until_head else pipeline.run
    with _stopped_by_signals(until_head=until_head) as stop:
        part(_load(config), stop=stop)


@main.command()
@_config
@_until_head
def index(config: Path, *, until_head: bool) -> None:
    """Write the chains' logs into the event log.

    A second indexer of the same chain waits, says who writes, and takes over when that one ends.
    """
    from scripts import pipeline  # noqa: PLC0415

    with _stopped_by_signals(until_head=until_head) as stop:
        pipeline.index(_load(config), until_head=until_head, stop=stop)


@main.command()
@_config
@_until_head
def project(config: Path, *, until_head: bool) -> None:
    """Post the event log into the read models."""
    from scripts import pipeline  # noqa: PLC0415

    finish = threading.Event()
    if until_head:
        finish.set()
    with _stopped_by_signals(until_head=until_head) as stop:
        pipeline.project(_load(config), finish=finish, stop=stop)


@main.command()
@_config
@click.option("--host", help="Listen here instead of api.host.")
@click.option("--port", type=click.IntRange(0, 65535), help="Listen here instead of api.port.")
def serve(config: Path, host: str | None, port: int | None) -> None:
    """Serve the read models as JSON, and the portfolio page at /."""
    from scripts import pipeline  # noqa: PLC0415

    pipeline.serve(_load(config), host=host, port=port)


@main.command()
@_config
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def status(config: Path, *, as_json: bool) -> None:
    """Show what is indexed, how it was proved, and what the read models reflect."""
    from scripts.status import show_status  # noqa: PLC0415

    show_status(_load(config), as_json=as_json)


main.add_command(simulate)


def _load(config: Path) -> Settings:
    return load(config, os.environ)


@contextmanager
def _stopped_by_signals(*, until_head: bool) -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set: work ends at the next whole range or batch.

    Raises:
        InterruptedWorkError: it was set although the head was to be reached.
    """
    stop = threading.Event()
    names = (signal.SIGINT, signal.SIGTERM)
    before = {name: signal.signal(name, lambda *_: stop.set()) for name in names}
    try:
        yield stop
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
    if until_head and stop.is_set():
        raise InterruptedWorkError


if __name__ == "__main__":
    main()
