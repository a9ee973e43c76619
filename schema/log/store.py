"""The event store: the `eventsourcing` library's table and recorder, appended to by COPY.

This is the one module that knows the library. Differences from its recorder, and why:
`state` is jsonb, so that the log can be queried; every append is one COPY in one transaction under
an advisory lock, because the library's insert hangs beyond about 500 events and its table lock
queues behind VACUUM; ids continue from the highest one, so that a rolled back append leaves no gap.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg import Connection, Cursor
from psycopg.adapt import Loader
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow, dict_row
from psycopg.sql import SQL, Composed, Identifier

from schema.events import CODECS, Event, UndecodedLog
from schema.log.chain import (
    BlocksOrphaned,
    Chain,
    ChainFact,
    ChainOpened,
    ContractDiscovered,
    RangeIndexed,
)
from schema.log.streams import block_stream_id, event_version

SCHEMA = "log"
TABLE = "stored_event"
CHANNEL = TABLE  # what NOTIFY wakes

CHAIN_FACTS: tuple[type[ChainFact], ...] = (
    ChainOpened,
    ContractDiscovered,
    RangeIndexed,
    BlocksOrphaned,
)

LogEvent = Event | UndecodedLog | ChainFact

_APPEND_LOCK = (0x6461_7962, 1)  # "dayb": one append at a time, so that ids commit in order
_JSONB_VERSION = b"\x01"
_TAIL_PAGE = 1_000
_encode = msgspec.json.Encoder().encode


def stored_as(event: type[LogEvent]) -> str:
    """Name and version under which events of a class are stored, e.g. `RangeIndexed/1`."""
    return f"{event.__name__}/{event.version}"


_CLASSES: tuple[type[LogEvent], ...] = (*CODECS, UndecodedLog, *CHAIN_FACTS)
STORED_AS = {event: stored_as(event) for event in _CLASSES}
_DECODERS = {name: msgspec.json.Decoder(event) for event, name in STORED_AS.items()}


def load_event(topic: str, state: bytes | str) -> LogEvent:
    """The event of a stored row; `topic` is what it is stored as, `state` its JSON."""
    event: LogEvent = _DECODERS[topic].decode(state)
    return event


def load_fact(topic: str, state: bytes) -> ChainFact:
    """The fact of a stored row of a chain's stream."""
    fact = load_event(topic, state)
    assert isinstance(fact, ChainFact)
    return fact


class Row(NamedTuple):
    """A row of the table: the library's StoredEvent as a tuple, which is made far faster."""

    originator_id: UUID | str
    originator_version: int
    topic: str
    state: bytes


def store_block_events(
    events: Sequence[Event | UndecodedLog], *, ordinal: int, attempt: int
) -> list[Row]:
    """The rows of one block's events, all of the same block."""
    if not events:
        return []
    first = events[0]
    stream = block_stream_id(first.chain_id, ordinal, first.block_number, first.block_hash)
    return [
        Row(stream, event_version(attempt, event.log_index), STORED_AS[type(event)], _encode(event))
        for event in events
    ]


def store_chain_facts(chain: Chain, facts: Sequence[ChainFact]) -> list[Row]:
    """The rows of the next facts of a chain's stream."""
    return [
        Row(chain.id, version, STORED_AS[type(fact)], _encode(fact))
        for version, fact in enumerate(facts, chain.version + 1)
    ]


def load_chain(cursor: Cursor[DictRow], chain_id: int) -> Chain:
    """The chain's aggregate as the log has it, without reading ranges that are long final."""
    chain = Chain(chain_id)
    row = cursor.execute(_SELECT_VERSION, [chain.id]).fetchone()
    assert row is not None
    version: int = row["version"]
    facts = _select_facts(cursor, _SELECT_RARE, [chain.id]) | _select_tail(cursor, chain, version)
    chain.apply(facts[at] for at in sorted(facts))
    chain.version = version
    return chain


def _select_tail(cursor: Cursor[DictRow], chain: Chain, version: int) -> dict[int, ChainFact]:
    """The newest facts, back to a range that was already final when the newest was indexed."""
    facts: dict[int, ChainFact] = {}
    while version:
        facts |= _select_facts(cursor, _SELECT_TAIL, [chain.id, version])
        version = min(facts) - 1
        ranges = [fact for _, fact in sorted(facts.items()) if isinstance(fact, RangeIndexed)]
        if ranges and ranges[0].last <= ranges[-1].finalized:
            break
    return facts


def _select_facts(
    cursor: Cursor[DictRow], statement: str, parameters: list[Any]
) -> dict[int, ChainFact]:
    rows = cursor.execute(statement, parameters).fetchall()
    return {row["originator_version"]: load_fact(row["topic"], row["state"]) for row in rows}


def chain_digest(previous: str, rows: Iterable[Row]) -> str:
    """SHA-256 over the digest before it and, of each row, name and bytes as first stored; hex."""
    digest = hashlib.sha256(bytes.fromhex(previous))
    for row in rows:
        digest.update(row.topic.encode())
        digest.update(row.state)
    return digest.hexdigest()


