"""The one writer of a chain: holds its lock, appends, and knows the chain as the log has it.

Two things keep a second writer out. A session lock on the writing connection makes it wait, as a
hot standby; and the version of the chain's stream is a fence inside every append, so that even a
writer that was frozen while another took over cannot append. What a lost connection leaves in
doubt is never guessed: the chain is loaded again and work goes on from what the log says.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import NamedTuple, Self

import msgspec
import psycopg
from psycopg.rows import DictRow

from indexer.errors import LogChangedError
from indexer.proof import Header
from indexer.session import Session
from schema.database import UNAVAILABLE, reason
from schema.errors import DatabaseUnavailableError
from schema.log.appendix import Appendix
from schema.log.chain import (
    BlocksOrphaned,
    Chain,
    ChainFact,
    ChainOpened,
    ContractDiscovered,
    ContractsBackfilled,
    Proof,
    RangeIndexed,
)
from schema.log.digest import CheckedRow
from schema.log.store import load_chain
from schema.progress import ChainTally

_OPEN_LOCK = (0x6461_7962, 2)  # "dayb": one chain is opened at a time, so that ordinals differ


class IndexedRange(NamedTuple):
    """Contiguous blocks that are ready to be appended.

    Attributes:
        first: number of the first block.
        last: header of the last block.
        discovered: contracts that are announced in these blocks.
        rows: of all events in these blocks, in order.
        finalized: the highest final block as the node says; -1 if none.
    """

    first: int
    last: Header
    discovered: Sequence[ContractDiscovered]
    rows: Sequence[CheckedRow]
    proof: Proof
    finalized: int


class Writer:
    """Appends to one chain; use as a context manager.

    Attributes:
        chain: what the log says of the chain, once `ready` returned; with what is being appended.
    """

    def __init__(self, database_url: str, chain_id: int, tally: ChainTally | None = None) -> None:
        """Prepare; `tally` counts what is appended and what fails."""
        self.chain = Chain(chain_id)
        self._tally = tally or ChainTally()
        self._url = database_url
        self._session: Session | None = None
        self._is_loaded = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="append")
        self._behind: Future[Appendix] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown()
        self._disconnect()

    def ready(self) -> None:
        """Be connected, hold the chain's lock and know the chain; at once where nothing changed.

        Raises:
            DatabaseUnavailableError: nothing answers.
            ChainTakenError: another writer holds the lock.
        """
        with suppress(LogChangedError, DatabaseUnavailableError):
            self.settle()  # what failed is found out by loading the chain again
        if self._is_loaded:
            return
        try:
            self._session = self._session or Session(self._url, self.chain.chain_id)
            self._session.lock()
            with self._session.connection.cursor() as cursor:
                self.chain = load_chain(cursor, self.chain.chain_id)
            self._is_loaded = True
        except UNAVAILABLE as error:
            self._disconnect()
            raise DatabaseUnavailableError(reason(error)) from error

    def open(self, *, name: str, start: Header, contracts: Sequence[ContractDiscovered]) -> None:
        """Append the chain's first facts; `start` is the header of its first block.

        Raises:
            LogChangedError, DatabaseUnavailableError: nothing is known to be appended.
        """

        def opening(cursor: psycopg.Cursor[DictRow]) -> Appendix:
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

    def orphan(self, orphaned: BlocksOrphaned) -> None:
        """Append that blocks left the chain, before what comes in their place is known.

        Raises:
            LogChangedError, DatabaseUnavailableError: nothing is known to be appended.
        """
        appendix = self._facts_only([orphaned])
        self._commit(lambda _: appendix)

    def append(
        self,
        ranges: Sequence[IndexedRange],
        orphaned: BlocksOrphaned | None = None,
        *,
        behind: bool = False,
    ) -> int:
        """Append ranges, after the fact that other blocks were left; all in one transaction.

        Args:
            ranges: blocks that follow what was appended before.
            orphaned: what the chain left before them.
            behind: return at once; the next call, or `settle`, raises what it failed with.

        Returns:
            How many events were appended.

        Raises:
            LogChangedError: somebody else wrote; nothing was appended.
            DatabaseUnavailableError: whether it was appended is not known; `ready` finds out.
        """
        appendix, events = Appendix(self.chain), 0
        if orphaned:
            appendix.add_facts([orphaned])
        for each in ranges:
            appendix.add_facts(each.discovered)
            appendix.add_events(each.rows)
            appendix.seal(self._range_fact(each))
            events += len(each.rows)
        self.settle()
        hurried = bool(ranges) and _is_final(ranges[-1])
        self._behind = self._thread.submit(self._write, lambda _: appendix, hurried=hurried)
        # As if it were there: where it fails, the chain is loaded again.
        self.chain.apply(appendix.facts)
        if not behind:
            self.settle()
        return events

    def settle(self) -> None:
        """Wait until everything is appended.

        Raises:
            LogChangedError, DatabaseUnavailableError: as `append`.
        """
        behind, self._behind = self._behind, None
        if behind is not None:
            behind.result()

    def backfill(self, grown: IndexedRange, *, joined: bool) -> int:
        """Append the late contracts' logs of blocks that are indexed; in one transaction.

        Args:
            grown: the blocks, after those covered before.
            joined: whether the late contracts are followed with the others from here on.

        Returns:
            How many events were appended.

        Raises:
            LogChangedError, DatabaseUnavailableError: as `append`.
        """
        fact = ContractsBackfilled(
            self.chain.chain_id,
            first=grown.first,
            last=grown.last.number,
            last_hash=grown.last.hash,
            last_time=grown.last.time,
            events=len(grown.rows),
            digest="",
            proof=grown.proof,
            joined=joined,
        )
        appendix = Appendix(self.chain)
        appendix.add_facts(msgspec.structs.replace(each, late=True) for each in grown.discovered)
        appendix.add_events(grown.rows)
        appendix.seal(fact)
        self._commit(lambda _: appendix, hurried=_is_final(grown))
        return len(grown.rows)

    def _facts_only(self, facts: Sequence[ChainFact]) -> Appendix:
        appendix = Appendix(self.chain)
        appendix.add_facts(facts)
        return appendix

    def _range_fact(self, indexed: IndexedRange) -> RangeIndexed:
        """The fact, but for checks and digest."""
        return RangeIndexed(
            self.chain.chain_id,
            first=indexed.first,
            last=indexed.last.number,
            last_hash=indexed.last.hash,
            last_time=indexed.last.time,
            events=len(indexed.rows),
            digest="",
            proof=indexed.proof,
            finalized=indexed.finalized,
        )

    def _commit(
        self, prepare: Callable[[psycopg.Cursor[DictRow]], Appendix], *, hurried: bool = False
    ) -> None:
        """Append what `prepare` gives; only then the chain is what it says."""
        self.settle()
        self.chain.apply(self._write(prepare, hurried=hurried).facts)

    def _write(
        self, prepare: Callable[[psycopg.Cursor[DictRow]], Appendix], *, hurried: bool
    ) -> Appendix:
        """Append what `prepare` gives, in one transaction.

        A hurried one does not wait for the disk. Should PostgreSQL crash, the log ends before it
        as a whole, and so does whatever was posted from it.
        """
        session = self._session
        assert session is not None
        assert self._is_loaded
        try:
            with (
                self._tally.appending(),
                session.connection.transaction(),
                session.connection.cursor() as cursor,
            ):
                if hurried:
                    cursor.execute("SET LOCAL synchronous_commit = off")
                appendix = prepare(cursor)
                session.recorder.append(cursor, appendix.rows)
        except psycopg.errors.UniqueViolation as error:
            self._is_loaded = False
            raise LogChangedError(self.chain.chain_id) from error
        except UNAVAILABLE as error:
            self._disconnect()
            raise DatabaseUnavailableError(reason(error)) from error
        return appendix

    def _disconnect(self) -> None:
        session, self._session = self._session, None
        self._is_loaded = False
        if session is not None:
            session.close()


def _is_final(indexed: IndexedRange) -> bool:
    """Whether it can always be fetched again as it is."""
    return indexed.last.number <= indexed.finalized
