"""The event store: the `eventsourcing` library's table and recorder, appended to by COPY.

This is the one module that knows the library. Differences from its recorder, and why:
`state` is jsonb, so that the log can be queried; every append is one COPY in one transaction under
an advisory lock, because the library's insert hangs beyond about 500 events and its table lock
queues behind VACUUM; ids continue from the highest one, so that a rolled back append leaves no gap.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg import Connection, Cursor
from psycopg.adapt import Loader
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow, dict_row
from psycopg.sql import SQL, Composed, Identifier

from schema.database import with_keepalives
from schema.events import Event, UndecodedLog
from schema.log.chain import Chain, ChainFact, RangeIndexed
from schema.log.digest import canonical_row, finish_row, row_head, topic_field
from schema.log.mapper import STORED_AS, load_fact
from schema.log.streams import block_stream_id, event_version

SCHEMA = "log"
TABLE = "stored_event"
CHANNEL = TABLE  # what NOTIFY wakes

_APPEND_LOCK = (0x6461_7962, 1)  # "dayb": one append at a time, so that ids commit in order
# Before the rows of a binary COPY: its signature, no flags, no extension. After them: -1 fields.
_COPY_HEAD, _COPY_END = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
_ROWS_A_WRITE = 1_024  # so many are copied in memory once more
_POSITION_LENGTH = (8).to_bytes(4)
_TAIL_PAGE = 1_000
_encode = msgspec.json.Encoder().encode


_TOPICS = {event: topic_field(name) for event, name in STORED_AS.items()}


def store_block_events(
    events: Sequence[Event | UndecodedLog], *, ordinal: int, attempt: int
) -> list[bytes]:
    """The canonical rows of one block's events, all of the same block."""
    if not events:
        return []
    first = events[0]
    stream = block_stream_id(first.chain_id, ordinal, first.block_number, first.block_hash)
    head = row_head(stream)
    return [
        finish_row(
            head, event_version(attempt, event.log_index), _TOPICS[type(event)], _encode(event)
        )
        for event in events
    ]


def store_chain_facts(chain: Chain, facts: Sequence[ChainFact]) -> list[bytes]:
    """The canonical rows of the next facts of a chain's stream."""
    return [
        store_fact(chain.id, version, fact) for version, fact in enumerate(facts, chain.version + 1)
    ]


def store_fact(stream: UUID, version: int, fact: ChainFact) -> bytes:
    """The canonical row of a fact of a chain's stream."""
    return finish_row(row_head(stream), version, _TOPICS[type(fact)], _encode(fact))


def load_chain(cursor: Cursor[DictRow], chain_id: int) -> Chain:
    """The chain's aggregate as the log has it, without reading ranges that are long final."""
    chain = Chain(chain_id)
    row = cursor.execute(_SELECT_VERSION, [chain.id]).fetchone()
    assert row is not None
    version: int = row["version"]
    facts = _select_facts(cursor, _SELECT_RARE, [chain.id])
    facts |= _select_facts(cursor, _SELECT_GROWTH, [chain.id, chain.id])
    facts |= _select_tail(cursor, chain, version)
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


class _JsonbBytes(Loader):
    """Leaves jsonb as the bytes of its text: `load_event` reads them faster than `json` would."""

    def load(self, data: Any) -> bytes:
        return bytes(data)


