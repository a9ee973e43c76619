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


class ChainFact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
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


class ContractDiscovered(ChainFact, frozen=True, omit_defaults=True):
    """A contract is followed from `block` on: configured, or announced by a factory there.

    A `late` one came when these blocks were indexed already: it is back-filled, and followed with
    the others once that has reached the head.
    """

    deployment: str
    kind: ContractKind
    address: str
    block: int
    late: bool = False


class RangeIndexed(ChainFact, frozen=True, omit_defaults=True):
    """Every log of every followed contract in blocks `first` to `last` stands in the log.

    Attributes:
        first: number of the first block.
        last: number of the last block.
        last_hash: hash of the last block.
        last_time: its Unix time in seconds.
        events: how many events the range holds.
        digest: over all rows of the chain up to and with this one; see `schema.log.digest`.
        proof: how completeness was shown.
        finalized: the highest block that the chain called final at that moment; -1 if none.
        checks: a checksum of every row of the chain since the digest before it.
    """

    first: int
    last: int
    last_hash: str
    last_time: int
    events: int
    digest: str
    proof: Proof
    finalized: int
    checks: str = ""


class ContractsBackfilled(ChainFact, frozen=True, omit_defaults=True):
    """Every log of the late contracts in blocks `first` to `last`, which were indexed before.

    Fields as in RangeIndexed; the head stays where it is. A `joined` one reached the head: the
    late contracts are followed with the others from here on.
    """

    first: int
    last: int
    last_hash: str
    last_time: int
    events: int
    digest: str
    proof: Proof
    joined: bool = False
    checks: str = ""


class OrphanedBlock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A block that the chain no longer contains; `attempt` as in the versions of its events."""

    number: int
    hash: str
    attempt: int


class BlocksOrphaned(ChainFact, frozen=True):
    """The chain left these blocks: it continues from `fork_number`, whose hash is `fork_hash`."""

    fork_number: int
    fork_hash: str
    blocks: tuple[OrphanedBlock, ...]


# Facts that seal, by `events`, `checks` and `digest`, what stands before them: see
# `schema.log.digest`.
Seal = RangeIndexed | ContractsBackfilled


class IndexedBlock(msgspec.Struct, frozen=True):
    """The last block of an indexed range: a place to which a reorganisation may go back."""

    number: int
    hash: str


class Followed(msgspec.Struct, frozen=True):
    """A followed contract."""

    deployment: str
    kind: ContractKind
    block: int


class Growth(msgspec.Struct):
    """Late contracts on their way to the head: one group at a time.

    Attributes:
        covered: the last block up to which their logs stand in the log.
        contracts: by address; those that are announced on the way are among them.
    """

    covered: IndexedBlock
    contracts: dict[str, Followed] = {}


class Chain:
    """The aggregate of one chain's stream: the state that its facts imply.

    Attributes:
        id: the stream's id.
        version: of the last fact; 0 before the first.
        contracts: followed contracts by address, in the order of their discovery.
        growth: contracts that are back-filled before they are followed; None if there are none.
        tail: ends of the indexed ranges, oldest first, back to the last one known final.
        finalized: the highest final block number seen; -1 if none.
        digest: of the last seal.
        unsealed: the facts since then, which no digest covers yet.
    """

    def __init__(self, chain_id: int) -> None:
        self.chain_id = chain_id
        self.id: UUID = chain_stream_id(chain_id)
        self.version = 0
        self.opened: ChainOpened | None = None
        self.contracts: dict[str, Followed] = {}
        self.growth: Growth | None = None
        self.tail: deque[IndexedBlock] = deque()
        self.finalized = -1
        self.digest = GENESIS_DIGEST
        self.unsealed: list[ChainFact] = []
        self._orphaned: dict[str, int] = {}

    @property
    def head(self) -> IndexedBlock | None:
        """The last indexed block; None before the first range."""
        return self.tail[-1] if self.tail else None

    @property
    def start(self) -> IndexedBlock:
        """The block before the first one."""
        assert self.opened is not None
        return IndexedBlock(self.opened.start_block - 1, self.opened.start_hash)

    @property
    def next_block(self) -> int:
        """The number of the first block that is not indexed yet."""
        return (self.head or self.start).number + 1

    @property
    def next_parent(self) -> str:
        """The parent hash that the next block must carry."""
        return (self.head or self.start).hash

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
            self._seal(fact)
            match fact:
                case ChainOpened():
                    self.opened = fact
                case ContractDiscovered():
                    self._apply_discovered(fact)
                case RangeIndexed():
                    self._apply_range(fact)
                case ContractsBackfilled():
                    self._apply_backfilled(fact)
                case BlocksOrphaned():
                    self._apply_orphaned(fact)

    def _seal(self, fact: ChainFact) -> None:
        if isinstance(fact, Seal):
            self.digest = fact.digest
            self.unsealed.clear()
        else:
            self.unsealed.append(fact)

    def _apply_range(self, fact: RangeIndexed) -> None:
        self.finalized = max(self.finalized, fact.finalized)
        self.tail.append(IndexedBlock(fact.last, fact.last_hash))
        # The last final block stays: it is where the deepest reorganisation may fork.
        while len(self.tail) > 1 and self.tail[1].number <= self.finalized:
            self.tail.popleft()

    def _apply_discovered(self, fact: ContractDiscovered) -> None:
        contracts = self.contracts
        if fact.late:
            self.growth = self.growth or Growth(self.start)
            contracts = self.growth.contracts
        contracts[fact.address] = Followed(fact.deployment, fact.kind, fact.block)

    def _apply_backfilled(self, fact: ContractsBackfilled) -> None:
        assert self.growth is not None
        self.growth.covered = IndexedBlock(fact.last, fact.last_hash)
        if fact.joined:
            self.contracts |= self.growth.contracts
            self.growth = None

    def _apply_orphaned(self, fact: BlocksOrphaned) -> None:
        while self.tail and self.tail[-1].number > fact.fork_number:
            self.tail.pop()
        if not self.tail and fact.fork_number > self.start.number:
            # Below the last final block, by an operator's word: the fork is the last one now.
            self.tail.append(IndexedBlock(fact.fork_number, fact.fork_hash))
        self.finalized = min(self.finalized, fact.fork_number)
        for block in fact.blocks:
            self._orphaned[block.hash] = block.attempt + 1
        if self.growth is not None and self.growth.covered.number > fact.fork_number:
            self.growth.covered = IndexedBlock(fact.fork_number, fact.fork_hash)
