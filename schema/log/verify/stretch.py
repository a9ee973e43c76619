"""The rows of a chain between two seals, and how they differ from what the second one says."""

import zlib
from array import array
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from hashlib import sha256
from typing import NamedTuple

from schema.log.digest import link, pack_checks

# Looking for the likeliest alignment takes much memory; beyond this the rows are told as a whole.
_ALIGNED_MAX = 100_000


class Stretch:
    """Rows that the next seal must cover: their positions and checksums, and one hash over all.

    Attributes:
        positions: of the rows, ascending.
        checksums: the CRC-32 of each canonical row.
    """

    def __init__(self) -> None:
        self.positions = array("q")
        self.checksums = array("I")
        self._content = sha256()

    def add(self, position: int, row: bytes) -> None:
        """Take the next canonical row."""
        self.positions.append(position)
        self.checksums.append(zlib.crc32(row))
        self._content.update(row)

    @property
    def checks(self) -> str:
        """The checks that its seal must have."""
        return pack_checks(self.checksums)

    def digest(self, previous: str, itself: bytes) -> str:
        """The digest that its seal must have.

        Args:
            previous: the digest before it.
            itself: the canonical row of the seal, its own digest left empty.
        """
        content = self._content.copy()
        content.update(itself)
        return link(previous, content.digest())


class Difference(NamedTuple):
    """Rows that differ: those expected from `first` on, those found from `at` on.

    Attributes:
        expected: how many checksums have no row.
        found: how many rows have no checksum.
    """

    first: int
    expected: int
    at: int
    found: int


def differences(expected: Sequence[int], found: Sequence[int]) -> Iterator[Difference]:
    """Where two lists of checksums differ.

    Lists of one length are compared place by place, because rows that were changed or exchanged
    keep theirs; others are aligned.
    """
    start = 0
    while start < min(len(expected), len(found)) and expected[start] == found[start]:
        start += 1
    end = 0
    while end < min(len(expected), len(found)) - start and expected[-1 - end] == found[-1 - end]:
        end += 1
    ours, theirs = expected[start : len(expected) - end], found[start : len(found) - end]
    if len(ours) == len(theirs):
        for at, (one, other) in enumerate(zip(ours, theirs, strict=True), start):
            if one != other:
                yield Difference(at, 1, at, 1)
    elif max(len(ours), len(theirs)) > _ALIGNED_MAX:
        yield Difference(start, len(ours), start, len(theirs))
    else:
        matcher = SequenceMatcher(None, ours, theirs, autojunk=False)
        for tag, first, last, at, until in matcher.get_opcodes():
            if tag != "equal":
                yield Difference(start + first, last - first, start + at, until - at)
