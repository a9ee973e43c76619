"""Makes the log in a database: table, append-only triggers, typed views and roles.

Every event class has one view in schema `log`, named after it: `log.position_update` and so on,
with the position in the log, whether the block was orphaned, where it stands, then its arguments.
"""

import hashlib
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from psycopg import Connection
from psycopg.sql import SQL, Composed, Identifier, Literal

from schema.events import CODECS, UndecodedLog
from schema.events.abi import SOLIDITY_TYPES
from schema.events.event import snake_case
from schema.log.chain import (
    BlocksOrphaned,
    ChainOpened,
    ContractDiscovered,
    ContractsBackfilled,
    RangeIndexed,
)
from schema.log.store import SCHEMA, TABLE, create_statements, stored_as

# Columns of every event's view, before its arguments.
HEADER_COLUMNS = {
    "chain_id": "(state -> 'chain_id')::bigint",
    "block_number": "(state -> 'block_number')::bigint",
    "block_hash": "state ->> 'block_hash'",
    "block_time": "to_timestamp((state -> 'block_time')::bigint)",
    "tx_hash": "state ->> 'tx_hash'",
    "tx_index": "(state -> 'tx_index')::bigint",
    "log_index": "(state -> 'log_index')::bigint",
    "contract": "state ->> 'contract'",
}

_ORPHANED = """EXISTS (
        SELECT FROM log.orphaned_block AS o
        WHERE o.chain_id = (state -> 'chain_id')::bigint
          AND o.hash = state ->> 'block_hash'
          AND o.attempt = originator_version >> 32
    )"""

_INTEGER = "(state -> {key})::bigint"
_TEXT = "state ->> {key}"
_FLAG = "coalesce((state -> {key})::boolean, FALSE)"

# Columns of the views of a chain's own facts.
_FACT_COLUMNS: dict[type, dict[str, str]] = {
    ChainOpened: {
        "ordinal": _INTEGER,
        "name": _TEXT,
        "start_block": _INTEGER,
        "start_hash": _TEXT,
    },
    ContractDiscovered: {
        "deployment": _TEXT,
        "kind": _TEXT,
        "address": _TEXT,
        "block": _INTEGER,
        "late": _FLAG,
    },
    RangeIndexed: {
        "first": _INTEGER,
        "last": _INTEGER,
        "last_hash": _TEXT,
        "last_time": "to_timestamp((state -> {key})::bigint)",
        "events": _INTEGER,
        "digest": _TEXT,
        "proof": _TEXT,
        "finalized": _INTEGER,
    },
    ContractsBackfilled: {
        "first": _INTEGER,
        "last": _INTEGER,
        "last_hash": _TEXT,
        "last_time": "to_timestamp((state -> {key})::bigint)",
        "events": _INTEGER,
        "digest": _TEXT,
        "proof": _TEXT,
        "joined": _FLAG,
    },
    BlocksOrphaned: {
        "fork_number": _INTEGER,
        "fork_hash": _TEXT,
        "blocks": "state -> {key}",
    },
}


def install_log(connection: Connection[Any]) -> None:
    """Make everything of the log that is missing, as the database's owner."""
    install_schema(
        connection,
        SCHEMA,
        [
            *(statement.as_bytes(connection) for statement in create_statements()),
            _script("log.sql"),
            *(statement.as_bytes(connection) for statement in views()),
            _script("roles.sql"),
        ],
    )


def install_schema(connection: Connection[Any], name: str, statements: Sequence[bytes]) -> None:
    """Run the statements that make a schema, unless these very ones made it.

    The schema remembers by a comment: definitions lock what sessions at work are using.
    """
    made_by = hashlib.sha256(b";".join(statements)).hexdigest()
    with connection.transaction():
        if connection.execute(_IS_MADE, {"name": name, "made_by": made_by}).fetchone():
            return
        schema = Identifier(name)
        connection.execute(SQL("CREATE SCHEMA IF NOT EXISTS {}").format(schema))
        for statement in statements:
            connection.execute(statement)
        connection.execute(SQL("COMMENT ON SCHEMA {} IS {}").format(schema, made_by))


# Roles belong to the server: a database that was restored on another one may be without them.
_IS_MADE = """
    SELECT WHERE obj_description(to_regnamespace(%(name)s), 'pg_namespace') = %(made_by)s
        AND to_regrole('daybook_indexer') IS NOT NULL
"""


def _script(name: str) -> bytes:
    return files("schema.log").joinpath(name).read_bytes()


def views() -> list[Composed]:
    """`CREATE VIEW` statements: one for every event class and every fact of a chain's stream."""
    statements = [_event_view("undecoded_log", UndecodedLog, _undecoded_columns())]
    for event, codec in CODECS.items():
        columns = {
            field: SOLIDITY_TYPES[parameter.type].sql
            for field, parameter in zip(codec.fields, codec.parameters, strict=True)
        }
        statements.append(_event_view(codec.view, event, columns))
    for fact, columns in _FACT_COLUMNS.items():
        statements.append(_fact_view(fact, columns))
    return statements


def _undecoded_columns() -> dict[str, str]:
    return {
        "topics": "ARRAY(SELECT jsonb_array_elements_text(state -> {key}))",
        "data": _TEXT,
    }


def _event_view(name: str, event: type[Any], arguments: dict[str, str]) -> Composed:
    return _view(name, event, {"orphaned": _ORPHANED, **HEADER_COLUMNS, **arguments})


def _fact_view(fact: type[Any], columns: dict[str, str]) -> Composed:
    return _view(
        snake_case(fact.__name__), fact, {"chain_id": HEADER_COLUMNS["chain_id"], **columns}
    )


def _view(name: str, event: type[Any], columns: dict[str, str]) -> Composed:
    expressions = [
        SQL("{} AS {}").format(
            SQL(expression).format(key=Literal(column)),
            Identifier(column),
        )
        for column, expression in columns.items()
    ]
    return SQL(
        "CREATE OR REPLACE VIEW {}.{} AS SELECT notification_id AS position, {} "
        "FROM {}.{} WHERE topic = {}"
    ).format(
        Identifier(SCHEMA),
        Identifier(name),
        SQL(", ").join(expressions),
        Identifier(SCHEMA),
        Identifier(TABLE),
        Literal(stored_as(event)),
    )
