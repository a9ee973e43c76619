"""The one writer of a chain: holds its lock, appends, and knows the chain as the log has it.

Two things keep a second writer out. A session lock on the writing connection makes it wait, as a
hot standby; and the version of the chain's stream is a fence inside every append, so that even a
writer that was frozen while another took over cannot append. What a lost connection leaves in
doubt is never guessed: the chain is loaded again and work goes on from what the log says.
"""

import os
import socket
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, Self

import psycopg
from psycopg.rows import DictRow

from indexer.errors import LogChangedError
from indexer.fetch import Events
from indexer.proof import Header
from schema.database import connect, reason
from schema.errors import ChainTakenError, DatabaseUnavailableError
from schema.log.chain import (
    BlocksOrphaned,
    Chain,
    ChainFact,
    ChainOpened,
    ContractDiscovered,
    Proof,
    RangeIndexed,
)
from schema.log.store import (
    LogDatastore,
    LogRecorder,
    chain_digest,
    load_chain,
    store_block_events,
    store_chain_facts,
)
from schema.log.streams import chain_stream_id

_ROLE: Final = "daybook_indexer"
_OPEN_LOCK = (0x6461_7962, 2)  # "dayb": one chain is opened at a time, so that ordinals differ


class IndexedRange(NamedTuple):
    """Contiguous blocks that are ready to be appended.

    Attributes:
        first: number of the first block.
        last: header of the last block.
        discovered: contracts that are announced in these blocks.
        blocks: the events of every block that has any, in order.
        finalized: the highest final block as the node says; -1 if none.
    """

    first: int
    last: Header
    discovered: Sequence[ContractDiscovered]
    blocks: Sequence[Events]
    proof: Proof
    finalized: int


class _Appendix(NamedTuple):
    """Rows of one transaction, and those of them that are facts of the chain itself."""

    rows: Sequence[Any]
    facts: Sequence[ChainFact]


class _Session:
    """A connection to the log for as long as it lives, and the recorder that appends with it."""

    def __init__(self, url: str) -> None:
        name = f"daybook-index {socket.gethostname()} {os.getpid()}"
        # Tells clearly why nothing answers; the pool would only say that it timed out.
        connect(url, role=_ROLE, application_name=name).close()
        self._datastore = LogDatastore(url, role=_ROLE, application_name=name)
        self.recorder = LogRecorder(self._datastore)
        self.connection: psycopg.Connection[DictRow] = self._datastore.pool.getconn()

    def close(self) -> None:
        self._datastore.pool.putconn(self.connection)
        self._datastore.close()


