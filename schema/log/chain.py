"""The stream of a chain: what was indexed, discovered and orphaned, and the state it implies.

These facts stand in the log beside the events they cover, in the same transaction, so the cursor
of an indexer is itself a fact. Their versions are contiguous: two writers would collide on one.
"""

from collections import deque
from collections.abc import Iterable
from typing import ClassVar, Literal
from uuid import UUID

import msgspec

from schema.events import ContractKind
from schema.log.streams import chain_stream_id

Proof = Literal["receipts", "bloom", "none"]

GENESIS_DIGEST = "0" * 64


class ChainFact(msgspec.Struct, frozen=True):
    """A fact of a chain's own stream."""

    version: ClassVar[int] = 1

    chain_id: int


class ChainOpened(ChainFact, frozen=True):
    """The first fact of a chain: its place among the chains of this log, and where it begins.

    `start_hash` is the parent hash of the start block, which the first range must fit.
    """

    ordinal: int
    name: str
    start_block: int
    start_hash: str


class ContractDiscovered(ChainFact, frozen=True):
    """A contract is followed from `block` on: configured, or announced by a factory there."""

    deployment: str
    kind: ContractKind
    address: str
    block: int


class RangeIndexed(ChainFact, frozen=True):
    """Every log of every followed contract in blocks `first` to `last` stands in the log.

    Attributes:
        first: number of the first block.
        last: number of the last block.
        last_hash: hash of the last block.
        last_time: its Unix time in seconds.
        events: how many events the range holds.
        digest: SHA-256 over the digest before it and the stored bytes of these events, hex.
        proof: how completeness was shown.
        finalized: the highest block that the chain called final at that moment; -1 if none.
    """

    first: int
    last: int
    last_hash: str
    last_time: int
    events: int
    digest: str
    proof: Proof
    finalized: int


class OrphanedBlock(msgspec.Struct, frozen=True):
    """A block that the chain no longer contains; `attempt` as in the versions of its events."""

    number: int
    hash: str
    attempt: int


class BlocksOrphaned(ChainFact, frozen=True):
    """The chain left these blocks: it continues from `fork_number`, whose hash is `fork_hash`."""

    fork_number: int
    fork_hash: str
    blocks: tuple[OrphanedBlock, ...]


class IndexedBlock(msgspec.Struct, frozen=True):
    """The last block of an indexed range: a place to which a reorganisation may go back."""

    number: int
    hash: str


class Followed(msgspec.Struct, frozen=True):
    """A followed contract."""

    deployment: str
    kind: ContractKind
    block: int


class Chain:
    """The aggregate of one chain's stream: the state that its facts imply.

    Attributes:
        id: the stream's id.
        version: of the last fact; 0 before the first.
        contracts: followed contracts by address, in the order of their discovery.
        tail: ends of the indexed ranges, oldest first, back to the last one known final.
        finalized: the highest final block number seen; -1 if none.
        digest: of the last indexed range.
    """

    def __init__(self, chain_id: int) -> None:
        self.chain_id = chain_id
        self.id: UUID = chain_stream_id(chain_id)
        self.version = 0
        self.opened: ChainOpened | None = None
        self.contracts: dict[str, Followed] = {}
        self.tail: deque[IndexedBlock] = deque()
        self.finalized = -1
        self.digest = GENESIS_DIGEST
        self._orphaned: dict[str, int] = {}

    @property
    def head(self) -> IndexedBlock | None:
        """The last indexed block; None before the first range."""
        return self.tail[-1] if self.tail else None

    @property
    def next_block(self) -> int:
        """The number of the first block that is not indexed yet."""
        assert self.opened is not None
        return self.tail[-1].number + 1 if self.tail else self.opened.start_block

    @property
    def next_parent(self) -> str:
        """The parent hash that the next block must carry."""
        assert self.opened is not None
        return self.tail[-1].hash if self.tail else self.opened.start_hash

    def attempt(self, block_hash: str) -> int:
        """How often this very block was orphaned so far."""
        return self._orphaned.get(block_hash, 0)

    def orphan_above(self, fork_number: int) -> BlocksOrphaned:
        """The fact that every indexed block above `fork_number` left the chain.

        `fork_number` must be the end of an indexed range, or the block before the start block.
        """
        assert self.opened is not None
        kept = [block for block in self.tail if block.number <= fork_number]
        gone = [block for block in self.tail if block.number > fork_number]
        fork_hash = kept[-1].hash if kept else self.opened.start_hash
        return BlocksOrphaned(
            self.chain_id,
            fork_number,
            fork_hash,
            tuple(OrphanedBlock(b.number, b.hash, self.attempt(b.hash)) for b in gone),
        )

    def apply(self, facts: Iterable[ChainFact]) -> None:
        """Take the next facts of the stream, in order."""
        for fact in facts:
            self.version += 1
            match fact:
                case ChainOpened():
                    self.opened = fact
                case ContractDiscovered():
                    self.contracts[fact.address] = Followed(fact.deployment, fact.kind, fact.block)
                case RangeIndexed():
                    self._apply_range(fact)
                case BlocksOrphaned():
                    self._apply_orphaned(fact)

    def _apply_range(self, fact: RangeIndexed) -> None:
        self.digest = fact.digest
        self.finalized = max(self.finalized, fact.finalized)
        self.tail.append(IndexedBlock(fact.last, fact.last_hash))
        # The last final block stays: it is where the deepest reorganisation may fork.
        while len(self.tail) > 1 and self.tail[1].number <= self.finalized:
            self.tail.popleft()

    def _apply_orphaned(self, fact: BlocksOrphaned) -> None:
        while self.tail and self.tail[-1].number > fact.fork_number:
            self.tail.pop()
        for block in fact.blocks:
            self._orphaned[block.hash] = block.attempt + 1
