"""Sessions on PostgreSQL: one place that knows how each part of daybook connects."""

from typing import Any, Literal

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg.sql import SQL, Identifier

from schema.errors import DatabaseUnavailableError

Role = Literal["daybook_indexer", "daybook_projector", "daybook_api"]

_CONNECT_TIMEOUT_SECONDS = 10


def connect(url: str, *, role: Role | None, application_name: str) -> psycopg.Connection[DictRow]:
    """An autocommit session with rows as dicts, acting as `role` (None: as the owner).

    Raises:
        DatabaseUnavailableError: nothing answers, or it refuses us.
    """
    try:
        connection: psycopg.Connection[Any] = psycopg.connect(
            url,
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
