"""Generations: the numbered schemas of read models, and which of them serves.

What a generation was posted with, tables and folds, is its fingerprint. Other code asks for
another generation, posted from the log's beginning beside the one that serves.
"""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.sql import SQL, Identifier
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from projections import folds, prior_images
from projections.inputs import PAIRED_TRADE
from schema.log.install import install_schema
from schema.read_models import CONTROL, READ_MODELS, generation_schema

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


class Generation(NamedTuple):
    """One generation of read models."""

    number: int

    @property
    def schema(self) -> str:
        """Where its tables are."""
        return generation_schema(self.number)


def install_control(connection: Connection[DictRow]) -> None:
    """Make the tables that say which generation serves, where they are missing, as the owner."""
    definitions = [
        str(CreateTable(table, if_not_exists=True).compile(dialect=_DIALECT))
        for table in CONTROL.sorted_tables
    ]
    statements = [*definitions, _GRANT_CONTROL]
    install_schema(connection, "daybook", [statement.encode() for statement in statements])


def fingerprint() -> str:
    """SHA-256 over every fold and the definition of every table that they fill; hex."""
    digest = hashlib.sha256()
    for text in [*_definitions(), prior_images.TEMPLATE, folds.source("projections", PAIRED_TRADE)]:
        digest.update(text.encode())
    for name in folds.ORDER:
        digest.update(folds.source("projections.folds", name).encode())
    return digest.hexdigest()


def open_generation(connection: Connection[DictRow]) -> Generation:
    """The newest generation that this code posts, made if there is none."""
    row = connection.execute(_NEWEST, [fingerprint()]).fetchone()
    return Generation(row["number"]) if row else create(connection)


def create(connection: Connection[DictRow]) -> Generation:
    """Make the next generation, empty; it serves if nothing does."""
    with connection.transaction():
        row = connection.execute(_INSERT, [fingerprint()]).fetchone()
        assert row is not None
        generation = Generation(row["number"])
        name = Identifier(generation.schema)
        connection.execute(SQL("CREATE SCHEMA {}").format(name))
        connection.execute(SQL("SET LOCAL search_path = {}").format(name))
        for definition in _definitions():
            connection.execute(definition)
        prior_images.install(connection, generation.schema)
        connection.execute(SQL(_GRANT_READ).format(schema=name))
        connection.execute(_SERVE_FIRST, [generation.number])
    return generation


def drop_older(connection: Connection[DictRow], *, serving: int, previous: int) -> None:
    """Drop every generation before the previous one, and those between that never served."""
    with connection.transaction():
        rows = connection.execute(_DELETE_OLDER, [serving, previous]).fetchall()
        for row in rows:
            name = Identifier(generation_schema(row["number"]))
            connection.execute(SQL("DROP SCHEMA {} CASCADE").format(name))


def _definitions() -> Iterator[str]:
    for table in READ_MODELS.sorted_tables:
        yield str(CreateTable(table).compile(dialect=_DIALECT))
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            yield str(CreateIndex(index).compile(dialect=_DIALECT))


# Whoever posts makes the schemas of the generations.
_GRANT_CONTROL = """
    DO $$ BEGIN
        EXECUTE format('GRANT CREATE ON DATABASE %I TO daybook_projector', current_database());
    END $$;
    GRANT USAGE ON SCHEMA daybook TO daybook_projector, daybook_api;
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA daybook TO daybook_projector;
    GRANT SELECT ON ALL TABLES IN SCHEMA daybook TO daybook_api;
"""
_GRANT_READ = """
    GRANT USAGE ON SCHEMA {schema} TO daybook_api;
    GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO daybook_api;
"""
_NEWEST = """
    SELECT number FROM daybook.generation WHERE fingerprint = %s ORDER BY number DESC LIMIT 1
"""
_INSERT = """
    INSERT INTO daybook.generation (number, fingerprint)
    SELECT coalesce(max(number), 0) + 1, %s FROM daybook.generation
    RETURNING number
"""
_SERVE_FIRST = """
    INSERT INTO daybook.serving ("only", generation, position) VALUES (TRUE, %s, 0)
    ON CONFLICT DO NOTHING
"""
_DELETE_OLDER = """
    DELETE FROM daybook.generation WHERE number < %s AND number <> %s RETURNING number
"""
