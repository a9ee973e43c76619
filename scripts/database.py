"""The database that commands work on: configured or embedded, with everything installed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from projections.generations import install_control

from schema.database import connect
from schema.log.install import install_log
from schema.settings import Settings
from scripts.postgres import embedded

_INSTALL_LOCK = (0x6461_7962, 3)  # "dayb": two commands that start at once install one by one


@contextmanager
def open_database(settings: Settings) -> Iterator[str]:
    """The URL of the database, embedded if none is configured, with log and controls installed.

    Several commands may share one embedded server: the last one to leave stops it.

    Raises:
        DatabaseUnavailableError: nothing answers at the configured URL.
    """
    if settings.database.url is not None:
        install(settings.database.url)
        yield settings.database.url
    else:
        with embedded(Path(settings.data_dir) / "postgres") as url:
            install(url)
            yield url


def install(url: str) -> None:
    """Make what is missing of the log and the control tables, as the database's owner."""
    with connect(url, role=None, application_name="daybook-install") as owner, owner.transaction():
        owner.execute("SELECT pg_advisory_xact_lock(%s, %s)", _INSTALL_LOCK)
        install_log(owner)
        install_control(owner)
