"""Generations: the numbered schemas of read models, each with the definition it is posted by.

Code with another definition asks for another generation, posted from the log's beginning beside
the one that serves. The one that served before is kept to go back to; others are dropped.
"""

from datetime import timedelta
from typing import Any, NamedTuple

import msgspec
from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.sql import SQL, Identifier
from sqlalchemy import Column, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateColumn, CreateTable

from projections import prior_images
from projections.definition import Definition, of_this_code
from projections.errors import DefinitionMissingError
from projections.locks import CREATING, posting, try_lock
from schema.log.install import install_schema
from schema.read_models import CONTROL, generation_schema
from schema.read_models.control import CREATE_GENERATION_STATUS

# Whoever read that a generation serves may be reading it for as long as a statement may take: the
# api's limit is 5 s.
KEPT_AFTER_SERVING = timedelta(seconds=6)

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


class Generation(NamedTuple):
    """One generation of read models."""

    number: int
    definition: Definition

    @property
    def schema(self) -> str:
        """Where its tables are."""
        return generation_schema(self.number)


def install_control(connection: Connection[DictRow]) -> None:
    """Make the tables that say which generation serves, where they are missing, as the owner.

    Tables of an earlier version get the columns that they lack.
    """
    definitions = [
        statement
        for table in CONTROL.sorted_tables
        for statement in [
            str(CreateTable(table, if_not_exists=True).compile(dialect=_DIALECT)),
            *(_add_column(table, column) for column in table.columns),
        ]
    ]
    view = ["DROP VIEW IF EXISTS daybook.generation_status", CREATE_GENERATION_STATUS]
    statements = [*definitions, *view, _GRANT_CONTROL]
    install_schema(connection, "daybook", [statement.encode() for statement in statements])
    # A right to the database is not in a copy of it, as what stands in its schemas is.
    connection.execute(_GRANT_DATABASE)


def _add_column(table: Table, column: Column[Any]) -> str:
    definition = CreateColumn(column).compile(dialect=_DIALECT)
    return f"ALTER TABLE {table.fullname} ADD COLUMN IF NOT EXISTS {definition}"


def open_generation(connection: Connection[DictRow]) -> Generation:
    """The generation that serves; where none does, the first one is made.

    Raises:
        DefinitionMissingError: a version of daybook that kept none made it.
    """
    row = connection.execute(_SELECT_SERVING).fetchone()
    return load(connection, row["generation"]) if row else create(connection)


def load(connection: Connection[DictRow], number: int) -> Generation:
    """A generation that there is.

    Raises:
        DefinitionMissingError: a version of daybook that kept none made it.
    """
    row = connection.execute(_SELECT_DEFINITION, [number]).fetchone()
    if row is None or row["definition"] is None:
        raise DefinitionMissingError(number)
    return Generation(number, msgspec.json.decode(row["definition"], type=Definition))


def fingerprint(connection: Connection[DictRow], number: int) -> str:
    """Of the definition of a generation that there is."""
    row = connection.execute(_SELECT_FINGERPRINT, [number]).fetchone()
    assert row is not None
    found: str = row["fingerprint"]
    return found


def create(connection: Connection[DictRow], definition: Definition | None = None) -> Generation:
    """Make the next generation, empty, with this session as its only writer.

    It serves if nothing does.

    Args:
        connection: outside of a transaction.
        definition: what it is posted with; this code's if none is given.
    """
    definition = definition or of_this_code()
    kept = msgspec.json.encode(definition).decode()
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s, %s)", CREATING)
        row = connection.execute(_INSERT, [definition.fingerprint, kept]).fetchone()
        assert row is not None
        generation = Generation(row["number"], definition)
        try_lock(connection, posting(generation.number))
        name = Identifier(generation.schema)
        connection.execute(SQL("CREATE SCHEMA {}").format(name))
        connection.execute(SQL("SET LOCAL search_path = {}").format(name))
        for statement in definition.objects:
            connection.execute(statement)
        prior_images.install(connection, generation.schema)
        connection.execute(SQL(_GRANT_READ).format(schema=name))
        connection.execute(_SERVE_FIRST, [generation.number])
    return generation


def prune(connection: Connection[DictRow]) -> float | None:
    """Drop every generation that neither serves, nor did so before it, nor is being posted.

    Returns:
        The seconds until another one may be dropped, since readers may yet be at it; None if
        there is none.
    """
    wait = None
    for row in connection.execute(_SELECT_LEFT, [KEPT_AFTER_SERVING]).fetchall():
        if row["seconds_left"] > 0:
            wait = max(wait or 0.0, row["seconds_left"])
        else:
            drop(connection, row["number"])
    return wait


def drop(
    connection: Connection[DictRow], number: int, *, patience: timedelta = timedelta(0)
) -> None:
    """Drop a generation, unless it serves, or did so before that one, or is being posted.

    Args:
        connection: of a role that owns it.
        number: its own.
        patience: how long to wait for a session to end that posted it.

    Raises:
        psycopg.errors.LockNotAvailable: that session has not ended in this time.
    """
    with connection.transaction():
        if patience:
            milliseconds = f"{patience / timedelta(milliseconds=1):.0f}"
            connection.execute("SELECT set_config('lock_timeout', %s, TRUE)", [milliseconds])
            connection.execute("SELECT pg_advisory_xact_lock(%s, %s)", posting(number))
        row = connection.execute(_DELETE, [*posting(number), number]).fetchone()
        if row is not None:
            name = Identifier(generation_schema(number))
            connection.execute(SQL("DROP SCHEMA {} CASCADE").format(name))


# Whoever posts makes the schemas of the generations.
_GRANT_DATABASE = """
    DO $$ BEGIN
        IF NOT has_database_privilege('daybook_projector', current_database(), 'CREATE') THEN
            EXECUTE format('GRANT CREATE ON DATABASE %I TO daybook_projector', current_database());
        END IF;
    END $$
"""
_GRANT_CONTROL = """
    GRANT USAGE ON SCHEMA daybook TO daybook_projector, daybook_api;
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA daybook TO daybook_projector;
    GRANT SELECT ON ALL TABLES IN SCHEMA daybook TO daybook_api;
"""
_GRANT_READ = """
    GRANT USAGE ON SCHEMA {schema} TO daybook_api;
    GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO daybook_api;
"""
_SELECT_SERVING = "SELECT generation FROM daybook.serving"
_SELECT_DEFINITION = "SELECT definition::text FROM daybook.generation WHERE number = %s"
_SELECT_FINGERPRINT = "SELECT fingerprint FROM daybook.generation WHERE number = %s"
_INSERT = """
    INSERT INTO daybook.generation (number, fingerprint, definition)
    SELECT coalesce(max(number), 0) + 1, %s, %s FROM daybook.generation
    RETURNING number
"""
_SERVE_FIRST = """
    INSERT INTO daybook.serving ("only", generation, position) VALUES (TRUE, %s, 0)
    ON CONFLICT DO NOTHING
"""
_SELECT_LEFT = """
    SELECT
        generation.number,
        coalesce(
            extract(epoch FROM generation.served_until + %s - clock_timestamp()), 0
        )::float8 AS seconds_left
    FROM daybook.generation
    INNER JOIN daybook.generation_status AS status USING (number)
    WHERE status.state = 'left'
    ORDER BY generation.number
"""
_DELETE = """
    DELETE FROM daybook.generation
    WHERE
        pg_try_advisory_xact_lock(%s, %s)
        AND number = %s
        AND NOT EXISTS (
            SELECT FROM daybook.serving
            WHERE generation.number IN (serving.generation, serving.previous)
        )
    RETURNING number
"""
