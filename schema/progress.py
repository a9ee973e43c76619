"""How far long work is: what indexer and projections report while they run."""

from collections.abc import Callable

import msgspec


class Progress(msgspec.Struct, frozen=True):
    """A moment of long work.

    Attributes:
        task: what runs, e.g. `index local` or `project`.
        unit: what `done` and `total` count, e.g. `blocks` or `events`.
        done: how many of them are done.
        total: how many there are to do, as known now; it may grow.
        events: how many events this run has handled so far.
    """

    task: str
    unit: str
    done: int
    total: int
    events: int


Report = Callable[[Progress], None]
