"""What a header commits to: its own hash, the bloom of its logs, and the root of its receipts.

RLP is written in hex here, as the node sent it, and becomes bytes once per hash: converting every
field on its own took half of the time. Sources: Ethereum Yellow Paper, sections 4.3 and 4.4 and
appendices B to D; EIP-2718 (typed receipts); EIP-1559, 4895, 4844, 4788 and 7685 (later headers).
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache, reduce
from itertools import count
from operator import or_

from sha3 import keccak_256

from indexer.wire import Block, Log, Receipt

# Topics of players and seasons repeat as addresses do; a mask is 300 bytes, so this is ~20 MB.
_BITS_CACHE_MAX = 1 << 16
BLOOM_BITS = 2048
_HASH_PREFIX = "a0"  # RLP of 32 bytes: this, then the bytes
_ADDRESS_PREFIX = "94"  # RLP of 20 bytes
_BLOOM_PREFIX = "b90100"  # RLP of 256 bytes
_NONCE_PREFIX = "88"  # RLP of 8 bytes
_HASH_CHARACTERS = 64
_ONE_BYTE_DATA = len("0x00")
_EMPTY = "80"  # RLP of no bytes
_ONE_BYTE_MAX = "7f"  # a single byte up to this is its own RLP
_SHORT_MAX_BYTES = 55
_STRING, _LIST = 0x80, 0xC0


# Fields that later forks added to headers, in the order in which they are hashed.
_LATER_QUANTITIES = {"base_fee_per_gas", "blob_gas_used", "excess_blob_gas"}
_LATER_FIELDS = (
    "base_fee_per_gas",
    "withdrawals_root",
    "blob_gas_used",
    "excess_blob_gas",
    "parent_beacon_block_root",
    "requests_hash",
)


def header_hash(block: Block) -> str:
    """The hash that a block's header really has, as 0x hex, whatever its `hash` field says.

    Raises:
        ValueError: a field is not hex.
    """
    # `wire` checked the lengths of all that has a fixed one.
    roots = (
        f"{_HASH_PREFIX}{block.parent_hash[2:]}"
        f"{_HASH_PREFIX}{block.sha3_uncles[2:]}"
        f"{_ADDRESS_PREFIX}{block.miner[2:]}"
        f"{_HASH_PREFIX}{block.state_root[2:]}"
        f"{_HASH_PREFIX}{block.transactions_root[2:]}"
        f"{_HASH_PREFIX}{block.receipts_root[2:]}"
        f"{_BLOOM_PREFIX}{block.logs_bloom[2:]}"
    )
    fields = [
        roots,
        _quantity(block.difficulty),
        _quantity(block.number),
        _quantity(block.gas_limit),
        _quantity(block.gas_used),
        _quantity(block.timestamp),
        _string(block.extra_data[2:]),
        f"{_HASH_PREFIX}{block.mix_hash[2:]}{_NONCE_PREFIX}{block.nonce[2:]}",
    ]
    for field in _LATER_FIELDS:
        value = getattr(block, field)
        if value is not None:
            is_quantity = field in _LATER_QUANTITIES
            fields.append(_quantity(value) if is_quantity else f"{_HASH_PREFIX}{value[2:]}")
    return "0x" + _keccak(_list("".join(fields)))


def _bit_positions(item: str) -> tuple[int, int, int]:
    digest = keccak_256(bytes.fromhex(item[2:])).digest()
    first, second, third = (int.from_bytes(digest[at : at + 2]) % BLOOM_BITS for at in (0, 2, 4))
    return first, second, third


@lru_cache(maxsize=_BITS_CACHE_MAX)
def bit_positions(item: str) -> tuple[int, int, int]:
    """The bits, from the lowest one on, that an address or a topic (0x hex) sets in a bloom."""
    return _bit_positions(item)


@lru_cache(maxsize=_BITS_CACHE_MAX)
def bits_of(item: str) -> int:
    """The bits that an address or a topic (0x hex) sets in a bloom."""
    first, second, third = _bit_positions(item)
    return 1 << first | 1 << second | 1 << third


def bloom_of(items: Iterable[str]) -> int:
    """The bloom of these addresses and topics; that of a block has those of all its logs."""
    return reduce(or_, map(bits_of, items), 0)


def items_of(logs: Iterable[Log]) -> set[str]:
    """The addresses and topics of these logs, which the bloom of their block contains."""
    return {log.address for log in logs}.union(*[log.topics for log in logs])


def may_contain(bloom: int, item_bits: int) -> bool:
    """Whether a bloom may contain items, given their bits; False is a proof that it does not.

    A header's bloom as an integer is `int(block.logs_bloom, 16)`.
    """
    return bloom & item_bits == item_bits


def receipts_root(receipts: Sequence[Receipt]) -> str:
    """The root, as 0x hex, of the trie of these receipts: all those of a block, in its order.

    Raises:
        ValueError: a field is not hex.
    """
    return ordered_trie_root([_receipt(receipt) for receipt in receipts])


def ordered_trie_root(values: Sequence[str]) -> str:
    """The root, as 0x hex, of the Patricia trie of RLP(index) → value.

    Args:
        values: in hex without 0x.
    """
    if not values:
        return "0x" + _keccak(_EMPTY)
    entries = sorted((_index_key(index), value) for index, value in enumerate(values))
    return "0x" + _keccak(_node(entries, 0))


def _node(entries: list[tuple[str, str]], depth: int) -> str:
    """RLP of the node over entries that share the first `depth` nibbles of their keys."""
    first, last = entries[0][0], entries[-1][0]
    if len(entries) == 1:
        return _list(_path(first[depth:], terminator=2) + _string(entries[0][1]))
    # Sorted keys all share what the first and the last share; prefix-free ones differ somewhere.
    shared = next(at for at in count(depth) if first[at] != last[at])
    if shared > depth:
        return _list(_path(first[depth:shared], terminator=0) + _reference(_node(entries, shared)))
    children: dict[str, list[tuple[str, str]]] = {nibble: [] for nibble in "0123456789abcdef"}
    for entry in entries:
        children[entry[0][depth]].append(entry)
    # RLP keys are prefix-free: no key ends at a branch, whose own value is therefore empty.
    return _list("".join(_child(child, depth) for child in children.values()) + _EMPTY)


def _child(entries: list[tuple[str, str]], depth: int) -> str:
    return _reference(_node(entries, depth + 1)) if entries else _EMPTY


def _reference(node: str) -> str:
    """A node inside its parent: itself when shorter than its hash would be."""
    if len(node) < _HASH_CHARACTERS:
        return node
    return _HASH_PREFIX + _keccak(node)


def _path(nibbles: str, *, terminator: int) -> str:
    """Nibbles with their hex prefix (appendix C); the terminator is 2 in a leaf, else 0."""
    if len(nibbles) % 2:
        return _string(f"{terminator + 1}{nibbles}")
    return _string(f"{terminator}0{nibbles}")


@lru_cache(maxsize=4096)  # more receipts than any block so far had
def _index_key(index: int) -> str:
    return _quantity(f"0x{index:x}")


def _receipt(receipt: Receipt) -> str:
    outcome = _quantity(receipt.status) if receipt.status else _string((receipt.root or "0x")[2:])
    body = _list(
        outcome
        + _quantity(receipt.cumulative_gas_used)
        + _string(receipt.logs_bloom[2:])
        + _list("".join([_log(log) for log in receipt.logs]))
    )
    kind = int(receipt.type, 16)
    return f"{kind:02x}{body}" if kind else body


def _log(log: Log) -> str:
    # `wire` checked their lengths: an address has 20 bytes, a topic 32.
    topics = "".join([_HASH_PREFIX + topic[2:] for topic in log.topics])
    data = log.data
    if len(data) > _ONE_BYTE_DATA:  # all but a single byte, which may be its own RLP
        body = f"{_length(len(data) // 2 - 1, _STRING)}{data[2:]}"
    else:
        body = _string(data[2:])
    lists = _length(len(topics) // 2, _LIST)
    size = 21 + (len(lists) + len(topics) + len(body)) // 2
    return f"{_length(size, _LIST)}{_ADDRESS_PREFIX}{log.address[2:]}{lists}{topics}{body}"


def _keccak(content: str) -> str:
    digest: str = keccak_256(bytes.fromhex(content)).hexdigest()
    return digest


def _quantity(value: str) -> str:
    """RLP of an integer: its bytes without leading zeros."""
    digits = value[2:].lstrip("0")
    return _string("0" + digits if len(digits) % 2 else digits)


def _string(content: str) -> str:
    if len(content) == 2 and content <= _ONE_BYTE_MAX:  # noqa: PLR2004  two hex digits, one byte
        return content
    return _length(len(content) // 2, _STRING) + content


def _list(content: str) -> str:
    return _length(len(content) // 2, _LIST) + content


@lru_cache(maxsize=4096)  # the same few lengths again and again
def _length(size: int, kind: int) -> str:
    if size <= _SHORT_MAX_BYTES:
        return f"{kind + size:02x}"
    width = (size.bit_length() + 7) // 8
    return f"{kind + _SHORT_MAX_BYTES + width:02x}{size:0{2 * width}x}"
