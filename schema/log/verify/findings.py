"""What an examination of the log found: where, what is wrong there, and what was expected.

A row that differs from what its seal says may be one that belongs elsewhere: when everything is
read, rows that are missing in one place and too many in another are told as moved or swapped.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import msgspec

What = Literal[
    "changed",
    "deleted",
    "inserted",
    "swapped",
    "moved",
    "duplicated",
    "unreadable",
    "misplaced",
    "unsealed",
    "hole",
    "miscounted",
]

# Whoever changes everything does not fill our memory with it.
_KEPT_A_KIND = 1_000


class Finding(msgspec.Struct, frozen=True):
    """Something that is wrong with the log.

    Attributes:
        position: in the log; of the first row, where several in a row are meant.
        last: of the last one of them.
        what: kind of the difference.
        expected: what should be there.
        found: what is there.
    """

    position: int
    last: int
    what: What
    expected: str
    found: str


class _Misfit(NamedTuple):
    """A row that is not the one that its seal says; `expected` is None where it says nothing."""

    position: int
    expected: int | None
    found: int


class _Missing(NamedTuple):
    """Rows that a seal knows, of which there is none between two neighbours."""

    position: int
    last: int
    expected: Sequence[int]


class Findings:
    """Collects findings, as many of a kind as anybody would read, and counts all."""

    def __init__(self) -> None:
        self._kept: list[Finding] = []
        self._misfits: list[_Misfit] = []
        self._missing: list[_Missing] = []
        self._counts: Counter[str] = Counter()

    def add(
        self, what: What, position: int, *, expected: str, found: str, last: int | None = None
    ) -> None:
        """Note a finding at a position, or from there to `last`."""
        self._counts[what] += 1
        if self._counts[what] <= _KEPT_A_KIND:
            last = position if last is None else last
            self._kept.append(Finding(position, last, what, expected, found))

    def misfit(self, position: int, *, expected: int | None, found: int) -> None:
        """Note a row that is not the one that its seal says.

        Args:
            position: of the row.
            expected: checksum of what the seal says; None where it says that nothing is there.
            found: checksum of the row.
        """
        self._counts["misfit"] += 1
        if self._counts["misfit"] <= _KEPT_A_KIND:
            self._misfits.append(_Misfit(position, expected, found))

    def missing(self, position: int, last: int, expected: Sequence[int]) -> None:
        """Note that rows are missing there which a seal has these checksums of."""
        self._counts["missing"] += 1
        if self._counts["missing"] <= _KEPT_A_KIND:
            self._missing.append(_Missing(position, last, expected))

    @property
    def count(self) -> int:
        """How many there are, those that were not kept included."""
        return self._counts.total()

    def all(self) -> list[Finding]:
        """Those that were kept, in the order of the log."""
        found = [*self._kept, *self._explained()]
        return sorted(found, key=lambda finding: (finding.position, finding.last, finding.what))

    def _explained(self) -> Iterator[Finding]:
        """What became of each row: changed where it stands, or exchanged with another one."""
        homes = {m.expected: str(m.position) for m in self._misfits if m.expected is not None}
        for gap in self._missing:
            homes |= dict.fromkeys(gap.expected, _positions(gap.position, gap.last))
        standing = {(str(m.position), m.found) for m in self._misfits}
        for position, expected, found in self._misfits:
            home = homes.get(found)
            what: What = "inserted" if expected is None else "changed"
            if home is not None:
                what = "swapped" if (home, expected) in standing else "moved"
            there = _row(found) if home is None else f"the row that belongs to position {home}"
            yield Finding(position, position, what, _row(expected), there)
        stray = {misfit.found for misfit in self._misfits}
        for gap in self._missing:
            is_moved = stray.issuperset(gap.expected)
            rows = f"{_rows(len(gap.expected))} more"
            yield Finding(
                gap.position, gap.last, "moved" if is_moved else "deleted", rows, "nothing"
            )


def _rows(count: int) -> str:
    return "a row" if count == 1 else f"{count} rows"


def _positions(first: int, last: int) -> str:
    return str(first) if first == last else f"{first} to {last}"


def _row(checksum: int | None) -> str:
    return "nothing" if checksum is None else f"a row with checksum {checksum:08x}"
