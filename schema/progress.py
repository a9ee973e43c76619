"""How work goes: what indexer and projections report while they run."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec


class Progress(msgspec.Struct, frozen=True):
    """A moment of long work.

    Attributes:
        task: what runs, e.g. `index local` or `project`.
        unit: what `done` and `total` count, e.g. `blocks` or `events`.
        done: how many of them are done.
        total: how many there are to do, as known now; it may grow.
        events: how many events this run has handled so far.
        counted: what `events` counts, where it is something else.
    """

    task: str
    unit: str
    done: int
    total: int
    events: int
    counted: str = "events"


Report = Callable[[Progress], None]


@dataclass
class ChainTally:
    """What became of indexing one chain in this process; its indexer writes it, others read it.

    Attributes:
        appended: how many transactions were appended to the log.
        failed: how many were not, or not to our knowledge.
        halted: why the chain is no longer indexed; empty while it is.
    """

    appended: int = 0
    failed: int = 0
    halted: str = ""

    @contextmanager
    def appending(self) -> Iterator[None]:
        """Count an append, by whether the block raises."""
        try:
            yield
        except BaseException:
            self.failed += 1
            raise
        self.appended += 1
