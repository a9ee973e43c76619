"""Sessions on PostgreSQL: one place that knows how each part of daybook connects."""

from typing import Any, Literal

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow, dict_row
from psycopg.sql import SQL, Identifier

from schema.errors import DatabaseUnavailableError

Role = Literal["daybook_indexer", "daybook_projector", "daybook_api"]

_CONNECT_TIMEOUT_SECONDS = 10

# What sessions of the api are called: others look for those that are slow.
API_SESSIONS = "daybook api"

# A server whose machine vanished without a word is given up after about half a minute, where the
# system's own patience may be two hours.
_KEEPALIVES = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}

# What a server says that is away, stops, is out of something or was demoted to a replica; and what
# the driver says of a connection that is gone. The same transaction may succeed later.
UNAVAILABLE = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.ReadOnlySqlTransaction,
)


def with_keepalives(url: str) -> str:
    """A database's URL with how long to believe in a silent server, unless it says so itself."""
    given: dict[str, Any] = {**_KEEPALIVES, **conninfo_to_dict(url)}
    return make_conninfo("", **given)


def connect(url: str, *, role: Role | None, application_name: str) -> psycopg.Connection[DictRow]:
    """An autocommit session with rows as dicts, acting as `role` (None: as the owner).

    Raises:
        DatabaseUnavailableError: nothing answers, or it refuses us.
    """
    try:
        connection: psycopg.Connection[Any] = psycopg.connect(
            with_keepalives(url),
            autocommit=True,
            row_factory=dict_row,
            application_name=application_name,
            connect_timeout=_CONNECT_TIMEOUT_SECONDS,
        )
    except psycopg.OperationalError as error:
        raise DatabaseUnavailableError(reason(error)) from error
    if role is not None:
        connection.execute(SQL("SET ROLE {}").format(Identifier(role)))
    return connection


def reason(error: BaseException) -> str:
    """The first line of a driver's message, which never holds the password."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
