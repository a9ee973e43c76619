"""What explains a row: the row itself, and the events that its fold made it of."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec
from psycopg import Connection
from psycopg.errors import DataError
from psycopg.rows import DictRow, class_row
from psycopg.sql import SQL, Composed, Identifier
from sqlalchemy import Table
from sqlalchemy.dialects import postgresql

from api.amounts import exact
from api.event_log import StoredRow, of_season
from api.events import LogEvent, read_event
from projections.provenance import events_behind, keeps_orphaned
from schema.events.event import snake_case
from schema.log.mapper import STORED_AS, load_event
from schema.read_models import READ_MODELS, generation_schema
from scripts.explain.deriving import DerivedPosition
from scripts.explain.errors import NoSuchRowError, UnknownReadModelError, WrongKeyError, key_of
from scripts.explain.narrowing import narrow

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
_POSITION = "position"


class Step(msgspec.Struct, frozen=True):
    """An event behind a row; of a position also the tickets before and after it."""

    event: LogEvent
    tickets: tuple[int, int] | None


class Explanation(msgspec.Struct, frozen=True):
    """Everything that `daybook explain --json` tells.

    Attributes:
        position: up to which the read model reflects the log.
        row: as the read model has it.
        steps: the events behind it, in the log's order.
        derived: of a position, its figures as derived from the events once more.
        differences: figures of these that the row has otherwise.
    """

    read_model: str
    key: list[str]
    position: int
    row: dict[str, Any]
    steps: list[Step]
    derived: dict[str, Any] | None
    differences: dict[str, tuple[Any, Any]]


def explain(session: Connection[DictRow], read_model: str, key: Sequence[str]) -> Explanation:
    """Explain the row that has this key.

    Args:
        session: that may read the log and the read models.
        read_model: its name, or that with an s.
        key: the values of its primary key; of a season its number, or deployment:number.

    Raises:
        UnknownReadModelError, WrongKeyError: the question is wrong; says what is right.
        NoSuchRowError: there is no such row.
    """
    table = _table(read_model)
    with session.transaction():
        session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        serving = session.execute(_SELECT_SERVING).fetchone()
        if serving is None:
            raise NoSuchRowError(table, key)
        schema = generation_schema(serving["generation"])
        row = _row(session, schema, table, key)
        events = _events(session, schema, table, row)
    derived = DerivedPosition() if table.name == _POSITION else None
    steps = [
        Step(
            read_event(stored),
            derived.take(load_event(stored.topic, stored.state)) if derived else None,
        )
        for stored in events
    ]
    return Explanation(
        read_model=str(table.name),
        key=list(key),
        position=serving["position"],
        row={name: _plain(value) for name, value in row.items()},
        steps=steps,
        derived=exact(derived.figures) if derived else None,
        differences=exact(derived.differences(row)) if derived else {},
    )


def _table(name: str) -> Table:
    tables = READ_MODELS.tables
    found = tables.get(name, tables.get(name.removesuffix("s")))
    if found is None:
        raise UnknownReadModelError(name, tables)
    return found


def _row(
    session: Connection[DictRow], schema: str, table: Table, key: Sequence[str]
) -> dict[str, Any]:
    columns = list(table.primary_key)
    if len(key) != len(columns):
        raise WrongKeyError(
            table, f"A row is named by {key_of(table)}, and not by {len(key)} words"
        )
    conditions = [
        _NUMBERED[column.name].format(schema=Identifier(schema))
        if column.name in _NUMBERED
        else SQL("{} = {}::text::{}").format(
            Identifier(column.name),
            SQL("%({})s").format(SQL(column.name)),
            SQL(column.type.compile(dialect=_DIALECT)),
        )
        for column in columns
    ]
    query = SQL("SELECT * FROM {} WHERE {}").format(
        Identifier(schema, table.name), SQL(" AND ").join(conditions)
    )
    rows = _rows(session, table, query, _parameters(table, key))
    if len(rows) > 1:
        raise WrongKeyError(table, "Several deployments have this number: write deployment:number")
    if not rows:
        raise NoSuchRowError(table, key)
    return rows[0]


def _rows(
    session: Connection[DictRow], table: Table, query: Composed, parameters: dict[str, Any]
) -> list[DictRow]:
    try:
        return session.execute(query, parameters).fetchall()
    except DataError as error:
        reason = str(error).splitlines()[0]
        raise WrongKeyError(table, f"That is no key: {reason}") from error


def _parameters(table: Table, key: Sequence[str]) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    for column, text in zip(table.primary_key, key, strict=True):
        parameters[column.name] = text.lower() if text[:2].lower() == "0x" else text
        if column.name in _NUMBERED:
            deployment, _, number = text.rpartition(":")
            parameters |= {"deployment_of": deployment or None, "number": number}
    return parameters


def _events(
    session: Connection[DictRow], schema: str, table: Table, row: dict[str, Any]
) -> list[StoredRow]:
    views = events_behind(table.name)
    conditions = list(narrow(table, row))
    parameters = {
        "types": [event.__name__ for event in STORED_AS if snake_case(event.__name__) in views],
        "with_orphaned": keeps_orphaned(table.name),
        "season_key": row.get("season_key"),
    }
    for condition in conditions:
        parameters |= condition.parameters
    season = of_season("%(season_key)s")
    text = _SELECT_EVENTS.format(
        of_season=season, conditions="".join(f"\n AND {each.text}" for each in conditions)
    ).replace("{read}", schema)
    with session.cursor(row_factory=class_row(StoredRow)) as cursor:
        return cursor.execute(text.encode(), parameters).fetchall()


def _plain(value: Any) -> Any:
    """A value for JSON: whole numbers exact, times as RFC 3339."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, Decimal):
        return exact(int(value))
    return value.isoformat() if isinstance(value, date | datetime) else exact(value)


_SELECT_SERVING = "SELECT generation, position FROM daybook.serving"
# A key that people know by its deployment's number.
_NUMBERED = {
    "season_key": SQL(
        """season_key IN (
            SELECT season_key FROM {schema}.season
            WHERE season_id = %(number)s::numeric
              AND deployment = coalesce(%(deployment_of)s::text, deployment)
        )"""
    ),
    "raffle_key": SQL(
        """raffle_key IN (
            SELECT raffle_key FROM {schema}.box_raffle
            WHERE raffle_id = %(number)s::numeric
              AND deployment = coalesce(%(deployment_of)s::text, deployment)
        )"""
    ),
}
# In the log's order, up to what the read models reflect. It reads the whole log: an index by what
# events name would cost every append, and this is asked seldom.
_SELECT_EVENTS = """
    WITH of_season AS MATERIALIZED ({of_season}),
    event AS (
        SELECT
            stored.*,
            EXISTS (
                SELECT FROM log.orphaned_block AS gone
                WHERE gone.chain_id = (stored.state -> 'chain_id')::bigint
                  AND gone.hash = stored.state ->> 'block_hash'
                  AND gone.attempt = stored.originator_version >> 32
            ) AS orphaned
        FROM log.stored_event AS stored
        WHERE stored.notification_id <= (SELECT position FROM daybook.serving)
          AND split_part(stored.topic, '/', 1) = ANY (%(types)s)
    )
    SELECT
        event.notification_id AS position, event.topic, (event.state - 'checks')::text AS state,
        event.orphaned
    FROM event
    WHERE (%(with_orphaned)s OR NOT event.orphaned) {conditions}
    ORDER BY event.notification_id
"""
