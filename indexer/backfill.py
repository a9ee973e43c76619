"""Final blocks, by ranges: several are fetched at once and appended strictly in order.

While the main thread appends a range, threads fetch, prove and decode the next ones. A range that
was begun before another announced a contract gets that contract's logs when its turn comes.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from indexer.branch import Branch
from indexer.endpoint import Endpoint
from indexer.errors import StoppedError
from indexer.fetch import Fetched, extend, fetch, fetch_headers, is_new, proved
from indexer.node import Node
from indexer.proof import Header
from indexer.writer import IndexedRange, Writer
from schema.log.chain import Followed, Proof

# Hides the latency of a remote node; each holds one range, so it also bounds memory.
_IN_FLIGHT = 4
# A commit costs as much as a few hundred events, so this many hide it. More would only cost
# memory, and time where a contract is announced: ranges begun before are then fetched again.
_EVENTS_WANTED = 3_000
_WIDTH_FIRST, _WIDTH_STEP, _WIDTH_MAX = 64, 64, 2_000

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
    with ThreadPoolExecutor(_IN_FLIGHT, thread_name_prefix="fetch") as pool:
        ranges = _Ranges(node, pool, writer.chain.contracts)
        try:
            for fetched in ranges.fetch(branch.first, branch.heads.finalized):
                branch.check(fetched.headers[0])
                indexed = _indexed(node, writer, fetched, branch)
                events = writer.append([indexed], branch.orphaned)
                ranges.adapt(events)
                branch = branch.after(indexed.last)
                appended(indexed.last, events)
        finally:
            ranges.cancel()


def _indexed(node: Node, writer: Writer, fetched: Fetched, branch: Branch) -> IndexedRange:
    """The range with the logs of all contracts that are followed by now."""
    followed = writer.chain.contracts
    missing = {a: f for a, f in followed.items() if is_new(fetched.contracts, a, f)}
    if missing:
        fetched = node.ask(partial(extend, fetched=fetched, contracts=missing))
    discovered = [
        fact
        for fact in fetched.discovered
        if is_new(followed, fact.address, Followed(fact.deployment, fact.kind, fact.block))
    ]
    return IndexedRange(
        fetched.headers[0].number,
        fetched.headers[-1],
        discovered,
        [fetched.events[number] for number in sorted(fetched.events)],
        fetched.proof,
        branch.heads.finalized,
    )


class _Ranges:
    """Fetches contiguous ranges ahead of their turn, as wide as keeps them of one size."""

    def __init__(
        self, node: Node, pool: ThreadPoolExecutor, contracts: dict[str, Followed]
    ) -> None:
        self._node = node
        self._pool = pool
        self._contracts = dict(contracts)
        self._pending: deque[Future[Fetched]] = deque()
        self._width = _WIDTH_FIRST

    def fetch(self, first: int, last: int) -> Iterator[Fetched]:
        """The blocks from `first` to `last`, range by range, in order."""
        while first <= last or self._pending:
            while first <= last and len(self._pending) < _IN_FLIGHT:
                end = min(first + self._width - 1, last)
                self._pending.append(self._pool.submit(self._fetch_one, first, end))
                first = end + 1
            if self._node.stop.is_set():
                raise StoppedError
            yield self._pending.popleft().result()

    def adapt(self, events: int) -> None:
        """Widen or halve the next ranges, given how many events one had."""
        if events > 2 * _EVENTS_WANTED:
            self._width = max(self._width // 2, 1)
        elif events < _EVENTS_WANTED:
            self._width = min(self._width + _WIDTH_STEP, _WIDTH_MAX)

    def cancel(self) -> None:
        """Forget what has not begun."""
        for future in self._pending:
            future.cancel()

    def _fetch_one(self, first: int, last: int) -> Fetched:
        settings = self._node.settings

        def unit(endpoint: Endpoint) -> Fetched:
            headers = fetch_headers(endpoint, first, last, proof=settings.proof)
            contracts = dict(self._contracts)

            def read(proof: Proof) -> Fetched:
                return fetch(endpoint, headers, contracts, chain_id=settings.id, proof=proof)

            return proved(endpoint, settings.proof, read)

        fetched = self._node.ask(unit)
        # Ranges that begin after this need not be extended when their turn comes.
        self._contracts |= fetched.contracts
        return fetched
