"""Addresses are looked up in many blooms at once, with the same answer as one by one."""

from hypothesis import given
from hypothesis import strategies as st

from indexer.blooms import Blooms, false_promises
from indexer.commitments import bits_of, bloom_of, may_contain

_ADDRESSES = st.integers(0, 40).map(lambda number: f"0x{number:040x}")
_HELD = st.sets(_ADDRESSES, max_size=12)


@given(st.lists(_HELD, max_size=20), st.sets(_ADDRESSES))
def test_blooms_promise_together_what_each_promises(
    blocks: list[set[str]], wanted: set[str]
) -> None:
    """Given blocks and addresses, when looked up at once, then it is as if one by one."""
    blooms = [bloom_of(held) for held in blocks]
    expected = {
        place: {address for address in wanted if may_contain(bloom, bits_of(address))}
        for place, bloom in enumerate(blooms)
    }
    promises = Blooms(blooms).promises(wanted)
    assert promises == {place: held for place, held in expected.items() if held}


@given(st.lists(_HELD, min_size=1, max_size=20))
def test_what_a_block_holds_is_always_promised(blocks: list[set[str]]) -> None:
    """Given blocks with logs, when their addresses are looked up, then none is denied."""
    promises = Blooms([bloom_of(held) for held in blocks]).promises(set().union(*blocks))
    for place, held in enumerate(blocks):
        assert held <= promises.get(place, set())


def test_false_promises_are_as_many_as_expected() -> None:
    """Given 20,000 addresses that a bloom does not hold, then it promises about as many of them."""
    bloom = bloom_of(f"0x{number:064x}" for number in range(150))
    others = [f"0x{number:040x}" for number in range(20_000)]
    came = len(Blooms([bloom]).promises(others)[0])
    expected = false_promises(bloom, len(others))
    assert expected / 2 < came < expected * 2
