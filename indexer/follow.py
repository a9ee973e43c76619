"""Blocks that are not final: one by one, each bound to its hash and settled by its receipts."""

from collections.abc import Iterator, Sequence
from functools import partial

from indexer.backfill import Appended
from indexer.branch import Branch
from indexer.endpoint import Endpoint
from indexer.fetch import Fetched, as_many_as_fit, fetch, fetch_headers, proved
from indexer.node import Node
from indexer.writer import IndexedRange, Writer
from schema.log.chain import Proof

# Restoring prior images is posted by transaction, so these stay small while catching up.
_EVENTS_A_TRANSACTION = 2_000
_BLOCKS_AT_ONCE = 64


def follow(node: Node, writer: Writer, branch: Branch, appended: Appended) -> None:
    """Append the branch's next blocks up to the head, some of them if there are many.

    Raises:
        EndpointError: no endpoint gave proved blocks, or the chain moved meanwhile.
        LogChangedError, DatabaseUnavailableError: nothing more is known to be appended.
    """
    chain = writer.chain
    settings, latest = node.settings, branch.heads.latest

    def blocks(endpoint: Endpoint, proof: Proof, count: int) -> Fetched:
        headers = [latest]
        if branch.first < latest.number:
            last = branch.first + count - 1
            headers = fetch_headers(endpoint, branch.first, last, proof=proof)
        # A filter is bound to a block hash only when it asks for that one block.
        headers = headers if proof == "receipts" else headers[:1]
        return fetch(endpoint, headers, chain.contracts, chain=chain, proof=proof)

    def take(count: int) -> Fetched:
        # Where a chain's commitments are not the standard ones, nothing can be proved by them.
        proof: Proof = "none" if settings.proof == "none" else "receipts"
        return node.ask(lambda one: proved(one, proof, partial(blocks, one, count=count)))

    new = latest.number - branch.first + 1
    fetched = as_many_as_fit(min(new, _BLOCKS_AT_ONCE), take)
    branch.check(fetched.headers[0])
    orphaned = branch.orphaned
    for ranges in _transactions(fetched, branch):
        events = writer.append(ranges, orphaned)
        orphaned = None
        appended(ranges[-1].last, events)


def _transactions(fetched: Fetched, branch: Branch) -> Iterator[Sequence[IndexedRange]]:
    """A range for each block, in transactions of a bounded number of events."""
    ranges: list[IndexedRange] = []
    events = 0
    for header in fetched.headers:
        rows = fetched.rows.get(header.number, [])
        if ranges and events + len(rows) > _EVENTS_A_TRANSACTION:
            yield ranges
            ranges, events = [], 0
        discovered = [fact for fact in fetched.discovered if fact.block == header.number]
        proof, finalized = fetched.proof, branch.heads.finalized
        ranges.append(IndexedRange(header.number, header, discovered, rows, proof, finalized))
        events += len(rows)
    yield ranges
