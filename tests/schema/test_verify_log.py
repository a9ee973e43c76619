"""Whatever is done to a log that is read from beginning to end, it is found, and where."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from schema.log.chain import BlocksOrphaned, ContractDiscovered, RangeIndexed
from schema.log.digest import split_row
from schema.log.mapper import STORED_AS
from schema.log.scan import ScannedRow
from schema.log.store import store_block_events
from schema.log.verify import Finding, LogVerifier
from tests.schema.logs import LogOfChain, event

Rows = list[ScannedRow]

# Each example makes a log of its own; a slow machine is no error.
some = settings(max_examples=100, deadline=None)


def findings(rows: Rows) -> list[Finding]:
    """What is found in these rows."""
    verifier = LogVerifier()
    for row in rows:
        verifier.take(row)
    return verifier.finish().findings


def named(rows: Rows, *positions: int) -> bool:
    """Whether findings name each of these positions."""
    found = findings(rows)
    return all(any(f.position <= p <= f.last for f in found) for p in positions)


def numbered(rows: Rows) -> Rows:
    """These rows at contiguous positions."""
    return [row._replace(position=position) for position, row in enumerate(rows, 1)]


def one_chain() -> Rows:
    """Facts at 1 to 3, a range of events 4 to 9 sealed at 10, one of 11 to 13 sealed at 14."""
    log = LogOfChain([])
    log.index([2, 0, 4])
    log.index([3])
    return log.rows


_BLOCKS = st.lists(st.integers(0, 4), min_size=1, max_size=4)
_STEPS = st.lists(
    st.tuples(st.sampled_from(["index", "replace", "discover"]), st.integers(0, 1), _BLOCKS),
    max_size=8,
)


@st.composite
def logs(draw: st.DrawFn) -> Rows:
    """Logs of one or two chains, each sealed at its end."""
    rows: Rows = []
    chains = [LogOfChain(rows, 1 + at, ordinal=at) for at in range(draw(st.integers(1, 2)))]
    for step, at, blocks in draw(_STEPS):
        log = chains[at % len(chains)]
        if step == "discover":
            address = f"0x{len(rows):040x}"
            log.discover([ContractDiscovered(log.chain.chain_id, "raffles", "market", address, 1)])
        elif step == "replace" and len(log.chain.tail) > 1:
            log.replace(blocks)
        else:
            log.index(blocks)
    for log in chains:
        log.index([1])
    return rows


def _other(value: Any) -> Any:
    """Another value of the same kind."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case str():
            return value[:-1] + ("0" if value[-1:] != "0" else "1")
        case _:
            return [*value, *(value or ["0x00"])]


@some
@given(logs())
def test_an_untouched_log_is_right(rows: Rows) -> None:
    """Given what the indexer appended, then nothing is found."""
    assert findings(rows) == []


@some
@given(logs(), st.data())
def test_a_changed_field_of_any_row_is_named(rows: Rows, data: st.DataObject) -> None:
    """Given one field of one row with another value, then the row's position is named."""
    at = data.draw(st.integers(0, len(rows) - 1))
    state = msgspec.json.decode(rows[at].state)
    key = data.draw(st.sampled_from(sorted(state)))
    changed = msgspec.json.encode({**state, key: _other(state[key])})
    rows[at] = rows[at]._replace(state=changed)

    assert named(rows, at + 1)


@some
@given(logs(), st.data())
def test_a_row_with_another_name_stream_or_version_is_named(
    rows: Rows, data: st.DataObject
) -> None:
    """Given a row that says to be another, then its position is named."""
    at = data.draw(st.integers(0, len(rows) - 1))
    row = rows[at]
    names = [name for name in STORED_AS.values() if name != row.topic]
    rows[at] = data.draw(
        st.one_of(
            st.sampled_from([*names, "Unheard/1"]).map(lambda name: row._replace(topic=name)),
            st.integers(0, 127).map(
                lambda bit: row._replace(stream=UUID(int=row.stream.int ^ 1 << bit))
            ),
            st.integers(0, 62).map(lambda bit: row._replace(version=row.version ^ 1 << bit)),
            st.just(row._replace(version=-1)),
        )
    )

    assert named(rows, at + 1)


