"""The read-model tables, and the control tables that say which generation of them serves.

Read models live in one schema a generation, `read_<n>`; `READ_MODELS` names no schema, and
`in_generation` places it. Units: SOF amounts in wei and tickets without decimals, both
`numeric(78, 0)`, wide enough for any uint256. `position` is a position in the log.

A season is (deployment, season id) for people, and `season_key` inside: 1, 2, 3 … in the log's
order of their creation, so it is the same after any replay.
"""

from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    MetaData,
    Numeric,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeEngine

READ_MODELS = MetaData()
CONTROL = MetaData(schema="daybook")

AMOUNT = Numeric(78, 0)
TIME = DateTime(timezone=True)

NOT_STARTED, ACTIVE, END_REQUESTED, VRF_PENDING, DISTRIBUTING, COMPLETED, CANCELLED = range(7)


def generation_schema(number: int) -> str:
    """The schema of a generation's read models."""
    return f"read_{number}"


def _key(name: str, kind: type[TypeEngine[Any]]) -> Column[Any]:
    """A column of the primary key; never drawn from a sequence."""
    return Column(name, kind, primary_key=True, autoincrement=False)


def _amount(name: str) -> Column[Any]:
    return Column(name, AMOUNT, nullable=False, server_default=text("0"))


def _count(name: str) -> Column[Any]:
    return Column(name, BigInteger, nullable=False, server_default=text("0"))


# What of each chain the generation reflects; follows the head through empty blocks too.
chain = Table(
    "chain",
    READ_MODELS,
    _key("chain_id", BigInteger),
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
    _key("chain_id", BigInteger),
    _key("proof", Text),
    _count("blocks"),
    _count("late_blocks"),  # for late contracts
)

