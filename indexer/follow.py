"""Blocks that are not final: one by one, each bound to its hash and settled by its receipts."""

from collections.abc import Iterator, Sequence
from functools import partial

from indexer.backfill import Appended
from indexer.branch import Branch
from indexer.endpoint import Endpoint
from indexer.fetch import Fetched, fetch, fetch_headers, proved
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
    contracts = writer.chain.contracts
    settings, latest = node.settings, branch.heads.latest
    last = min(latest.number, branch.first + _BLOCKS_AT_ONCE - 1)

    def blocks(endpoint: Endpoint, proof: Proof) -> Fetched:
        headers = [latest]
        if branch.first < latest.number:
            headers = fetch_headers(endpoint, branch.first, last, proof=proof)
        # A filter is bound to a block hash only when it asks for that one block.
        headers = headers if proof == "receipts" else headers[:1]
        return fetch(endpoint, headers, contracts, chain_id=settings.id, proof=proof)

    def unit(endpoint: Endpoint) -> Fetched:
        # Where a chain's commitments are not the standard ones, nothing can be proved by them.
        proof: Proof = "none" if settings.proof == "none" else "receipts"
        return proved(endpoint, proof, partial(blocks, endpoint))

    fetched = node.ask(unit)
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
        block = fetched.events.get(header.number, [])
        if ranges and events + len(block) > _EVENTS_A_TRANSACTION:
            yield ranges
            ranges, events = [], 0
        discovered = [fact for fact in fetched.discovered if fact.block == header.number]
        proof, finalized = fetched.proof, branch.heads.finalized
        blocks = [block] if block else []
        ranges.append(IndexedRange(header.number, header, discovered, blocks, proof, finalized))
        events += len(block)
    yield ranges
