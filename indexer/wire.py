"""JSON-RPC answers as typed structs, with quantities and data still in hex.

Field names are the execution API's (`eth_getBlockByNumber`, `eth_getLogs`,
`eth_getBlockReceipts`), in snake_case here and camelCase on the wire. Lengths are checked while
decoding; that all of it is hex is checked by `indexer.hexadecimal`, for a whole answer at once.
"""

from typing import Annotated

import msgspec

_MAX_TOPICS = 4  # LOG4 is the EVM's last


def _characters(length: int) -> msgspec.Meta:
    return msgspec.Meta(min_length=length, max_length=length)


Quantity = Annotated[str, msgspec.Meta(min_length=3, max_length=66)]
Bytes = Annotated[str, msgspec.Meta(min_length=2)]
Bytes8 = Annotated[str, _characters(18)]
Bytes20 = Annotated[str, _characters(42)]
Bytes32 = Annotated[str, _characters(66)]
Bytes256 = Annotated[str, _characters(514)]


class Log(msgspec.Struct, rename="camel", gc=False):
    """One log, of `eth_getLogs` or inside a receipt."""

    address: Bytes20
    topics: Annotated[list[Bytes32], msgspec.Meta(max_length=_MAX_TOPICS)]
    data: Bytes
    block_number: Quantity
    block_hash: Bytes32
    transaction_hash: Bytes32
    transaction_index: Quantity
    log_index: Quantity
    removed: bool = False


class Block(msgspec.Struct, rename="camel", omit_defaults=True, gc=False):
    """A block with every header field that its hash commits to.

    Fields with a default came with later forks, in this order; a chain that has one has all the
    earlier ones.
    """

    hash: Bytes32
    number: Quantity
    parent_hash: Bytes32
    sha3_uncles: Bytes32
    miner: Bytes20
    state_root: Bytes32
    transactions_root: Bytes32
    receipts_root: Bytes32
    logs_bloom: Bytes256
    difficulty: Quantity
    gas_limit: Quantity
    gas_used: Quantity
    timestamp: Quantity
    extra_data: Bytes
    mix_hash: Bytes32
    nonce: Bytes8
    base_fee_per_gas: Quantity | None = None
    withdrawals_root: Bytes32 | None = None
    blob_gas_used: Quantity | None = None
    excess_blob_gas: Quantity | None = None
    parent_beacon_block_root: Bytes32 | None = None
    requests_hash: Bytes32 | None = None


class Receipt(msgspec.Struct, rename="camel", gc=False):
    """A transaction's receipt, with the fields that the receipts root commits to.

    Before Byzantium a receipt had `root`, a state root, instead of `status`.
    """

    transaction_hash: Bytes32
    transaction_index: Quantity
    block_hash: Bytes32
    block_number: Quantity
    cumulative_gas_used: Quantity
    logs_bloom: Bytes256
    logs: list[Log]
    type: Quantity = "0x0"
    status: Quantity | None = None
    root: Bytes | None = None
