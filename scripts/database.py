"""The database that commands work on: configured or embedded, with what they need installed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from psycopg import Connection
from psycopg.rows import DictRow

from schema.database import connect
from schema.log.install import install_log
from schema.settings import Settings
from scripts.postgres import embedded

_INSTALL_LOCK = (0x6461_7962, 3)  # "dayb": two commands that start at once install one by one


@contextmanager
def open_database(settings: Settings) -> Iterator[str]:
    """The URL of the database, embedded if none is configured, with the log installed.

    Several commands may share one embedded server: the last one to leave stops it.

    Raises:
        DatabaseUnavailableError: nothing answers at the configured URL.
    """
    if settings.database.url is not None:
        install_log_at(settings.database.url)
        yield settings.database.url
    else:
        with embedded(Path(settings.data_dir) / "postgres") as url:
            install_log_at(url)
            yield url


def install_log_at(url: str) -> None:
    """Make the log."""
    _install(url, install_log)


def install_read_models(url: str) -> None:
    """Make the tables that say which generation of read models serves."""
    from projections.generations import install_control  # noqa: PLC0415  the indexer needs none

    _install(url, install_control)


def _install(url: str, install: Callable[[Connection[DictRow]], None]) -> None:
    """Make what is missing, as the database's owner."""
    with connect(url, role=None, application_name="daybook-install") as owner, owner.transaction():
        owner.execute("SELECT pg_advisory_xact_lock(%s, %s)", _INSTALL_LOCK)
        install(owner)
