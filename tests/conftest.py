"""What every test may ask for: a database of its own, and the recorded chain."""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from schema.database import connect
from schema.log.install import install_log
from scripts.postgres import embedded
from tests.projections.tape import Tape, read_tape
from tests.recorded import record

_ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real PostgreSQL: the one DAYBOOK_TEST_DATABASE_URL names, or an embedded one."""
    if url := os.environ.get("DAYBOOK_TEST_DATABASE_URL"):
        yield url
    else:
        with embedded(tmp_path_factory.mktemp("postgres") / "data") as url:
            _forgo_durability(url)
            yield url


def _forgo_durability(url: str) -> None:
    """No machine dies under a test, and a database for each takes a quarter of the time."""
    with psycopg.connect(url, autocommit=True) as owner:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            owner.execute(SQL("ALTER SYSTEM SET {} = off").format(Identifier(setting)))
        owner.execute("SELECT pg_reload_conf()")


@pytest.fixture(scope="session")
def template(server_url: str) -> str:
    """The name of a database with the log installed, to be cloned by each test."""
    name = f"daybook_template_{secrets.token_hex(4)}"
    with psycopg.connect(server_url, autocommit=True) as owner:
        owner.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    with connect(
        make_conninfo(server_url, dbname=name), role=None, application_name="template"
    ) as owner:
        install_log(owner)
    return name


@pytest.fixture
def database_url(server_url: str, template: str) -> Iterator[str]:
    """A fresh database with the log installed, dropped after the test."""
    with cloned(server_url, template) as url:
        yield url


@pytest.fixture(scope="module")
def module_database_url(server_url: str, template: str) -> Iterator[str]:
    """A database with the log installed for all tests of a module: they share what they read."""
    with cloned(server_url, template) as url:
        yield url


@pytest.fixture
def other_database_url(server_url: str, template: str) -> Iterator[str]:
    """A second database, to compare the first with."""
    with cloned(server_url, template) as url:
        yield url


@pytest.fixture
def make_database(server_url: str, template: str) -> Iterator[Callable[[], str]]:
    """Makes as many more databases as the test wants, dropped after it."""
    with ExitStack() as databases:
        yield lambda: databases.enter_context(cloned(server_url, template))


@contextmanager
def cloned(server_url: str, template: str) -> Iterator[str]:
    """A copy of a database, dropped when left."""
    name = f"daybook_test_{secrets.token_hex(4)}"
    with psycopg.connect(server_url, autocommit=True) as owner:
        owner.execute(
            SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                Identifier(name), Identifier(template)
            )
        )
    yield make_conninfo(server_url, dbname=name)
    with psycopg.connect(server_url, autocommit=True) as owner:
        owner.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@pytest.fixture(scope="session")
def recording() -> Path:
    """The folder of a recorded chain with its truth."""
    default = _ROOT.parent / "shared" / "recordings"
    folder = Path(os.environ.get("DAYBOOK_RECORDINGS", default)) / "season-a"
    if not folder.is_dir():
        pytest.skip("no recording: set DAYBOOK_RECORDINGS to the folder that holds season-a")
    return folder


@pytest.fixture(scope="session")
def recorded_tape(recording: Path) -> Tape:
    """The recorded chain's blocks."""
    return read_tape(recording)


@pytest.fixture(scope="session")
def recorded_url(server_url: str, template: str, recorded_tape: Tape) -> Iterator[str]:
    """A database with the whole recording posted, reorganisations and all; only to be read."""
    with cloned(server_url, template) as url:
        record(url, recorded_tape)
        yield url
