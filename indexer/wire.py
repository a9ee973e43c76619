"""JSON-RPC answers as typed structs, with quantities and data still in hex.

Field names are the execution API's (`eth_getBlockByNumber`, `eth_getLogs`,
`eth_getBlockReceipts`), in snake_case here and camelCase on the wire.
"""

import msgspec


class Log(msgspec.Struct, rename="camel"):
    """One log, of `eth_getLogs` or inside a receipt."""

    address: str
    topics: list[str]
    data: str
    block_number: str
    block_hash: str
    transaction_hash: str
    transaction_index: str
    log_index: str
    removed: bool = False


class Block(msgspec.Struct, rename="camel", omit_defaults=True):
    """A block with every header field that its hash commits to.

    Fields with a default came with later forks, in this order; a chain that has one has all the
    earlier ones.
    """

    hash: str
    number: str
    parent_hash: str
    sha3_uncles: str
    miner: str
    state_root: str
    transactions_root: str
    receipts_root: str
    logs_bloom: str
    difficulty: str
    gas_limit: str
    gas_used: str
    timestamp: str
    extra_data: str
    mix_hash: str
    nonce: str
    base_fee_per_gas: str | None = None
    withdrawals_root: str | None = None
    blob_gas_used: str | None = None
    excess_blob_gas: str | None = None
    parent_beacon_block_root: str | None = None
    requests_hash: str | None = None


class Receipt(msgspec.Struct, rename="camel"):
    """A transaction's receipt, with the fields that the receipts root commits to.

    Before Byzantium a receipt had `root`, a state root, instead of `status`.
    """

    transaction_hash: str
    transaction_index: str
    block_hash: str
    block_number: str
    cumulative_gas_used: str
    logs_bloom: str
    logs: list[Log]
    type: str = "0x0"
    status: str | None = None
    root: str | None = None
