"""Looks for holes in the blocks that a chain's ranges cover."""

from schema.log.chain import (
    BlocksOrphaned,
    ChainFact,
    ChainOpened,
    ContractsBackfilled,
    RangeIndexed,
)
from schema.log.verify.findings import Findings


class CoverageVerifier:
    """Takes the facts of a chain, in order.

    Attributes:
        head: the last indexed block; before the first range, the one before the start block.
        head_hash: its hash.
    """

    def __init__(self, findings: Findings) -> None:
        self.head, self.head_hash = -1, ""
        self._start = 0
        self._backfilled = -1  # up to this block, what came late is back-filled
        self._findings = findings

    def take(self, position: int, fact: ChainFact) -> None:
        """Note where a range does not begin after the one before it."""
        match fact:
            case ChainOpened():
                self._start = fact.start_block
                self.head = self._backfilled = fact.start_block - 1
                self.head_hash = fact.start_hash
            case RangeIndexed():
                self._check(position, fact, self.head)
                self.head, self.head_hash = fact.last, fact.last_hash
            case ContractsBackfilled():
                self._check(position, fact, self._backfilled)
                self._backfilled = self._start - 1 if fact.joined else fact.last
            case BlocksOrphaned():
                self.head, self.head_hash = fact.fork_number, fact.fork_hash
                self._backfilled = min(self._backfilled, fact.fork_number)

    def _check(self, position: int, fact: RangeIndexed | ContractsBackfilled, before: int) -> None:
        if fact.first != before + 1 or fact.last < fact.first:
            self._findings.add(
                "hole",
                position,
                expected=f"a range that begins with block {before + 1}",
                found=f"blocks {fact.first} to {fact.last}",
            )