class Writer:
    """Appends to one chain; use as a context manager.

    Attributes:
        chain: what the log says of the chain, once `ready` returned.
    """

    def __init__(self, database_url: str, chain_id: int) -> None:
        self.chain = Chain(chain_id)
        self._url = database_url
        self._key = int.from_bytes(chain_stream_id(chain_id).bytes[:8], "big", signed=True)
        self._session: _Session | None = None
        self._is_loaded = False
        self._is_locked = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._disconnect()

    def ready(self) -> None:
        """Be connected, hold the chain's lock and know the chain; at once where nothing changed.

        Raises:
            DatabaseUnavailableError: nothing answers.
            ChainTakenError: another writer holds the lock.
        """
        if self._is_loaded:
            return
        try:
            self._session = self._session or _Session(self._url)
            with self._session.connection.cursor() as cursor:
                self._lock(cursor)
                self.chain = load_chain(cursor, self.chain.chain_id)
            self._is_loaded = True
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            self._disconnect()
            raise DatabaseUnavailableError(reason(error)) from error

    def open(self, *, name: str, start: Header, contracts: Sequence[ContractDiscovered]) -> None:
        """Append the chain's first facts; `start` is the header of its first block.

        Raises:
            LogChangedError, DatabaseUnavailableError: nothing is known to be appended.
        """

        def opening(cursor: psycopg.Cursor[DictRow]) -> _Appendix:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", _OPEN_LOCK)
            row = cursor.execute("SELECT count(*) AS chains FROM log.chain_opened").fetchone()
            assert row is not None
            where = (start.number, start.parent_hash)
            opened = ChainOpened(self.chain.chain_id, row["chains"], name, *where)
            return self._facts_only([opened, *contracts])

        self._commit(opening)

    def discover(self, contracts: Sequence[ContractDiscovered]) -> None:
        """Append that these contracts are followed.

        Raises:
            LogChangedError, DatabaseUnavailableError: nothing is known to be appended.
        """
        appendix = self._facts_only(contracts)
        self._commit(lambda _: appendix)

    def append(self, ranges: Sequence[IndexedRange], orphaned: BlocksOrphaned | None = None) -> int:
        """Append ranges, after the fact that other blocks were left; all in one transaction.

        Returns:
            How many events were appended.

        Raises:
            LogChangedError: somebody else wrote; nothing was appended.
            DatabaseUnavailableError: whether it was appended is not known; `ready` finds out.
        """
        facts: list[ChainFact] = [orphaned] if orphaned else []
        rows = store_chain_facts(self.chain, facts)
        digest, events = self.chain.digest, 0
        for each in ranges:
            range_rows = self._event_rows(each)
            digest = chain_digest(digest, range_rows)
            range_facts = [*each.discovered, self._range_fact(each, len(range_rows), digest)]
            fact_rows = store_chain_facts(self.chain, [*facts, *range_facts])[len(facts) :]
            rows += [*fact_rows[:-1], *range_rows, fact_rows[-1]]
            facts += range_facts
            events += len(range_rows)
        self._commit(lambda _: _Appendix(rows, facts))
        return events

    def _facts_only(self, facts: Sequence[ChainFact]) -> _Appendix:
        return _Appendix(store_chain_facts(self.chain, facts), facts)

    def _event_rows(self, indexed: IndexedRange) -> list[Any]:
        opened = self.chain.opened
        assert opened is not None
        rows = []
        for events in indexed.blocks:
            attempt = self.chain.attempt(events[0].block_hash)
            rows += store_block_events(events, ordinal=opened.ordinal, attempt=attempt)
        return rows

    def _range_fact(self, indexed: IndexedRange, events: int, digest: str) -> RangeIndexed:
        return RangeIndexed(
            self.chain.chain_id,
            first=indexed.first,
            last=indexed.last.number,
            last_hash=indexed.last.hash,
            last_time=indexed.last.time,
            events=events,
            digest=digest,
            proof=indexed.proof,
            finalized=indexed.finalized,
        )

    def _commit(self, prepare: Callable[[psycopg.Cursor[DictRow]], _Appendix]) -> None:
        """Append what `prepare` gives, in one transaction; only then the chain is what it says."""
        session = self._session
        assert session is not None
        assert self._is_loaded
        try:
            with session.connection.transaction(), session.connection.cursor() as cursor:
                appendix = prepare(cursor)
                session.recorder.append(cursor, appendix.rows)
        except psycopg.errors.UniqueViolation as error:
            self._is_loaded = False
            raise LogChangedError(self.chain.chain_id) from error
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            self._disconnect()
            raise DatabaseUnavailableError(reason(error)) from error
        self.chain.apply(appendix.facts)

    def _lock(self, cursor: psycopg.Cursor[DictRow]) -> None:
        if self._is_locked:
            return
        row = cursor.execute(_TRY_LOCK, [self._key]).fetchone()
        assert row is not None
        if not row["locked"]:
            holder = cursor.execute(_HOLDER, [self._key]).fetchone()
            name = holder["holder"] if holder else "a writer that just left"
            raise ChainTakenError(chain_id=self.chain.chain_id, holder=name)
        self._is_locked = True

    def _disconnect(self) -> None:
        session, self._session = self._session, None
        self._is_loaded = self._is_locked = False
        if session is not None:
            session.close()


_TRY_LOCK = "SELECT pg_try_advisory_lock(%s) AS locked"

# Who holds the lock: a lock on one 64-bit key shows as its halves, with objsubid 1.
_HOLDER = """
    SELECT activity.application_name || ' (session ' || activity.pid || ')' AS holder
    FROM pg_locks AS lock
    JOIN pg_stat_activity AS activity ON activity.pid = lock.pid
    WHERE lock.locktype = 'advisory'
        AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND lock.objsubid = 1
        AND lock.granted
        AND (lock.classid::bigint << 32 | lock.objid::bigint) = %s
"""
