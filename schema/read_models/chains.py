"""What of each chain is posted, who emits what, and whose accounts are whose."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Table, Text, text

from schema.read_models.columns import READ_MODELS, TIME, count, key

# What of each chain the generation reflects; follows the head through empty blocks too.
chain = Table(
    "chain",
    READ_MODELS,
    key("chain_id", BigInteger),
    Column("name", Text, nullable=False),
    Column("block_number", BigInteger),
    Column("block_hash", Text),
    Column("block_time", TIME),
    Column("finalized", BigInteger),  # number of the highest final block; -1 if none
    Column("late_block_number", BigInteger),  # how far late contracts are; null if there are none
)

# How many blocks were shown complete by what.
proof = Table(
    "proof",
    READ_MODELS,
    key("chain_id", BigInteger),
    key("proof", Text),
    count("blocks"),
    count("late_blocks"),  # for late contracts
)

# Who emits what: the followed contracts, configured and discovered.
contract = Table(
    "contract",
    READ_MODELS,
    key("chain_id", BigInteger),
    key("address", Text),
    Column("deployment", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("block_number", BigInteger, nullable=False),
    # Back-filled before it is followed: its events stand here up to the chain's late block.
    Column("late", Boolean, nullable=False, server_default=text("false")),
)

# Smart accounts and their wallets.
account = Table(
    "account",
    READ_MODELS,
    key("chain_id", BigInteger),
    key("account", Text),
    Column("owner", Text, nullable=False),
    Column("block_number", BigInteger, nullable=False),
    Index("account_by_owner", "owner"),
)
