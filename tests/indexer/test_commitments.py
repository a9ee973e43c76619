"""What headers commit to, against the recording and against py-trie and rlp."""

import gzip
from copy import copy
from functools import reduce
from operator import or_
from pathlib import Path

import msgspec
import pytest
import rlp
from eth_hash.auto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st
from trie.hexary import HexaryTrie

from indexer import commitments
from indexer.wire import Block, Log, Receipt


class Line(msgspec.Struct):
    """A line of the tape."""

    block: Block
    receipts: list[Receipt]


@pytest.fixture(scope="module")
def tape(recording: Path) -> list[Line]:
    """Every block of the recording, also those that a reorg replaced."""
    with gzip.open(recording / "tape.jsonl.gz") as lines:
        return [msgspec.json.decode(line, type=Line) for line in lines]


def hex_of(size: int) -> st.SearchStrategy[str]:
    """0x hex of that many bytes."""
    return st.binary(min_size=size, max_size=size).map(lambda raw: "0x" + raw.hex())


LOGS = st.builds(
    Log,
    address=hex_of(20),
    topics=st.lists(hex_of(32), max_size=4),
    data=st.binary(max_size=300).map(lambda raw: "0x" + raw.hex()),
    block_number=st.just("0x1"),
    block_hash=st.just("0x" + "00" * 32),
    transaction_hash=st.just("0x" + "00" * 32),
    transaction_index=st.just("0x0"),
    log_index=st.just("0x0"),
)
RECEIPTS = st.builds(
    Receipt,
    transaction_hash=st.just("0x" + "00" * 32),
    transaction_index=st.just("0x0"),
    block_hash=st.just("0x" + "00" * 32),
    block_number=st.just("0x1"),
    cumulative_gas_used=st.integers(0, 2**64).map(hex),
    logs_bloom=hex_of(256),
    logs=st.lists(LOGS, max_size=3),
    type=st.sampled_from(["0x0", "0x1", "0x2", "0x3", "0x4", "0x7e"]),
    status=st.sampled_from(["0x0", "0x1"]),
)


def _with_root(receipt: Receipt, root: str) -> Receipt:
    receipt.type, receipt.status, receipt.root = "0x0", None, root
    return receipt


BEFORE_BYZANTIUM = st.builds(_with_root, RECEIPTS, hex_of(32))


def _raw(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def _oracle_receipt(receipt: Receipt) -> bytes:
    logs = [
        [_raw(log.address), [_raw(topic) for topic in log.topics], _raw(log.data)]
        for log in receipt.logs
    ]
    outcome = _raw(receipt.root) if receipt.root else int(receipt.status or "0x0", 16)
    kind = int(receipt.type, 16)
    body = [outcome, int(receipt.cumulative_gas_used, 16), _raw(receipt.logs_bloom), logs]
    encoded: bytes = rlp.encode(body)
    return (bytes([kind]) if kind else b"") + encoded


def _oracle_root(receipts: list[Receipt]) -> str:
    trie = HexaryTrie({})
    for index, receipt in enumerate(receipts):
        trie[rlp.encode(index)] = _oracle_receipt(receipt)
    return "0x" + trie.root_hash.hex()


def test_every_header_of_the_recording_has_its_hash(tape: list[Line]) -> None:
    """Given 760 real headers, when hashed, then each gives the hash the chain gave it."""
    blocks = [line.block for line in tape]
    assert [commitments.header_hash(block) for block in blocks] == [block.hash for block in blocks]


def test_every_receipts_root_of_the_recording_is_found(tape: list[Line]) -> None:
    """Given the receipts of 760 real blocks, then their roots are those of the headers."""
    found = [commitments.receipts_root(line.receipts) for line in tape]
    assert found == [line.block.receipts_root for line in tape]


def test_every_bloom_of_the_recording_is_that_of_its_logs(tape: list[Line]) -> None:
    """Given the logs of 760 real blocks, then their blooms are those of the headers."""
    for line in tape:
        logs = [log for receipt in line.receipts for log in receipt.logs]
        assert commitments.bloom_of(commitments.items_of(logs)) == int(line.block.logs_bloom, 16)


def test_a_header_of_an_earlier_fork_hashes_without_the_later_fields(tape: list[Line]) -> None:
    """Given a header without fork-optional fields, then only those it has are hashed."""
    block = copy(tape[1].block)
    for field in (
        "base_fee_per_gas",
        "withdrawals_root",
        "blob_gas_used",
        "excess_blob_gas",
        "parent_beacon_block_root",
        "requests_hash",
    ):
        setattr(block, field, None)
    words = [block.parent_hash, block.sha3_uncles, block.miner, block.state_root]
    words += [block.transactions_root, block.receipts_root, block.logs_bloom]
    amounts = [block.difficulty, block.number, block.gas_limit, block.gas_used, block.timestamp]
    fields = [_raw(word) for word in words] + [int(amount, 16) for amount in amounts]
    fields += [_raw(word) for word in (block.extra_data, block.mix_hash, block.nonce)]
    assert commitments.header_hash(block) == "0x" + keccak(rlp.encode(fields)).hex()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(RECEIPTS, BEFORE_BYZANTIUM), max_size=12), st.integers(1, 25))
def test_the_receipts_root_is_that_of_a_patricia_trie(receipts: list[Receipt], copies: int) -> None:
    """Given up to 300 receipts of any type, then the root is py-trie's."""
    assert commitments.receipts_root(receipts * copies) == _oracle_root(receipts * copies)


@given(st.lists(st.binary(max_size=40), max_size=300))
@settings(max_examples=60, deadline=None)
def test_short_values_are_embedded_in_their_parents(values: list[bytes]) -> None:
    """Given values of any length, even shorter than a hash, then the root is py-trie's."""
    filled = [value or b"\x00" for value in values]  # a trie has no empty values
    trie = HexaryTrie({})
    for index, value in enumerate(filled):
        trie[rlp.encode(index)] = value
    root = commitments.ordered_trie_root([value.hex() for value in filled])
    assert root == "0x" + trie.root_hash.hex()


@given(st.lists(LOGS, max_size=20))
def test_a_bloom_may_contain_whatever_is_in_it(logs: list[Log]) -> None:
    """Given logs, then their bloom never denies an address or a topic of theirs."""
    bloom = commitments.bloom_of(commitments.items_of(logs))
    items = [item for log in logs for item in (log.address, *log.topics)]
    assert all(commitments.may_contain(bloom, commitments.bits_of(item)) for item in items)
    assert bloom == reduce(or_, map(commitments.bits_of, items), 0)


def test_an_empty_bloom_contains_nothing() -> None:
    """Given the bloom of no logs, then it denies any item."""
    assert not commitments.may_contain(0, commitments.bits_of("0x" + "01" * 20))
