"""Makes the log in a database: table, append-only triggers, typed views and roles.

Every event class has one view in schema `log`, named after it: `log.position_update` and so on,
with the position in the log, whether the block was orphaned, where it stands, then its arguments.
"""

import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from psycopg import Connection
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from schema.events import CODECS, UndecodedLog
from schema.events.abi import SOLIDITY_TYPES
from schema.events.earlier import EARLIER, Earlier
from schema.events.event import Codec, snake_case
from schema.log.chain import (
    BlocksOrphaned,
    ChainOpened,
    ContractDiscovered,
    ContractsBackfilled,
    RangeIndexed,
)
from schema.log.mapper import stored_as
from schema.log.store import SCHEMA, TABLE, create_statements

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

_UNDECODED_COLUMNS = {
    "topics": "ARRAY(SELECT jsonb_array_elements_text(state -> {key}))",
    "data": _TEXT,
}

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
    """Statements that make a view of every event class and every fact of a chain's stream."""
    return [
        event_view("undecoded_log", [stored_as(UndecodedLog)], _columns(_UNDECODED_COLUMNS)),
        *(
            event_view(
                codec.view,
                [codec.stored_as, *(earlier.stored_as for earlier in _versions(codec))],
                arguments(codec, _versions(codec)),
            )
            for codec in CODECS.values()
        ),
        *(_fact_view(fact, columns) for fact, columns in _FACT_COLUMNS.items()),
    ]


def _versions(codec: Codec) -> list[Earlier]:
    return [earlier for earlier in EARLIER if earlier.event is codec.event]


def arguments(codec: Codec, versions: Sequence[Earlier]) -> dict[str, Composable]:
    """SQL for each argument of an event, over what it is stored as, in earlier versions too."""
    return {
        field: _argument(field, parameter.type, versions)
        for field, parameter in zip(codec.fields, codec.parameters, strict=True)
    }


def _argument(field: str, kind: str, versions: Sequence[Earlier]) -> Composable:
    today = _stored(kind, field)
    if not versions:
        return today
    cases = [
        SQL("WHEN {} THEN {}").format(Literal(earlier.stored_as), _of_then(earlier, field))
        for earlier in versions
    ]
    return SQL("CASE topic {} ELSE {} END").format(SQL(" ").join(cases), today)


def _of_then(earlier: Earlier, field: str) -> Composable:
    if field in earlier.added:
        return Literal(earlier.added[field])
    name = earlier.renamed.get(field, field)
    return _stored(earlier.types[name], name)


def _stored(kind: str, key: str) -> Composed:
    return SQL(SOLIDITY_TYPES[kind].sql).format(key=Literal(key))


def event_view(name: str, topics: Sequence[str], arguments: Mapping[str, Composable]) -> Composed:
    """The statement that makes the view of an event, which is stored as any of these topics."""
    return _view(name, topics, {**_columns({"orphaned": _ORPHANED, **HEADER_COLUMNS}), **arguments})


def _fact_view(fact: type[Any], columns: dict[str, str]) -> Composed:
    chain_id = {"chain_id": HEADER_COLUMNS["chain_id"]}
    return _view(snake_case(fact.__name__), [stored_as(fact)], _columns({**chain_id, **columns}))


def _columns(templates: Mapping[str, str]) -> dict[str, Composable]:
    return {name: SQL(text).format(key=Literal(name)) for name, text in templates.items()}


def _view(name: str, topics: Sequence[str], columns: Mapping[str, Composable]) -> Composed:
    """Makes a view again where its columns are others: then nothing may depend on it."""
    create = SQL(
        "CREATE OR REPLACE VIEW {}.{} AS SELECT notification_id AS position, {} "
        "FROM {}.{} WHERE topic IN ({})"
    ).format(
        Identifier(SCHEMA),
        Identifier(name),
        SQL(", ").join(
            SQL("{} AS {}").format(expression, Identifier(column))
            for column, expression in columns.items()
        ),
        Identifier(SCHEMA),
        Identifier(TABLE),
        SQL(", ").join(map(Literal, topics)),
    )
    return _CREATE_VIEW.format(create=create, view=Identifier(SCHEMA, name))


_CREATE_VIEW = SQL(
    """
    DO $view$ BEGIN
        {create};
    EXCEPTION WHEN invalid_table_definition THEN
        DROP VIEW {view};
        {create};
    END $view$
    """
)