# Who emits what: the followed contracts, configured and discovered.
contract = Table(
    "contract",
    READ_MODELS,
    _key("chain_id", BigInteger),
    _key("address", Text),
    Column("deployment", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("block_number", BigInteger, nullable=False),
    # Back-filled before it is followed: its events stand here up to the chain's late block.
    Column("late", Boolean, nullable=False, server_default=text("false")),
)

# A season from its creation to its end, with its totals.
season = Table(
    "season",
    READ_MODELS,
    _key("season_key", Integer),
    Column("chain_id", BigInteger, nullable=False),
    Column("deployment", Text, nullable=False),
    Column("season_id", AMOUNT, nullable=False),
    Column("raffle", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("start_time", AMOUNT, nullable=False),  # Unix seconds as the contract was told
    Column("end_time", AMOUNT, nullable=False),
    Column("raffle_token", Text, nullable=False),
    Column("curve", Text, nullable=False),
    Column("created_block", BigInteger, nullable=False),
    Column("created_time", TIME, nullable=False),
    Column("started_block", BigInteger),
    Column("end_requested_block", BigInteger),
    Column("closed_block", BigInteger),  # completed or cancelled
    Column("snapshot_hash", Text),
    _amount("total_tickets"),
    _count("total_participants"),
    _amount("prize_pool_wei"),  # the curve's reserves when the end was requested
    _count("trades"),
    _amount("bought"),
    _amount("sold"),
    _amount("spent_wei"),
    _amount("received_wei"),
    _amount("fees_wei"),
    Column("winners", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    UniqueConstraint("deployment", "season_id"),
    UniqueConstraint("chain_id", "curve"),
)

# Players in the order of their first position update in the log.
player = Table(
    "player",
    READ_MODELS,
    _key("player", Text),
    Column("player_id", BigInteger, nullable=False, unique=True),
)

# A purchase or sale at its own place in the block, and what its position update says, whose place
# in the log is `position`.
trade = Table(
    "trade",
    READ_MODELS,
    _key("season_key", Integer),
    _key("block_number", BigInteger),
    _key("log_index", BigInteger),
    Column("position", BigInteger, nullable=False),
    Column("block_time", TIME, nullable=False),
    Column("tx_hash", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("player", Text, nullable=False),
    Column("payer", Text, nullable=False),
    Column("tickets", AMOUNT, nullable=False),
    Column("sof_wei", AMOUNT, nullable=False),  # paid with the fee in it, or received net of it
    Column("fee_wei", AMOUNT, nullable=False),
    Column("price_per_ticket_wei", AMOUNT, nullable=False),
    Column("tickets_before", AMOUNT, nullable=False),
    Column("tickets_after", AMOUNT, nullable=False),
    Column("total_tickets", AMOUNT, nullable=False),
    Column("probability_bps", AMOUNT, nullable=False),
    CheckConstraint("kind IN ('BUY', 'SELL')", name="trade_kind"),
    Index("trade_by_player", "player", "position"),
    postgresql_partition_by="LIST (season_key)",
)

# What a player holds in a season, and every figure of how it came about.
position = Table(
    "position",
    READ_MODELS,
    _key("season_key", Integer),
    _key("player", Text),
    Column("tickets", AMOUNT, nullable=False),
    Column("probability_bps", AMOUNT, nullable=False),  # at the player's own last update
    Column("block_number", BigInteger, nullable=False),  # of the last update: who got there first
    Column("log_index", BigInteger, nullable=False),
    Column("block_time", TIME, nullable=False),
    _count("buys"),
    _count("sells"),
    _amount("bought"),
    _amount("sold"),
    _amount("spent_wei"),
    _amount("received_wei"),
    _amount("fees_wei"),
    Column("first_block_number", BigInteger, nullable=False),
    Column("first_block_time", TIME, nullable=False),
    Index("position_by_player", "player"),
    Index(
        "position_by_tickets",
        "season_key",
        text("tickets DESC"),
        "block_number",
        "log_index",
        postgresql_where=text("tickets > 0"),
    ),
)

# A season's curve: reserves = Σ(spent − fee) − Σ(received + fee) − Σ extracted.
curve = Table(
    "curve",
    READ_MODELS,
    _key("chain_id", BigInteger),
    _key("address", Text),
    Column("season_key", Integer, nullable=False, unique=True),
    Column("trading", Text, nullable=False, server_default=text("'open'")),
    _amount("reserves_wei"),
    _amount("fees_held_wei"),
    _amount("supply"),
    Column("last_price_wei", AMOUNT),
    Column("block_number", BigInteger, nullable=False),
    Column("block_time", TIME, nullable=False),
    CheckConstraint("trading IN ('open', 'locked', 'sell_only')", name="curve_trading"),
)

# The prizes of a season as the distributor was told them.
prize = Table(
    "prize",
    READ_MODELS,
    _key("season_key", Integer),
    Column("token", Text),
    Column("grand_winner", Text),
    _amount("grand_amount_wei"),
    _amount("consolation_amount_wei"),  # of all consolation prizes together
    _amount("total_participants"),
    _amount("funded_wei"),
    Column("grand_claimed", Boolean, nullable=False, server_default=text("false")),
)

# A prize that was claimed; a rolled over one never reached the wallet.
claim = Table(
    "claim",
    READ_MODELS,
    _key("season_key", Integer),
    _key("block_number", BigInteger),
    _key("log_index", BigInteger),
    Column("player", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("token", Text),
    Column("amount", AMOUNT, nullable=False),  # smallest units of the token, or the NFT's id
    Column("rolled_over", Boolean, nullable=False),
    Column("tx_hash", Text, nullable=False),
    Column("block_time", TIME, nullable=False),
    CheckConstraint(
        "kind IN ('GRAND', 'CONSOLATION', 'SPONSORED_ERC20', 'SPONSORED_ERC721')",
        name="claim_kind",
    ),
    Index("claim_by_player", "player", "season_key"),
)

# Consolation prizes of a season that were carried over, by player.
rollover = Table(
    "rollover",
    READ_MODELS,
    _key("season_key", Integer),
    _key("player", Text),
    _amount("deposited_wei"),
    _amount("spent_wei"),
    _amount("refunded_wei"),
    _amount("bonus_wei"),
    Index("rollover_by_player", "player"),
)

# The escrow's side of the same: a season's cohort.
rollover_cohort = Table(
    "rollover_cohort",
    READ_MODELS,
    _key("season_key", Integer),
    Column("phase", Text, nullable=False),
    Column("bonus_bps", Integer, nullable=False, server_default=text("0")),
    Column("next_season_id", AMOUNT),
    CheckConstraint("phase IN ('open', 'active', 'closed')", name="rollover_cohort_phase"),
)

# Smart accounts and their wallets.
account = Table(
    "account",
    READ_MODELS,
    _key("chain_id", BigInteger),
    _key("account", Text),
    Column("owner", Text, nullable=False),
    Column("block_number", BigInteger, nullable=False),
    Index("account_by_owner", "owner"),
)

# The generations of read models that exist.
generation = Table(
    "generation",
    CONTROL,
    _key("number", Integer),
    Column("fingerprint", Text, nullable=False),  # of every table and fold it was posted with
    Column("position", BigInteger, nullable=False, server_default=text("0")),
    Column("stopped_fold", Text),  # the fold that failed, and why; nothing is posted after it
    Column("stopped_reason", Text),
)

# The one row that says which generation serves, and what it reflects.
serving = Table(
    "serving",
    CONTROL,
    Column("only", Boolean, primary_key=True, server_default=text("true")),
    Column("generation", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    CheckConstraint('"only"', name="serving_one_row"),
)
