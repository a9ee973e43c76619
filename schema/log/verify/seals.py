"""Compares the rows of a chain with what its seals say of them."""

import msgspec

from schema.log.chain import GENESIS_DIGEST, Seal
from schema.log.digest import unpack_checks
from schema.log.scan import ScannedRow
from schema.log.store import store_fact
from schema.log.verify.findings import Findings
from schema.log.verify.holes import Holes
from schema.log.verify.stretch import Difference, Stretch, differences


class SealVerifier:
    """Takes the canonical rows of a chain, and its seals.

    Attributes:
        position: of the last seal; 0 before the first.
        version: of the last seal in the chain's stream.
        digest: of the last seal, as it says.
        stretch: the rows since then.
    """

    def __init__(self, findings: Findings, holes: Holes) -> None:
        self.position = self.version = 0
        self.digest = GENESIS_DIGEST
        self.stretch = Stretch()
        self._facts = 0
        self._findings = findings
        self._holes = holes
        # What the last seal says, and what it should say: only one of the two was hashed on.
        self._previous = (GENESIS_DIGEST, GENESIS_DIGEST)

    def begin_after(self, row: ScannedRow, seal: Seal) -> None:
        """Take for granted what a seal says, and begin after it."""
        self.digest, self._previous = seal.digest, (seal.digest, seal.digest)
        self.position, self.version = row.position, row.version

    def add(self, position: int, row: bytes, *, is_fact: bool) -> None:
        """Take the next row that is no seal; `is_fact` if it is of the chain's own stream."""
        self.stretch.add(position, row)
        self._facts += is_fact

    def close(self, row: ScannedRow, seal: Seal) -> bool:
        """Take a seal, which covers the rows since the last one; whether they are what it says."""
        stretch, self.stretch = self.stretch, Stretch()
        checks = stretch.checks
        digests = [stretch.digest(each, _itself(row, seal)) for each in self._previous]
        is_right = seal.checks == checks and seal.digest in digests
        if not is_right:
            self._tell(row, seal, stretch, digests)
        self.digest, self._previous = seal.digest, (seal.digest, digests[0])
        self.position, self.version, self._facts = row.position, row.version, 0
        return is_right

    def _tell(self, row: ScannedRow, seal: Seal, stretch: Stretch, digests: list[str]) -> None:
        """Note what differs."""
        right_checks = msgspec.structs.replace(seal, checks=stretch.checks)
        itself = _itself(row, right_checks)
        if seal.digest in [stretch.digest(each, itself) for each in self._previous]:
            self._changed(row, "its checks as they were sealed", "other ones")
            return
        try:
            expected = unpack_checks(seal.checks)
        except ValueError as error:
            self._changed(row, "checks of the rows before it", str(error))
            return
        found = list(differences(expected, stretch.checksums))
        for difference in found:
            self._place(row, stretch, difference, expected)
        if not found and not self._lacks_facts(row, self.position):
            self._changed(row, f"a seal with digest {digests[0]}", f"digest {seal.digest}")

    def _changed(self, row: ScannedRow, expected: str, found: str) -> None:
        self._findings.add("changed", row.position, expected=expected, found=found)

    def _place(
        self, row: ScannedRow, stretch: Stretch, difference: Difference, expected: tuple[int, ...]
    ) -> None:
        """Name the positions of rows that differ."""
        first, at = difference.first, difference.at
        pairs = min(difference.expected, difference.found)
        for offset in range(pairs):
            self._findings.misfit(
                stretch.positions[at + offset],
                expected=expected[first + offset],
                found=stretch.checksums[at + offset],
            )
        self._too_many(row, stretch, at + pairs, at + difference.found)
        missing = expected[first + pairs : first + difference.expected]
        self._too_few(row, stretch, at + difference.found, missing)

    def _too_many(self, row: ScannedRow, stretch: Stretch, first: int, last: int) -> None:
        """Name rows that the seal does not know."""
        lost = []
        for at in range(first, last):
            position = stretch.positions[at]
            if self._lacks_facts(row, position):
                lost.append(position)
            else:
                self._findings.misfit(position, expected=None, found=stretch.checksums[at])
        if lost:
            unsealed(self._findings, lost[0], lost[-1])

    def _lacks_facts(self, row: ScannedRow, after: int) -> bool:
        """Whether facts are missing since a position: a seal may be one, and its digest with it."""
        is_whole = row.version == self.version + self._facts + 1
        return not is_whole and self._holes.between(after, row.position)

    def _too_few(
        self, row: ScannedRow, stretch: Stretch, at: int, missing: tuple[int, ...]
    ) -> None:
        """Name the place of rows that the seal knows; but a hole there is told already."""
        before = stretch.positions[at - 1] if at else self.position
        after = stretch.positions[at] if at < len(stretch.positions) else row.position
        if missing and not self._holes.between(before, after):
            # The seal before them may be what stands in their place.
            first = before + 1 if at else max(self.position, 1)
            self._findings.missing(first, after, missing)


def unsealed(findings: Findings, first: int, last: int) -> None:
    """Note events whose seal is not there."""
    findings.add(
        "unsealed",
        first,
        last=last,
        expected="a fact after them that seals them",
        found="none: it was deleted, or these were inserted",
    )


def _itself(row: ScannedRow, seal: Seal) -> bytes:
    """The canonical row of a seal, its own digest left empty."""
    emptied = msgspec.structs.replace(seal, digest="")
    return store_fact(row.stream, row.version, emptied)