class _JsonbBytes(Loader):
    """Leaves jsonb as the bytes of its text: `load_event` reads them faster than `json` would."""

    def load(self, data: Any) -> bytes:
        return bytes(data)


class LogDatastore(PostgresDatastore):
    """The library's connection pool: jsonb comes back as bytes, and sessions take a role."""

    def __init__(self, url: str, *, role: str, application_name: str, schema: str = SCHEMA) -> None:
        """Parse `url`; connect only when used, as `role`, showing `application_name`."""
        self._session = SQL("SET ROLE {}; SET application_name = {}").format(
            Identifier(role), application_name
        )
        # The pool is made of a few named parts; the rest of the URL, sslmode say, follows after.
        super().__init__("", "", "", "", "", schema=schema, pool_size=1, max_overflow=3)
        self.pool.kwargs = {**conninfo_to_dict(url), "row_factory": dict_row}

    def after_connect_func(self) -> Any:
        """What the pool does with every new connection."""
        configure = super().after_connect_func()
        session = self._session

        def after_connect(connection: Connection[Any]) -> None:
            configure(connection)
            connection.execute(session)
            connection.adapters.register_loader("jsonb", _JsonbBytes)

        return after_connect


def create_statements(schema: str = SCHEMA, table: str = TABLE) -> list[Composed]:
    """What makes the event table and the index of its positions, where they are missing."""
    names = {"schema": Identifier(schema), "table": Identifier(table)}
    index = Identifier(f"{table}_notification_id")
    return [_CREATE_TABLE.format(**names), _CREATE_INDEX.format(**names, index=index)]


class LogRecorder(PostgresApplicationRecorder):
    """The library's application recorder over a jsonb table, appending by COPY."""

    def __init__(self, datastore: PostgresDatastore, *, events_table_name: str = TABLE) -> None:
        # With database functions the library takes no ordering lock, and readers lose events.
        assert not datastore.enable_db_functions
        super().__init__(datastore, events_table_name=events_table_name)
        self.sql_create_statements = create_statements(datastore.schema, events_table_name)
        names = {"schema": Identifier(datastore.schema), "table": Identifier(events_table_name)}
        self._copy = _COPY.format(**names)
        self._last_id = _LAST_ID.format(**names)

    def insert_events(
        self, stored_events: Sequence[StoredEvent | Row], **_: Any
    ) -> Sequence[int] | None:
        """Append all of these events, or none; the library's interface."""
        rows = [
            Row(event.originator_id, event.originator_version, event.topic, event.state)
            for event in stored_events
        ]
        with self.datastore.transaction(commit=True) as cursor:
            return list(self.append(cursor, rows))

    def append(self, cursor: Cursor[DictRow], rows: Sequence[Row]) -> range:
        """Append inside the caller's transaction, which must be READ COMMITTED.

        Returns:
            The positions of the events in the log, contiguous.

        Raises:
            psycopg.errors.UniqueViolation: one of them stands in the log already.
        """
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", _APPEND_LOCK)
        row = cursor.execute(self._last_id).fetchone()
        assert row is not None
        first = row["last_id"] + 1
        with cursor.copy(self._copy) as copy:
            copy.set_types(["uuid", "int8", "text", "bytea", "int8"])
            for position, (stream, version, topic, state) in enumerate(rows, first):
                copy.write_row((stream, version, topic, _JSONB_VERSION + state, position))
        self._notify_channel(cursor)
        return range(first, first + len(rows))


_CREATE_TABLE = SQL(
    """
    CREATE TABLE IF NOT EXISTS {schema}.{table} (
        originator_id uuid NOT NULL,
        originator_version bigint NOT NULL,
        topic text NOT NULL,
        state jsonb NOT NULL,
        notification_id bigint NOT NULL,
        PRIMARY KEY (originator_id, originator_version)
    )
    """
)
_CREATE_INDEX = SQL(
    "CREATE UNIQUE INDEX IF NOT EXISTS {index} ON {schema}.{table} (notification_id)"
)
_COPY = SQL(
    """
    COPY {schema}.{table} (originator_id, originator_version, topic, state, notification_id)
    FROM STDIN (FORMAT BINARY)
    """
)
_LAST_ID = SQL("SELECT coalesce(max(notification_id), 0) AS last_id FROM {schema}.{table}")

# Facts of a chain's stream that are few. Index: stored_event_rare_facts.
_SELECT_RARE = f"""
    SELECT originator_version, topic, state FROM {SCHEMA}.{TABLE}
    WHERE topic IN ('ChainOpened/1', 'ContractDiscovered/1', 'BlocksOrphaned/1')
      AND originator_id = %s
    ORDER BY originator_version
"""
# The newest facts of a chain's stream, newest first. Index: primary key.
_SELECT_TAIL = f"""
    SELECT originator_version, topic, state FROM {SCHEMA}.{TABLE}
    WHERE originator_id = %s AND originator_version <= %s
    ORDER BY originator_version DESC LIMIT {_TAIL_PAGE}
"""
_SELECT_VERSION = f"""
    SELECT coalesce(max(originator_version), 0) AS version FROM {SCHEMA}.{TABLE}
    WHERE originator_id = %s
"""