@some
@given(logs(), st.data())
def test_a_field_that_no_event_has_is_named(rows: Rows, data: st.DataObject) -> None:
    """Given a row with one more field, then its position is named."""
    at = data.draw(st.integers(0, len(rows) - 1))
    state = msgspec.json.decode(rows[at].state)
    rows[at] = rows[at]._replace(state=msgspec.json.encode({**state, "memo": 1}))

    assert named(rows, at + 1)


@some
@given(logs(), st.data())
def test_a_deleted_row_is_named(rows: Rows, data: st.DataObject) -> None:
    """Given a row that is not there, but not the last one, then its position is named."""
    at = data.draw(st.integers(0, len(rows) - 2))
    del rows[at]

    assert named(rows, at + 1)


@some
@given(logs(), st.data())
def test_a_deletion_whose_gap_was_closed_is_named(rows: Rows, data: st.DataObject) -> None:
    """Given a missing row, and all later ones moved up, then its old position is named."""
    at = data.draw(st.integers(0, len(rows) - 2))
    del rows[at]

    assert named(numbered(rows), at + 1)


@some
@given(logs(), st.data())
def test_two_rows_of_a_chain_that_were_swapped_are_both_named(
    rows: Rows, data: st.DataObject
) -> None:
    """Given two rows of one chain with each other's position, then both positions are named."""
    one, other = data.draw(
        st.tuples(*[st.integers(0, len(rows) - 1)] * 2).filter(lambda pair: pair[0] < pair[1])
    )
    chains = [msgspec.json.decode(rows[at].state)["chain_id"] for at in (one, other)]
    assume(chains[0] == chains[1])
    rows[one], rows[other] = rows[other], rows[one]

    assert named(numbered(rows), one + 1, other + 1)


@some
@given(logs(), st.data())
def test_an_inserted_event_is_named(rows: Rows, data: st.DataObject) -> None:
    """Given one more event, well made, with later rows moved down, then its position is named."""
    at = data.draw(st.integers(0, len(rows)))
    forged = store_block_events([event(1, 1, 50)], ordinal=0, attempt=0)
    rows.insert(at, ScannedRow(*split_row(forged[0]), 0))

    assert named(numbered(rows), at + 1)


@some
@given(logs(), st.data())
def test_a_duplicated_row_is_named(rows: Rows, data: st.DataObject) -> None:
    """Given a second copy of a row, anywhere after it, then the copy's position is named."""
    at = data.draw(st.integers(0, len(rows) - 1))
    to = data.draw(st.integers(at + 1, len(rows)))
    assume(rows[at].topic != STORED_AS[RangeIndexed] or to > at + 1)
    rows.insert(to, rows[at])

    found = findings(numbered(rows))
    alike = {at + 1, to + 1} if to == at + 1 else {to + 1}  # which of two neighbours is the copy?
    assert any(f.position <= p <= f.last for f in found for p in alike)


def test_a_changed_event_is_told_with_both_checksums() -> None:
    """Given a changed event, then exactly it is told, as changed."""
    rows = one_chain()
    rows[5] = rows[5]._replace(state=rows[5].state.replace(b"170000000", b"170000009"))

    (finding,) = findings(rows)

    assert (finding.what, finding.position, finding.last) == ("changed", 6, 6)
    assert finding.expected.startswith("a row with checksum ")
    assert finding.expected != finding.found


def test_a_swap_is_told_as_one() -> None:
    """Given two events of different ranges, swapped, then each is told to belong to the other."""
    rows = one_chain()
    rows[4], rows[11] = rows[11], rows[4]

    told = [(f.position, f.what, f.found) for f in findings(numbered(rows))]

    assert told == [
        (5, "swapped", "the row that belongs to position 12"),
        (12, "swapped", "the row that belongs to position 5"),
    ]


def test_a_deletion_is_told_once() -> None:
    """Given a run of missing events, then the positions are told and nothing else."""
    rows = one_chain()
    del rows[4:7]

    (finding,) = findings(rows)

    assert (finding.what, finding.position, finding.last) == ("deleted", 5, 7)


def test_events_whose_seal_was_deleted_are_told() -> None:
    """Given the first seal deleted, then it is, and the events that nothing proves any more are."""
    rows = one_chain()
    del rows[9]

    told = [(f.what, f.position, f.last) for f in findings(rows)]

    assert told == [("unsealed", 1, 9), ("deleted", 10, 10), ("hole", 14, 14)]


