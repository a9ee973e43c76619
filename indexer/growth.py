"""Contracts that came into the configuration late: back-filled beside the head, then joined.

The blocks in question are indexed already, so only the late contracts' logs are fetched, and the
head stays where it is. Up to the last final block that is done by ranges, above it by verified
blocks of the very hashes that the log holds; what reached the head is followed from there on.
Whatever the node does meanwhile, each contract's events stand in the log in the chain's order.
"""

import time
from collections import ChainMap
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import msgspec
import structlog

from indexer.backfill import IN_FLIGHT_MAX, Ranges, complete
from indexer.endpoint import Endpoint
from indexer.errors import BranchChangedError, EndpointError
from indexer.fetch import Fetched, as_many_as_fit, fetch_headers, fetch_listed, proved
from indexer.node import Node
from indexer.opening import configured, unknown
from indexer.roster import Roster
from indexer.writer import Writer
from schema.errors import DaybookError
from schema.families import Deployment
from schema.log.chain import Chain, Followed, Growth, IndexedBlock, Proof
from schema.progress import Progress, Report

# So long a new head may wait: for what is appended here, and for what is still being fetched.
_SLICE_SECONDS = 0.5
_WAIT_SECONDS = 0.1
_UNFINAL_BLOCKS_AT_ONCE = 64
_REST_SECONDS_MAX = 15.0

_log = structlog.get_logger()


class Grower:
    """Brings a chain's late contracts to its head, a slice at a time, one group after another."""

    def __init__(
        self, node: Node, writer: Writer, deployments: Sequence[Deployment], report: Report
    ) -> None:
        self._node = node
        self._writer = writer
        self._configured = configured(node.settings, deployments)
        self._report = report
        self._pool = ThreadPoolExecutor(IN_FLIGHT_MAX, thread_name_prefix="grow")
        self._ranges: Ranges | None = None
        self._fetched: Iterator[list[Fetched]] = iter(())
        self._known: dict[str, Followed] = {}
        self._events = 0
        self._failures = 0
        self._resting_until = 0.0

    @property
    def is_done(self) -> bool:
        """Whether every contract is followed."""
        chain = self._writer.chain
        return chain.growth is None and not unknown(chain, self._configured)

    def step(self, latest: int) -> bool:
        """Back-fill for about half a second, if blocks up to number `latest` are indexed.

        So the head comes first; but each time it is reached there is a slice of this, or a chain
        whose blocks come faster than they are looked for would never grow.

        What fails at the node is told and tried again later, without keeping the head waiting.

        Returns:
            Whether there was anything to do.

        Raises:
            StoppedError: asked to stop; what was appended is whole.
            LogChangedError, DatabaseUnavailableError: nothing more is known to be appended.
        """
        chain = self._writer.chain
        if chain.head is None or chain.next_block <= latest or self.is_done:
            return False
        if time.monotonic() < self._resting_until:
            return False
        try:
            self._grow(chain)
            self._failures = 0
        except (EndpointError, BranchChangedError) as error:
            self._cancel()
            self._rest(error)
        except BaseException:
            self._cancel()
            raise
        return True

    def _cancel(self) -> None:
        """Forget what is being fetched; the log says where to begin again."""
        if self._ranges is not None:
            self._ranges.cancel()
        self._ranges = None

    def _rest(self, error: DaybookError) -> None:
        self._failures += 1
        name, seconds = self._node.settings.name, min(2.0**self._failures / 2, _REST_SECONDS_MAX)
        self._resting_until = time.monotonic() + seconds
        _log.warning("growth_waiting", chain=name, attempt=self._failures, reason=str(error))

    def _grow(self, chain: Chain) -> None:
        if chain.growth is None:
            late = [msgspec.structs.replace(c, late=True) for c in unknown(chain, self._configured)]
            self._writer.discover(late)
        assert chain.growth is not None
        first, final = chain.growth.covered.number + 1, chain.tail[0].number
        if first <= final <= chain.finalized:
            self._by_ranges(chain.growth, first, final)
        else:
            self._by_blocks(chain.growth, first)

    def _by_ranges(self, growth: Growth, first: int, last: int) -> None:
        """Final blocks, as many as come in time; others are fetched while the head is looked at."""
        if self._ranges is None:
            self._known = _known(self._writer.chain)
            self._ranges = Ranges(
                self._node, self._pool, self._writer.chain, growth.contracts, known=self._known
            )
            self._fetched = self._ranges.fetch(first, last)
        over = time.monotonic() + _SLICE_SECONDS
        while time.monotonic() < over and self._ranges.is_ready(_WAIT_SECONDS):
            ready = next(self._fetched, None)
            if ready is None:
                self._ranges = None
                return
            for fetched in ready:
                self._append(growth, fetched)

    def _by_blocks(self, growth: Growth, first: int) -> None:
        """Blocks that are not final, some of them if there are many."""
        self._known = _known(self._writer.chain)
        roster = Roster(growth.contracts, self._known)
        head = self._writer.chain.tail[-1].number
        settings, chain = self._node.settings, self._writer.chain

        def unit(endpoint: Endpoint, count: int) -> Fetched:
            last = first + count - 1
            headers = fetch_headers(endpoint, first, last, proof=settings.proof)

            def read(proof: Proof) -> Fetched:
                # A filter is bound to a block hash only when it asks for that one block.
                some = headers if proof == "receipts" else headers[:1]
                return fetch_listed(endpoint, some, roster, chain=chain, proof=proof)

            return proved(endpoint, "none" if settings.proof == "none" else "receipts", read)

        blocks = min(head - first + 1, _UNFINAL_BLOCKS_AT_ONCE)
        fetched = as_many_as_fit(blocks, lambda n: self._node.ask(partial(unit, count=n)))
        self._append(growth, fetched)

    def _append(self, growth: Growth, fetched: Fetched) -> None:
        """Append what fits the blocks of the log."""
        chain = self._writer.chain
        _check(chain, growth.covered, fetched)
        followed = ChainMap(growth.contracts, self._known)
        finalized = chain.finalized
        grown = complete(self._node, fetched, followed, chain=chain, finalized=finalized)
        events = self._writer.backfill(grown, joined=grown.last.number == chain.tail[-1].number)
        self._events += events
        self._tell(chain, grown.last.number)

    def _tell(self, chain: Chain, covered: int) -> None:
        before = self._node.settings.start_block - 1
        done, total = covered - before, chain.tail[-1].number - before
        task = f"back-fill {self._node.settings.name}"
        self._report(Progress(task, "blocks", done, total, self._events))


def _known(chain: Chain) -> dict[str, Followed]:
    """What the log follows already, as if from the start: however it is announced, it is there."""
    start = chain.start.number
    return {
        address: msgspec.structs.replace(followed, block=start)
        for address, followed in chain.contracts.items()
    }


def _check(chain: Chain, covered: IndexedBlock, fetched: Fetched) -> None:
    """Check that the blocks follow those covered, and are the log's where its hashes are known.

    Raises:
        BranchChangedError: they are others.
    """
    first, last = fetched.headers[0], fetched.headers[-1]
    if first.parent_hash != covered.hash:
        raise BranchChangedError(first.number)
    if any(block.number == last.number and block.hash != last.hash for block in chain.tail):
        raise BranchChangedError(last.number)
