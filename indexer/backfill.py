"""Final blocks, by ranges: several are fetched at once and appended strictly in order.

While the main thread appends a range, threads fetch, prove and decode the next ones. A range that
was begun before another announced a contract gets that contract's logs when its turn comes.
"""

import time
from collections import ChainMap, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from types import MappingProxyType
from typing import NamedTuple

from indexer.branch import Branch
from indexer.endpoint import Endpoint
from indexer.errors import RangeTooLargeError, StoppedError
from indexer.fetch import (
    Fetched,
    extend,
    fetch_headers,
    fetch_listed,
    proved,
)
from indexer.node import Node
from indexer.proof import Header
from indexer.roster import Contracts, Roster, is_new
from indexer.turns import TURN
from indexer.writer import IndexedRange, Writer
from schema.log.chain import Chain, ContractDiscovered, Followed, Proof

# Ranges that are fetched at once: few, as each takes memory and the processor's cache; but more as
# long as all of them are seen to wait for a node that is far away.
_IN_FLIGHT, IN_FLIGHT_MAX = 4, 10
_IDLE_SHARE_MIN, _IDLE_SHARE_MAX = 0.1, 0.25
# Where every range announces contracts, each one in flight asks again for those of all before it.
_IN_FLIGHT_ANNOUNCING = 2
# So many bytes of events, about 2,000 of them, still fit the processor's cache while they are
# proved, decoded and encoded; ranges that are ready are appended together, which hides a commit's
# cost.
_BYTES_WANTED = 1_200_000
# What ranges in flight may take once encoded: fewer of them are in flight where blocks are large.
_BYTES_IN_FLIGHT = 10_000_000
_WIDTH_FIRST, _WIDTH_STEP, _WIDTH_MAX = 64, 32, 2_000

Appended = Callable[[Header, int], None]


def backfill(node: Node, writer: Writer, branch: Branch, appended: Appended) -> None:
    """Append every block from the branch's first up to the last final one.

    Args:
        node: where the blocks are fetched.
        writer: of the chain.
        branch: what to continue.
        appended: told about each range: its last header and its number of events.

    Raises:
        EndpointError: no endpoint gave a proved range.
        StoppedError: asked to stop; what was appended is whole.
        LogChangedError, DatabaseUnavailableError: nothing more is known to be appended.
    """
    with ThreadPoolExecutor(IN_FLIGHT_MAX, thread_name_prefix="fetch") as pool:
        ranges = Ranges(node, pool, writer.chain)
        try:
            for ready in ranges.fetch(branch.first, branch.heads.finalized):
                indexed = completed(node, writer.chain, ready, branch)
                events = writer.append(indexed, branch.orphaned, behind=True)
                branch = branch.after(indexed[-1].last)
                appended(indexed[-1].last, events)
            writer.settle()
        finally:
            ranges.cancel()


def completed(
    node: Node, chain: Chain, ready: Sequence[Fetched], branch: Branch
) -> list[IndexedRange]:
    """Ranges to append together, each with the logs of all contracts that are followed by then.

    Raises:
        BranchChangedError: they do not follow each other, or not the branch.
        EndpointError: no endpoint gave logs that were missing.
    """
    announced: dict[str, Followed] = {}
    followed = ChainMap(announced, chain.contracts)
    ranges = []
    for fetched in ready:
        branch.check(fetched.headers[0])
        branch = branch.after(fetched.headers[-1])
        finalized = branch.heads.finalized
        ranges.append(complete(node, fetched, followed, chain=chain, finalized=finalized))
        announced |= _followed(ranges[-1].discovered)
    return ranges


def complete(
    node: Node, fetched: Fetched, followed: Contracts, *, chain: Chain, finalized: int
) -> IndexedRange:
    """The range with the logs of all contracts that are followed by now."""
    fetched = extended(node, fetched, chain=chain)
    discovered = [
        fact
        for fact in fetched.discovered
        if is_new(followed, fact.address, Followed(fact.deployment, fact.kind, fact.block))
    ]
    return IndexedRange(
        fetched.headers[0].number,
        fetched.headers[-1],
        discovered,
        [row for number in sorted(fetched.rows) for row in fetched.rows[number]],
        fetched.proof,
        finalized,
    )


def extended(node: Node, fetched: Fetched, *, chain: Chain) -> Fetched:
    """The range with the logs of all contracts of its roster; the very same if it has them."""
    missing = fetched.missing
    if not missing:
        return fetched

    def unit(endpoint: Endpoint) -> Fetched:
        with TURN:
            return extend(endpoint, fetched, missing, chain=chain)

    return node.ask(unit)


def _followed(discovered: Sequence[ContractDiscovered]) -> dict[str, Followed]:
    return {each.address: Followed(each.deployment, each.kind, each.block) for each in discovered}


class _Begun(NamedTuple):
    """A range that is being fetched."""

    first: int
    last: int
    fetched: Future[Fetched]


