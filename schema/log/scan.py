"""Reads the log from its beginning, row by row, without holding it: for those who check it."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple
from uuid import UUID

import msgspec
from psycopg import Connection
from psycopg.rows import DictRow

from schema.log.digest import finish_row, row_head, topic_field
from schema.log.mapper import TOPICS, LogEvent, as_of_today, load_stored
from schema.log.store import SCHEMA, TABLE
from schema.log.streams import block_streams_from

_TOPIC_FIELDS = {name: topic_field(name) for name in TOPICS}
_encode = msgspec.json.Encoder().encode
_COLUMN_TYPES = ("uuid", "int8", "text", "bytea", "int8")


class ScannedRow(NamedTuple):
    """A row of the log as it is stored now.

    Attributes:
        stream: id of the stream.
        version: in the stream.
        topic: name and version of the event's class.
        state: the event's JSON, whose keys PostgreSQL put in an order of its own.
        position: in the log.
    """

    stream: UUID
    version: int
    topic: str
    state: bytes
    position: int


class UnreadableRowError(ValueError):
    """No event of today or of any earlier day was ever stored like this."""


def read(row: ScannedRow) -> tuple[LogEvent, bytes]:
    """The event of a row, as of today, and its canonical row, with the JSON as it was stored.

    Raises:
        UnreadableRowError: it is none.
    """
    try:
        stored = load_stored(row.topic, row.state)
        canonical = finish_row(
            row_head(row.stream), row.version, _TOPIC_FIELDS[row.topic], _encode(stored)
        )
        return as_of_today(row.topic, stored), canonical
    except KeyError:
        raise UnreadableRowError(f"no event is called {row.topic}") from None
    except (msgspec.DecodeError, OverflowError) as error:
        raise UnreadableRowError(f"{row.topic}: {error}") from None


def scan(session: Connection[DictRow], *, last: int) -> Iterator[ScannedRow]:
    """All rows up to a position, in the order of the log, in one snapshot."""
    return _copied(session, _COPY_LOG, [last])


def scan_blocks(session: Connection[DictRow], *, first: int, last: int) -> Iterator[ScannedRow]:
    """All events of blocks by their numbers, of every chain, block by block."""
    return _copied(session, _COPY_BLOCKS, [block_streams_from(first), block_streams_from(last + 1)])


def scan_chain(
    session: Connection[DictRow], chain_id: int, *, after: int, last: int
) -> Iterator[ScannedRow]:
    """The rows of one chain between two positions, in the order of the log."""
    return _copied(session, _COPY_CHAIN, [after, last, chain_id])


def last_position(session: Connection[DictRow]) -> int:
    """The position of the newest row; 0 in an empty log."""
    row = session.execute(_LAST_POSITION).fetchone()
    assert row is not None
    position: int = row["position"]
    return position


def _copied(
    session: Connection[DictRow], statement: str, parameters: Sequence[object]
) -> Iterator[ScannedRow]:
    with session.cursor() as cursor, cursor.copy(statement, parameters) as copy:
        copy.set_types(_COLUMN_TYPES)
        for stream, version, topic, state, position in copy.rows():
            # jsonb is sent as its text after a byte that says so.
            yield ScannedRow(stream, version, topic, state[1:], position)


# Index: stored_event_notification_id.
_COPY_LOG = f"""
    COPY (
        SELECT originator_id, originator_version, topic, state, notification_id
        FROM {SCHEMA}.{TABLE}
        WHERE notification_id <= %s
        ORDER BY notification_id
    ) TO STDOUT (FORMAT BINARY)
"""
# Index: stored_event_notification_id.
_COPY_CHAIN = f"""
    COPY (
        SELECT originator_id, originator_version, topic, state, notification_id
        FROM {SCHEMA}.{TABLE}
        WHERE
            notification_id > %s
            AND notification_id <= %s
            AND (state -> 'chain_id')::bigint = %s
        ORDER BY notification_id
    ) TO STDOUT (FORMAT BINARY)
"""
# Index: primary key.
_COPY_BLOCKS = f"""
    COPY (
        SELECT originator_id, originator_version, topic, state, notification_id
        FROM {SCHEMA}.{TABLE}
        WHERE originator_id >= %s AND originator_id < %s AND state ? 'log_index'
        ORDER BY originator_id, originator_version
    ) TO STDOUT (FORMAT BINARY)
"""
_LAST_POSITION = f"""
    SELECT coalesce(max(notification_id), 0) AS position FROM {SCHEMA}.{TABLE}
"""
