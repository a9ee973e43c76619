"""Which part of the log is posted next.

A batch is a stretch of the log that ends where a range of blocks does, so of every contract it
holds whole blocks only. It never ends inside a known reorganisation: were a block posted that a
later fact of the log already orphans, it would have to be taken back at once. So in catching up
orphaned events are never posted, and the state after a batch is exactly what the log up to there
says.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from schema.log.chain import BlocksOrphaned, ContractsBackfilled, RangeIndexed

# Facts at which a batch may end.
Mark = RangeIndexed | ContractsBackfilled | BlocksOrphaned

Heads = Mapping[int, int | None]  # of each chain, the number of its last block; None before it

# Catching up over unfinal blocks: what a fork inside such a unit costs to post again.
UNIT_EVENTS_MAX = 2_000


class Placed(NamedTuple):
    """A fact at which a batch may end, and its position in the log."""

    position: int
    fact: Mark


class Fork(NamedTuple):
    """A chain goes on from block `number`, as the fact at `position` says."""

    position: int
    chain_id: int
    number: int


class Standing(NamedTuple):
    """Where a generation stands, and how far the log goes.

    Attributes:
        position: up to which it is posted.
        log_position: of the log's last event.
        heads: the last block of each chain.
        finalized: the highest final block of each chain, as the log's end knows it.
        has_units: whether images of units are kept; then the next batch needs them too, or
            restoring those would miss what it did.
        settled: whether the generation has its indexes and derived read models; see `settling`.
        stopped: the read models that stand still; see `stopping`.
    """

    position: int
    log_position: int
    heads: Heads
    finalized: Mapping[int, int]
    has_units: bool
    settled: bool = True
    stopped: frozenset[str] = frozenset()


class Extent(NamedTuple):
    """How much to post.

    Attributes:
        events_max: how many positions to take, if blocks are final.
        at_least: the position that must be reached.
        limit: the position that must not be passed; a batch may end there. None: the log's end.
    """

    events_max: int
    at_least: int = 0
    limit: int | None = None

    def last(self, standing: Standing) -> int:
        """The last position that may be posted."""
        log_position = standing.log_position
        return log_position if self.limit is None else min(self.limit, log_position)


class Stretch(NamedTuple):
    """What of the log was read to choose from, and how much of it to take.

    Attributes:
        end: the position up to which facts were read; of later ones, the orphanings only.
        extent: how much to take.
    """

    end: int
    extent: Extent


class Batch(NamedTuple):
    """A stretch of the log, from position `first` to `last`.

    Attributes:
        has_orphaned: whether it holds orphaned blocks, which are passed over.
        has_late: whether it holds events of late contracts, of blocks that are posted already.
        is_unit: whether prior images are kept, since some block of it may yet be orphaned.
        heads: the last block of each chain that it is about, after the batch.
    """

    first: int
    last: int
    has_orphaned: bool
    has_late: bool
    is_unit: bool
    heads: Mapping[int, int]

    @property
    def is_small(self) -> bool:
        """Whether planning it would take longer than a plan made for few rows does."""
        return self.last - self.first < UNIT_EVENTS_MAX


def choose(facts: Sequence[Placed], stretch: Stretch, standing: Standing) -> Batch:
    """The next batch.

    Its `last` may be before `first` (no range ends there: read further) or beyond the stretch (a
    reorganisation goes on there: read up to it).
    """
    last = max(_fitting(facts, stretch, standing), stretch.extent.at_least)
    last = _past_forks(facts, last=last, heads=standing.heads)
    taken = [placed.fact for placed in facts if placed.position <= last]
    all_final = all(_is_final(fact, standing.finalized) for fact in taken)
    reached = {**standing.heads, **_moved(taken)}
    heads = {fact.chain_id: reached.get(fact.chain_id) for fact in taken}
    return Batch(
        first=standing.position + 1,
        last=last,
        has_orphaned=any(isinstance(fact, BlocksOrphaned) for fact in taken),
        has_late=any(isinstance(fact, ContractsBackfilled) for fact in taken),
        is_unit=standing.has_units or not all_final,
        heads={chain_id: head for chain_id, head in heads.items() if head is not None},
    )


def forks_below(facts: Iterable[Placed], heads: Heads) -> list[Fork]:
    """The forks that reach below these heads: blocks up to there have left the chain."""
    return [
        Fork(position, fact.chain_id, fact.fork_number)
        for position, fact in facts
        if isinstance(fact, BlocksOrphaned)
        and (head := heads.get(fact.chain_id)) is not None
        and fact.fork_number < head
    ]


def _fitting(facts: Sequence[Placed], stretch: Stretch, standing: Standing) -> int:
    """Where the last range ends that fits: final ones by themselves, or a small unit."""
    finalized = standing.finalized
    is_final = not standing.has_units and bool(facts) and _is_final(facts[0].fact, finalized)
    events_max = stretch.extent.events_max
    events_max = events_max if is_final else min(events_max, UNIT_EVENTS_MAX)
    last = standing.position
    for position, fact in facts:
        if position > stretch.end:
            break
        is_full = last > standing.position and position - standing.position > events_max
        if is_full or (is_final and not _is_final(fact, finalized)):
            return last
        last = position
    # Behind the log's last range contracts may have been discovered.
    return stretch.end if stretch.end in {standing.log_position, stretch.extent.limit} else last


def _past_forks(facts: Sequence[Placed], *, last: int, heads: Heads) -> int:
    """The first place at or after `last` where no later fact orphans a block before it."""
    while True:
        reached = {**heads, **_moved(p.fact for p in facts if p.position <= last)}
        forks = forks_below((p for p in facts if p.position > last), reached)
        if not forks:
            return last
        last = forks[0].position


def _moved(facts: Iterable[Mark]) -> dict[int, int]:
    """The last block of each chain whose head these facts move."""
    return {
        fact.chain_id: fact.last if isinstance(fact, RangeIndexed) else fact.fork_number
        for fact in facts
        if not isinstance(fact, ContractsBackfilled)
    }


def _is_final(fact: Mark, finalized: Mapping[int, int]) -> bool:
    """Whether nothing of it can be orphaned any more."""
    if isinstance(fact, BlocksOrphaned):
        return True
    return fact.last <= finalized.get(fact.chain_id, -1)