class Ranges:
    """Fetches contiguous ranges ahead of their turn, as wide as keeps them of one size."""

    def __init__(
        self,
        node: Node,
        pool: ThreadPoolExecutor,
        chain: Chain,
        contracts: Contracts | None = None,
        *,
        known: Contracts = MappingProxyType({}),
    ) -> None:
        """Fetch logs by the threads of `pool`.

        Args:
            node: where they are asked for.
            pool: of `IN_FLIGHT_MAX` threads.
            chain: what the log says of the chain.
            contracts: whose logs; those that the chain follows, unless given.
            known: contracts whose logs are not wanted.
        """
        self._width = _WIDTH_FIRST
        self._node = node
        self._pool = pool
        self._chain = chain
        self._roster = Roster(chain.contracts if contracts is None else contracts, known)
        self._pending: deque[_Begun] = deque()
        self._next, self._last = 0, -1
        self._heaviest = 0
        self._depth = _IN_FLIGHT
        self._looked_at = (time.perf_counter(), TURN.idle_seconds)
        self._is_announcing = False

    def fetch(self, first: int, last: int) -> Iterator[list[Fetched]]:
        """The blocks from `first` to `last`, in order: again and again the ranges that are ready.

        They are begun at once, and the next ones before those that are ready are given.
        """
        self._next, self._last = first, last
        self._submit()
        return self._results()

    def is_ready(self, timeout_seconds: float) -> bool:
        """Whether the iterator need not wait, now or within this time."""
        return not self._pending or bool(wait([self._pending[0].fetched], timeout_seconds).done)

    def cancel(self) -> None:
        """Forget what has not begun."""
        for begun in self._pending:
            begun.fetched.cancel()

    def _submit(self) -> None:
        most = _IN_FLIGHT_ANNOUNCING if self._is_announcing else self._depth
        in_flight = min(most, max(_BYTES_IN_FLIGHT // max(self._heaviest, 1), 1))
        while self._next <= self._last and len(self._pending) < in_flight:
            end = min(self._next + self._width - 1, self._last)
            self._pending.append(self._begin(self._next, end))
            self._next = end + 1

    def _begin(self, first: int, last: int) -> "_Begun":
        return _Begun(first, last, self._pool.submit(self._fetch_one, first, last))

    def _results(self) -> Iterator[list[Fetched]]:
        while self._pending:
            self._deepen()
            ready = self._take()
            self._adapt(ready)
            self._submit()
            if self._node.stop.is_set():
                raise StoppedError
            yield ready

    def _deepen(self) -> None:
        """Have more ranges in flight where the next one is not there and nobody computes."""
        (before, idle_before), now = self._looked_at, (time.perf_counter(), TURN.idle_seconds)
        self._looked_at = now
        idle_share = (now[1] - idle_before) / (now[0] - before)
        if idle_share > _IDLE_SHARE_MAX and not self._pending[0].fetched.done():
            self._depth = min(self._depth + 1, IN_FLIGHT_MAX)
        elif idle_share < _IDLE_SHARE_MIN:
            self._depth = max(self._depth - 1, _IN_FLIGHT)

    def _take(self) -> list[Fetched]:
        """The next range, once it is there, and those after it that are there too."""
        ready: list[Fetched] = []
        while self._pending and (not ready or self._pending[0].fetched.done()):
            begun = self._pending.popleft()
            try:
                fetched = begun.fetched.result()
            except RangeTooLargeError:
                self._halve(begun.first, begun.last)
            else:
                ready.append(fetched)
                self._learn(fetched)
        return ready

    def _learn(self, fetched: Fetched) -> None:
        """Get the logs of contracts that it announces for the ranges that were begun without."""
        if fetched.discovered and not fetched.spare.is_whole:
            self._pending = deque(
                begun._replace(fetched=self._pool.submit(self._extend_one, begun.fetched))
                for begun in self._pending
            )

    def _extend_one(self, begun: Future[Fetched]) -> Fetched:
        # The pool takes its tasks in order, so what is waited for here is being done already.
        return extended(self._node, begun.result(), chain=self._chain)

    def _halve(self, first: int, last: int) -> None:
        self._width = (last - first + 1) // 2
        middle = first + self._width
        self._pending.extendleft([self._begin(middle, last), self._begin(first, middle - 1)])

    def _adapt(self, ready: Sequence[Fetched]) -> None:
        """Widen or narrow the next ranges, given how many bytes these have."""
        self._heaviest = max(fetched.size for fetched in ready)
        self._is_announcing = all(f.discovered and not f.spare.is_whole for f in ready)
        for fetched in ready:
            # Ranges that were begun before the width was changed last do not change it again.
            blocks = len(fetched.headers)
            if fetched.size > 2 * _BYTES_WANTED:
                self._width = min(self._width, max(blocks // 2, 1))
            elif fetched.size < _BYTES_WANTED and blocks >= self._width:
                self._width = min(self._width + _WIDTH_STEP, _WIDTH_MAX)

    def _fetch_one(self, first: int, last: int) -> Fetched:
        settings, roster = self._node.settings, self._roster

        def unit(endpoint: Endpoint) -> Fetched:
            with TURN:
                headers = fetch_headers(endpoint, first, last, proof=settings.proof)

                def read(proof: Proof) -> Fetched:
                    return fetch_listed(endpoint, headers, roster, chain=self._chain, proof=proof)

                fetched = proved(endpoint, settings.proof, read)
                # Ranges that begin after this need not be extended when their turn comes.
                roster.add(_followed(fetched.discovered))
                return fetched

        return self._node.ask(unit)
