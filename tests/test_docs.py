"""The documents name every command, every path and every key, and speak of nothing that is not."""

import re
from pathlib import Path

import msgspec

from api.app import create_app
from schema.families import FAMILIES, contracts_of
from schema.settings import Api, ChainSettings, Database, Settings
from scripts.cli import main

_ROOT = Path(__file__).parent.parent
_README = (_ROOT / "README.md").read_text()


def test_the_readme_names_every_command() -> None:
    """Given the commands of today, then each stands in the README."""
    assert all(f"daybook {name}" in _README for name in main.commands), list(main.commands)


def test_every_command_has_a_help() -> None:
    """Given a command or an option, then it says what it is for."""
    for name, command in main.commands.items():
        assert command.help, name
        for option in command.params:
            assert getattr(option, "help", None), (name, option.name)


def test_the_readme_names_every_path() -> None:
    """Given the routes of today, then each stands in the README."""
    app = create_app("postgresql://nowhere")
    paths = {re.sub(r"\{(\w+):\w+\}", r"{\1}", route.path) for route in app.routes}
    ours = {path for path in paths if path.startswith(("/api", "/v1", "/health", "/ready"))}

    assert ours
    assert {path for path in ours if path not in _README} == set()


def test_the_readme_names_every_key() -> None:
    """Given the configuration's structs, then each key stands in the README."""
    families = [*FAMILIES.values(), *map(contracts_of, FAMILIES.values())]
    structs: list[type[msgspec.Struct]] = [Settings, Database, Api, ChainSettings, *families]
    keys = {field.name for struct in structs for field in msgspec.structs.fields(struct)}

    assert {key for key in keys if not re.search(rf"\b{key}\b", _README)} == set()


def test_links_between_documents_lead_somewhere() -> None:
    """Given a relative link in a document, then the file is there."""
    for document in [*_ROOT.glob("*.md"), *(_ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text()):
            assert (document.parent / target).exists(), (document.name, target)


def test_the_lock_names_no_index() -> None:
    """Given requirements.lock, then it holds versions and hashes, and no address."""
    assert "://" not in (_ROOT / "requirements.lock").read_text()
