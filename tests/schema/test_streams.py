"""Stream ids and versions are the identity of a log."""

from uuid import RFC_4122

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.log.streams import block_stream_id, chain_stream_id, event_version

_hashes = st.binary(min_size=32, max_size=32).map(lambda raw: "0x" + raw.hex())
_numbers = st.integers(0, 2**48 - 1)


@given(st.integers(1, 2**63 - 1), st.integers(0, 2**12 - 1), _numbers, _hashes)
def test_a_block_stream_is_a_uuid_version_8(
    chain_id: int, ordinal: int, number: int, block_hash: str
) -> None:
    """Its bits are number, version, ordinal, variant and hash, as RFC 9562 places them."""
    stream = block_stream_id(chain_id, ordinal, number, block_hash)

    assert (stream.version, stream.variant) == (8, RFC_4122)
    assert stream.int >> 80 == number
    assert stream.int >> 64 & 0xFFF == ordinal


@given(_numbers, _numbers, _hashes, _hashes)
def test_later_blocks_sort_after_earlier_ones(
    first: int, second: int, first_hash: str, second_hash: str
) -> None:
    """So that appends land at the right edge of the primary key."""
    ids = [block_stream_id(1, 0, n, h) for n, h in ((first, first_hash), (second, second_hash))]

    assert (ids[0].bytes < ids[1].bytes) == (first < second) or first == second


@given(st.integers(1, 2**20), st.integers(1, 2**20), _numbers, _hashes)
def test_chains_never_share_a_block_stream(
    one: int, other: int, number: int, block_hash: str
) -> None:
    """Even where two chains had the same block hash."""
    same = block_stream_id(one, 0, number, block_hash) == block_stream_id(
        other, 0, number, block_hash
    )

    assert same == (one == other)


@given(st.integers(0, 2**30), st.integers(0, 2**32 - 1))
def test_a_version_holds_attempt_and_log_index(attempt: int, log_index: int) -> None:
    """Both can be read back, and a later attempt sorts after every earlier one."""
    version = event_version(attempt, log_index)

    assert (version >> 32, version & 0xFFFF_FFFF) == (attempt, log_index)
    assert version < 2**63


def test_a_log_index_beyond_32_bits_is_refused() -> None:
    """It would run into the attempt."""
    with pytest.raises(ValueError, match="log index"):
        event_version(0, 2**32)


def test_stream_ids_never_change() -> None:
    """They are stored: these were written down when they were first used."""
    block_hash = "0x" + "ab" * 32

    assert str(block_stream_id(31337, 3, 749, block_hash)) == "00000000-02ed-8003-824c-59e71c86e14b"
    assert str(chain_stream_id(31337)) == "df64dc6c-d019-5403-8628-971b4fa2f81c"