class LogDatastore(PostgresDatastore):
    """The library's connection pool: jsonb comes back as bytes, and sessions take a role."""

    def __init__(self, url: str, *, role: str, application_name: str, schema: str = SCHEMA) -> None:
        """Parse `url`; connect only when used, as `role`, showing `application_name`."""
        self._session = _SESSION.format(Identifier(role), application_name)
        # The pool is made of a few named parts; the rest of the URL, sslmode say, follows after.
        super().__init__("", "", "", "", "", schema=schema, pool_size=1, max_overflow=3)
        self.pool.kwargs = {**conninfo_to_dict(with_keepalives(url)), "row_factory": dict_row}

    def after_connect_func(self) -> Any:
        """What the pool does with every new connection."""
        configure = super().after_connect_func()
        session = self._session

        def after_connect(connection: Connection[Any]) -> None:
            configure(connection)
            connection.execute(session)
            connection.adapters.register_loader("jsonb", _JsonbBytes)

        return after_connect

    def register_type_adapters(self) -> None:
        """Open the pool, and no more: the types are of database functions, which we refuse."""
        self.pool.open()


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
        self._lock_and_last_id = _LOCK_AND_LAST_ID.format(*_APPEND_LOCK, **names)

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int] | None:
        """Append all of these events, or none; the library's interface."""
        rows = [
            canonical_row(
                UUID(str(event.originator_id)), event.originator_version, event.topic, event.state
            )
            for event in stored_events
        ]
        return self.insert_rows(rows)

    def insert_rows(self, rows: Sequence[bytes]) -> Sequence[int]:
        """Append canonical rows in a transaction of their own; their positions in the log."""
        with self.datastore.transaction(commit=True) as cursor:
            return list(self.append(cursor, rows))

    def append(self, cursor: Cursor[DictRow], rows: Sequence[bytes]) -> range:
        """Append canonical rows inside the caller's transaction, which must be READ COMMITTED.

        Returns:
            The positions of the events in the log, contiguous.

        Raises:
            psycopg.errors.UniqueViolation: one of them stands in the log already.
        """
        cursor.execute(self._lock_and_last_id)  # in one go
        cursor.nextset()
        row = cursor.fetchone()
        assert row is not None
        positions = range(row["last_id"] + 1, row["last_id"] + 1 + len(rows))
        with cursor.copy(self._copy) as copy:
            copy.write(_COPY_HEAD)
            for at in range(0, len(rows), _ROWS_A_WRITE):
                some = slice(at, at + _ROWS_A_WRITE)
                copy.write(_placed(rows[some], positions[some]))
            copy.write(_COPY_END)
        self._notify_channel(cursor)
        return positions


def _placed(rows: Sequence[bytes], positions: range) -> bytes:
    """Canonical rows with the field that they lack, their positions."""
    parts = [_POSITION_LENGTH] * (3 * len(rows))
    parts[0::3] = rows
    parts[2::3] = [position.to_bytes(8) for position in positions]
    return b"".join(parts)


# A session that stopped in the middle of an append holds up the appends of all chains: the server
# ends it, as it does when the other side's machine is gone.
_SESSION = SQL(
    """
    SET ROLE {};
    SET application_name = {};
    SET idle_in_transaction_session_timeout = '60s';
    SET tcp_keepalives_idle = 10;
    SET tcp_keepalives_interval = 5;
    SET tcp_keepalives_count = 4;
    """
)
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
_LOCK_AND_LAST_ID = SQL(
    """
    SELECT pg_advisory_xact_lock({}, {});
    SELECT coalesce(max(notification_id), 0) AS last_id FROM {schema}.{table}
    """
)

# Facts of a chain's stream that are few. Index: stored_event_rare_facts.
_SELECT_RARE = f"""
    SELECT originator_version, topic, state FROM {SCHEMA}.{TABLE}
    WHERE topic IN ('ChainOpened/1', 'ContractDiscovered/1', 'BlocksOrphaned/1')
      AND originator_id = %s
    ORDER BY originator_version
"""
# Where contracts joined the others, and how far the newest back-fill of any is.
# Index: stored_event_contracts_backfilled.
_SELECT_GROWTH = f"""
    SELECT originator_version, topic, state - 'checks' AS state FROM {SCHEMA}.{TABLE}
    WHERE topic = 'ContractsBackfilled/1' AND originator_id = %s AND state ? 'joined'
    UNION ALL (
        SELECT originator_version, topic, state - 'checks' FROM {SCHEMA}.{TABLE}
        WHERE topic = 'ContractsBackfilled/1' AND originator_id = %s
        ORDER BY originator_version DESC LIMIT 1
    )
"""
# The newest facts of a chain's stream, newest first, without checks, which may be long.
# Index: primary key.
_SELECT_TAIL = f"""
    SELECT originator_version, topic, state - 'checks' AS state FROM {SCHEMA}.{TABLE}
    WHERE originator_id = %s AND originator_version <= %s
    ORDER BY originator_version DESC LIMIT {_TAIL_PAGE}
"""
_SELECT_VERSION = f"""
    SELECT coalesce(max(originator_version), 0) AS version FROM {SCHEMA}.{TABLE}
    WHERE originator_id = %s
"""
