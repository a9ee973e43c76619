"""Which part of the log is posted next: a pure choice."""

from hypothesis import given
from hypothesis import strategies as st

from projections.batch import (
    UNIT_EVENTS_MAX,
    Extent,
    Placed,
    Standing,
    Stretch,
    choose,
    forks_below,
)
from schema.log.chain import BlocksOrphaned, ContractsBackfilled, RangeIndexed


def _range(position: int, last: int, *, chain_id: int = 1) -> Placed:
    fact = RangeIndexed(
        chain_id,
        first=last,
        last=last,
        last_hash="0x",
        last_time=0,
        events=0,
        digest="",
        proof="none",
        finalized=-1,
    )
    return Placed(position, fact)


def _backfilled(position: int, last: int, *, chain_id: int = 1) -> Placed:
    fact = ContractsBackfilled(chain_id, 0, last, "0x", 0, 0, "", "none")
    return Placed(position, fact)


def _orphaned(position: int, fork_number: int, *, chain_id: int = 1) -> Placed:
    return Placed(position, BlocksOrphaned(chain_id, fork_number, "0x", ()))


def _standing(
    log_position: int, *, finalized: int = -1, position: int = 0, has_units: bool = False
) -> Standing:
    return Standing(
        position=position,
        log_position=log_position,
        heads={},
        finalized={1: finalized, 2: finalized},
        has_units=has_units,
    )


def _stretch(end: int, *, events_max: int = 1_000_000, at_least: int = 0) -> Stretch:
    return Stretch(end, Extent(events_max, at_least))


def test_final_ranges_are_taken_up_to_the_limit() -> None:
    """Given final ranges, then as many as fit are posted together, without images."""
    facts = [_range(10, 1), _range(20, 2), _range(30, 3)]

    batch = choose(facts, _stretch(30, events_max=25), _standing(30, finalized=3))

    assert (batch.first, batch.last, batch.is_unit) == (1, 20, False)


def test_a_range_beyond_the_limit_is_taken_whole() -> None:
    """Given a range of more events than the limit, then the batch ends where it does."""
    batch = choose([_range(50, 1)], _stretch(50, events_max=5), _standing(50, finalized=1))

    assert batch.last == 50


def test_nothing_is_taken_where_no_range_ends() -> None:
    """Given a stretch that holds no end of a range, then there is no batch in it."""
    batch = choose([], _stretch(40), _standing(100))

    assert batch.last < batch.first


def test_what_stands_behind_the_last_range_is_taken_at_the_logs_end() -> None:
    """Given discovered contracts after the last range, then the batch holds them too."""
    batch = choose([_range(10, 1)], _stretch(13), _standing(13, finalized=1))

    assert batch.last == 13


def test_final_and_unfinal_ranges_are_not_mixed() -> None:
    """Given final ranges and then an unfinal one, then the batch ends between them."""
    facts = [_range(10, 1), _range(20, 2), _range(30, 3)]

    batch = choose(facts, _stretch(30), _standing(30, finalized=2))

    assert (batch.last, batch.is_unit) == (20, False)


def test_unfinal_ranges_are_taken_in_small_units() -> None:
    """Given many unfinal ranges, then a unit takes no more than its limit."""
    facts = [_range(1_000 * at, at) for at in range(1, 9)]

    batch = choose(facts, _stretch(8_000), _standing(8_000))

    assert (batch.last, batch.is_unit) == (UNIT_EVENTS_MAX, True)


def test_while_images_are_kept_every_batch_keeps_them() -> None:
    """Given units that may be restored, then a final batch on top of them is one too."""
    batch = choose([_range(10, 1)], _stretch(10), _standing(10, finalized=1, has_units=True))

    assert batch.is_unit


def test_a_back_fill_moves_no_head() -> None:
    """Given late contracts back-filled to block 2, then the head stays, and so says the unit."""
    standing = _standing(20, finalized=2)._replace(heads={1: 7})

    batch = choose([_backfilled(10, 1), _backfilled(20, 2)], _stretch(20), standing)

    assert (batch.last, batch.has_late, batch.is_unit, batch.heads) == (20, True, False, {1: 7})


def test_a_back_fill_of_unfinal_blocks_keeps_images() -> None:
    """Given late contracts in blocks that may yet be orphaned, then they are posted as a unit."""
    standing = _standing(20, finalized=1)._replace(heads={1: 7})

    assert choose([_backfilled(20, 2)], _stretch(20), standing).is_unit


def test_a_batch_goes_on_to_the_end_of_a_known_reorganisation() -> None:
    """Given a range that a later fact orphans, then the batch ends at that fact."""
    facts = [_range(10, 1), _range(20, 2), _range(30, 3), _orphaned(31, 1), _range(40, 2)]

    batch = choose(facts, _stretch(40, events_max=20), _standing(40, finalized=9))

    assert (batch.last, batch.has_orphaned, batch.heads) == (31, True, {1: 1})


def test_a_reorganisation_beyond_the_stretch_is_seen() -> None:
    """Given an orphaning that lies beyond what was read, then the batch reaches for it."""
    batch = choose([_range(10, 1), _orphaned(99, 0)], _stretch(20), _standing(200, finalized=9))

    assert batch.last == 99


def test_a_fork_at_the_head_takes_nothing_back() -> None:
    """Given a fork at the posted head itself, then no posted block left the chain."""
    assert forks_below([_orphaned(5, 7)], {1: 7}) == []
    assert [fork.number for fork in forks_below([_orphaned(5, 6)], {1: 7})] == [6]
    assert forks_below([_orphaned(5, 6)], {1: None}) == []


@st.composite
def _histories(draw: st.DrawFn) -> list[Placed]:
    """Two chains that go on and back at random."""
    heads, facts = {1: 0, 2: 0}, list[Placed]()
    for at in range(1, draw(st.integers(1, 30))):
        chain_id = draw(st.sampled_from([1, 2]))
        if heads[chain_id] and draw(st.booleans()):
            last = draw(st.integers(1, heads[chain_id]))
            facts.append(_backfilled(at, last, chain_id=chain_id))
        elif heads[chain_id] and draw(st.booleans()):
            heads[chain_id] -= draw(st.integers(1, heads[chain_id]))
            facts.append(_orphaned(at, heads[chain_id], chain_id=chain_id))
        else:
            heads[chain_id] += 1
            facts.append(_range(at, heads[chain_id], chain_id=chain_id))
    return facts


@given(facts=_histories(), events_max=st.integers(1, 10), finalized=st.integers(0, 10))
def test_no_batch_ends_where_a_posted_block_is_about_to_leave(
    facts: list[Placed], events_max: int, finalized: int
) -> None:
    """Given any history, when posted batch by batch, then no later fork reaches below any end."""
    end = len(facts)
    standing = _standing(end, finalized=finalized)
    heads: dict[int, int | None] = {}
    while standing.position < end:
        ahead = [placed for placed in facts if placed.position > standing.position]
        batch = choose(ahead, _stretch(end, events_max=events_max), standing)
        heads |= batch.heads
        assert standing.position < batch.last <= end
        assert not forks_below((p for p in facts if p.position > batch.last), heads)
        standing = standing._replace(position=batch.last, heads=dict(heads))
