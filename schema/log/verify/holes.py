"""Positions of the log at which no row is, or none that can be read."""

from array import array
from bisect import bisect_right


class Holes:
    """Runs of such positions, ascending; told once, they explain what follows from them."""

    def __init__(self) -> None:
        self._first = array("q")
        self._last = array("q")

    def add(self, first: int, last: int) -> None:
        """Take the next run."""
        self._first.append(first)
        self._last.append(last)

    def between(self, before: int, after: int) -> bool:
        """Whether there is one after the first and before the second of two positions."""
        at = bisect_right(self._last, before)
        return at < len(self._first) and self._first[at] < after
