"""Simulated chains that keep leaving their branches, and indexers that follow them into a log."""

import json
import random
from collections.abc import Iterable, Sequence

from schema.events import Event
from schema.log.chain import IndexedBlock
from scripts.simulate.blocks import SealedBlock
from scripts.simulate.chain import Setting, generate
from tests.oracle.books import Placed
from tests.projections.tables import select
from tests.projections.tape import Block, Indexer, Tape, read_block

FINALITY = 14  # blocks; no reorganisation is deeper
_FORK_DEPTHS = (1, 1, 2, 3, 5, 9, 13)
_WIDTH_MAX = 20  # of a range of final blocks


class Wanderer:
    """A chain of a seed, and what of it its indexer has seen.

    Attributes:
        chain_id: its own.
        deployment: the name of its one deployment.
        branch: its blocks as they stand in the log.
    """

    def __init__(self, setting: Setting, chance: random.Random, *, ordinal: int = 0) -> None:
        self.chain_id = 1 + ordinal
        self.deployment = f"deployment {ordinal}"
        self.branch: list[Block] = []
        self._ordinal = ordinal
        self._chain = generate(setting)
        self._chance = chance
        self._kinds = {address: kind for kind, address in self._chain.contracts.items()}
        self._read: dict[str, Block] = {}
        self._left_at: int | None = None  # the first number of the branch to which it may go back

    def open(self, database_url: str) -> Indexer:
        """Begin the chain's part of the log; the indexer that writes it."""
        singletons = {address: kind for kind, address in self._chain.contracts.items()}
        genesis = self._block(self._chain.blocks.head)
        tape = Tape(self.chain_id, (genesis,), singletons)  # type: ignore[arg-type]  # kinds
        indexer = Indexer(database_url, tape, deployment=self.deployment)
        indexer.open(ordinal=self._ordinal)
        return indexer

    def move(self, finalized: int) -> None:
        """Some blocks further, or along another branch, or back to the one before it.

        Args:
            finalized: the block that it must not leave.
        """
        may_return = self._left_at is not None and self._left_at > finalized
        if may_return and self._chance.random() < 0.2:
            self._chain.go_back()
            self._left_at = None
        elif self._chance.random() < 0.25:
            self._fork(finalized)
        else:
            self.advance(self._chance.choice((1, 1, 1, 2, 3, 25)))

    def advance(self, blocks: int) -> None:
        """So many blocks further, without a look back."""
        for _ in range(blocks):
            self._chain.advance()

    def finish(self) -> None:
        """On to the end of the story."""
        while not self._chain.is_over:
            self._chain.advance()

    def _fork(self, finalized: int) -> None:
        deepest = len(self._chain.blocks) - 1 - max(finalized, 0)
        depth = min(self._chance.choice(_FORK_DEPTHS), deepest)
        if depth > 0:
            self._left_at = len(self._chain.blocks) - depth
            length = self._chance.choice((None, None, 0, depth - 1, depth + 4))
            self._chain.reorg(depth, length=length, is_empty=self._chance.random() < 0.1)

    def follow(self, indexer: Indexer, *, blocks_max: int | None = None) -> None:
        """Append what is new on the chain: final blocks in ranges, so many of the others singly."""
        blocks = [self._block(block) for block in self._chain.blocks]
        tail = list(indexer.chain.tail)
        kept = [end for end in tail if _holds(blocks, end)]
        new = blocks[kept[-1].number + 1 :] if kept else blocks
        final = [block for block in new if block.number <= len(blocks) - FINALITY]
        if len(kept) < len(tail) and (final or self._chance.random() < 0.3):
            indexer.leave(kept[-1].number)
        if final:
            width = self._chance.randint(1, _WIDTH_MAX)
            indexer.backfill(final, width=width, finalized=final[-1].number)
        for block in new[len(final) :][:blocks_max]:
            finalized = max(block.number - FINALITY, indexer.chain.finalized)
            indexer.follow(block, finality=block.number - finalized)
        end = indexer.chain.head
        if end is not None and _holds(blocks, end):
            self.branch = blocks[: end.number + 1]

    def _block(self, sealed: SealedBlock) -> Block:
        if sealed.hash not in self._read:
            line = {
                "block": json.loads(sealed.json),
                "receipts": json.loads(sealed.receipts_json()),
            }
            self._read[sealed.hash] = read_block(line, self._kinds, self.chain_id)  # type: ignore[arg-type]  # kinds
        return self._read[sealed.hash]


def _holds(blocks: Sequence[Block], end: IndexedBlock) -> bool:
    return end.number < len(blocks) and blocks[end.number].hash == end.hash


def standing_events(database_url: str, wanderers: Iterable[Wanderer]) -> list[Placed]:
    """The events of these branches with their places in the log, in its order."""
    positions = {
        (row["chain_id"], row["block_hash"], row["log_index"]): row["position"]
        for row in select(database_url, _SELECT_POSITIONS)
    }
    placed = [
        Placed(positions[wanderer.chain_id, block.hash, event.log_index], event)
        for wanderer in wanderers
        for block in wanderer.branch
        for event in block.events
        if isinstance(event, Event)
    ]
    return sorted(placed)


# A block that came back stands there once more.
_SELECT_POSITIONS = """
    SELECT
        max(notification_id) AS position,
        (state -> 'chain_id')::bigint AS chain_id,
        state ->> 'block_hash' AS block_hash,
        (state -> 'log_index')::bigint AS log_index
    FROM log.stored_event
    WHERE state ? 'log_index'
    GROUP BY 2, 3, 4
"""