def test_the_last_seal_is_missed() -> None:
    """Given the very last row deleted, then the events before it are told to be unsealed."""
    rows = one_chain()[:-1]

    told = [(f.what, f.position, f.last) for f in findings(rows)]

    assert told == [("unsealed", 11, 14)]


def test_a_tampered_digest_is_told_at_its_seal_only() -> None:
    """Given a seal with another digest, then it is told, and not the seals after it."""
    rows = one_chain()
    digest = msgspec.json.decode(rows[9].state)["digest"].encode()
    rows[9] = rows[9]._replace(state=rows[9].state.replace(digest, b"ab" * 32))

    told = [(f.what, f.position) for f in findings(rows)]

    assert told == [("changed", 10)]


def test_a_log_without_its_first_rows_is_told() -> None:
    """Given a log whose beginning is missing, then the first positions are told."""
    rows = one_chain()[3:]

    told = [(f.what, f.position, f.last) for f in findings(rows)]

    assert told[0] == ("deleted", 1, 3)


def test_two_chains_that_change_places_are_told() -> None:
    """Given a seal swapped with another chain's event, both in order still, then it is told."""
    rows: Rows = []
    first, second = LogOfChain(rows, 1), LogOfChain(rows, 2, ordinal=1)
    first.index([2])
    second.index([2])
    rows[8], rows[9] = rows[9], rows[8]
    assert rows[8].stream != rows[9].stream

    assert named(numbered(rows), 9, 10)


def test_a_hole_in_one_chain_hides_nothing_in_another() -> None:
    """Given a row of one chain deleted amid another's, whose seal was changed, then both are told.

    And so are events that were inserted before the hole.
    """
    rows: Rows = []
    first, second = LogOfChain(rows, 1), LogOfChain(rows, 2, ordinal=1)
    second.index([3])
    first.index([2])
    rows[-1] = rows[-1]._replace(state=rows[-1].state.replace(b"bloom", b"none"))
    del rows[7]
    told = [(f.what, f.position) for f in findings(rows)]
    assert told == [("deleted", 8), ("changed", 13)]

    forged = store_block_events([event(1, 1, 50)], ordinal=0, attempt=0)
    rows.insert(3, ScannedRow(*split_row(forged[0]), 0))
    rows = [*numbered(rows[:8]), *(row._replace(position=row.position + 1) for row in rows[8:])]
    assert ("inserted", 4) in [(f.what, f.position) for f in findings(rows)]


def test_a_backfill_is_sealed_too() -> None:
    """Given late contracts' events, when untouched, then right; when one is changed, then told."""
    log = LogOfChain([])
    log.index([1, 1])
    log.backfill([2, 1])
    log.index([1])
    assert findings(log.rows) == []

    at = next(at for at, row in enumerate(log.rows) if row.topic.startswith("ContractsBack")) - 1
    log.rows[at] = log.rows[at]._replace(version=999)
    assert {finding.position for finding in findings(log.rows)} == {at + 1}


def _writes(corrupt: Callable[[LogOfChain], None]) -> list[Finding]:
    log = LogOfChain([])
    log.index([1])
    corrupt(log)
    log.index([1])
    return findings(log.rows)


def test_a_hole_in_the_blocks_is_told() -> None:
    """Given a writer that skipped blocks and sealed all the same, then the hole is told."""

    def skip(log: LogOfChain) -> None:
        log.chain.apply([BlocksOrphaned(1, 0, "0x", ())])
        log.chain.tail.clear()
        log.chain.tail.append(type(log.chain.start)(7, "0x"))
        log.chain.version -= 1
        log.chain.unsealed.clear()

    (hole,) = _writes(skip)

    assert (hole.what, hole.expected) == ("hole", "a range that begins with block 2")


def test_a_block_in_another_blocks_stream_is_told() -> None:
    """Given a faulty writer that mixed streams up, then the event's position is told."""
    rows = one_chain()
    forged = msgspec.json.encode(event(1, 2, 0))
    rows[3] = rows[3]._replace(state=forged)

    assert {(f.what, f.position) for f in findings(rows)} == {("changed", 4), ("misplaced", 4)}
