"""The format of digests, by which others may check a log without this code."""

import hashlib
import zlib
from base64 import b64decode
from uuid import UUID

import msgspec
import pytest

from schema.log.appendix import Appendix
from schema.log.chain import Chain, ChainOpened, ContractDiscovered, RangeIndexed
from schema.log.digest import (
    canonical_row,
    chain_digest,
    checked,
    pack_checks,
    split_row,
    unpack_checks,
)
from schema.log.mapper import STORED_AS
from tests.schema.logs import LogOfChain, block_hash

_STREAM = UUID("00000000-0033-8000-8000-0000000000ff")
_RANGE = RangeIndexed(1, 1, 2, block_hash(2), 0, 0, "", "bloom", 0)


def test_a_canonical_row_is_what_binary_copy_takes_but_for_the_position() -> None:
    """Given an event, then its row is five fields announced and four of them, length first."""
    row = canonical_row(_STREAM, (1 << 32) + 7, "A/1", b"{}")

    assert row.hex(" ", -2) == (
        "0005 0000 0010 0000 0000 0033 8000 8000 0000 0000 00ff "
        "0000 0008 0000 0001 0000 0007 0000 0003 412f 3100 0000 0301 7b7d"
    )


def test_the_digest_depends_on_every_row_and_on_its_place() -> None:
    """Given rows, when one is missing, two are swapped or others precede, then it differs."""
    rows = [b"one", b"two"]
    digest = chain_digest("00" * 32, rows)

    content = hashlib.sha256(b"onetwo").digest()
    assert digest == hashlib.sha256(bytes(32) + content).hexdigest()
    assert digest != chain_digest("00" * 32, rows[::-1])
    assert digest != chain_digest("00" * 32, rows[:1])
    assert digest != chain_digest("01" * 32, rows)


def test_checks_are_the_checksum_of_each_row_in_four_bytes() -> None:
    """Given rows, then their checks give back the CRC-32 of each, in order."""
    checks = pack_checks([check for _, check in checked([b"one", b"two"])])

    assert b64decode(checks) == b"".join(zlib.crc32(row).to_bytes(4) for row in (b"one", b"two"))
    assert unpack_checks(checks) == (zlib.crc32(b"one"), zlib.crc32(b"two"))
    assert unpack_checks("") == ()


@pytest.mark.parametrize("checks", ["AAA=", "no base64!", "é"])
def test_what_no_rows_have_as_checks_is_refused(checks: str) -> None:
    """Given a text that is no list of checksums, then that is an error."""
    with pytest.raises(ValueError, match=r"checks|base64|ASCII"):
        unpack_checks(checks)


def test_a_seal_covers_the_facts_before_it_and_itself() -> None:
    """Given facts, an event and a seal, then the digest is over all their rows, its own emptied."""
    log = LogOfChain([])
    log.index([1, 0])

    *covered, seal = log.rows
    fact = msgspec.json.decode(seal.state)
    emptied = seal.state.replace(fact["digest"].encode(), b"")
    canonical = [canonical_row(*row[:4]) for row in [*covered, seal._replace(state=emptied)]]
    assert [row.topic for row in covered] == [
        STORED_AS[ChainOpened],
        STORED_AS[ContractDiscovered],
        STORED_AS[ContractDiscovered],
        "TokensPurchased/1",
    ]
    assert fact["checks"] == pack_checks([check for _, check in checked(canonical[:-1])])
    assert fact["digest"] == chain_digest("00" * 32, canonical)


def test_seals_of_one_transaction_follow_one_another() -> None:
    """Given two ranges appended at once, then the second digest follows the first."""
    chain = Chain(1)
    appendix = Appendix(chain)
    appendix.seal(_RANGE)
    appendix.seal(msgspec.structs.replace(_RANGE, first=3, last=3))
    chain.apply(appendix.facts)

    rows = [split_row(row) for row in appendix.rows]
    first, second = (msgspec.json.decode(state) for *_, state in rows)
    stream, version, topic, state = rows[1]
    itself = canonical_row(stream, version, topic, state.replace(second["digest"].encode(), b""))
    assert second["digest"] == chain.digest == chain_digest(first["digest"], [itself])


def test_a_seal_without_rows_is_stored_as_before_there_were_checks() -> None:
    """Given an empty range, then its JSON has no checks, as ranges had that were stored before."""
    assert msgspec.json.encode(_RANGE) == (
        b'{"chain_id":1,"first":1,"last":2,"last_hash":"' + block_hash(2).encode() + b'",'
        b'"last_time":0,"events":0,"digest":"","proof":"bloom","finalized":0}'
    )


def test_a_seal_with_rows_is_stored_as_these_bytes() -> None:
    """Given a range with checks, then they stand last in its JSON."""
    seal = msgspec.structs.replace(_RANGE, checks=pack_checks([zlib.crc32(b"one")]))

    assert msgspec.json.encode(seal).endswith(b'"finalized":0,"checks":"emyG8Q=="}')
