"""Seasons and their curves."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    Integer,
    Numeric,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from schema.read_models.columns import AMOUNT, READ_MODELS, TIME, amount, count, key

NOT_STARTED, ACTIVE, END_REQUESTED, VRF_PENDING, DISTRIBUTING, COMPLETED, CANCELLED = range(7)

# A season from its creation to its end, with its totals.
season = Table(
    "season",
    READ_MODELS,
    key("season_key", Integer),
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
    amount("total_tickets"),
    count("total_participants"),
    # Σ tickets² over the holders. All tickets are below 2**256, so it has 155 digits at most.
    Column("tickets_squared", Numeric(155, 0), nullable=False, server_default=text("0")),
    amount("prize_pool_wei"),  # the curve's reserves when the end was requested
    count("trades"),
    amount("bought"),
    amount("sold"),
    amount("spent_wei"),
    amount("received_wei"),
    amount("fees_wei"),
    Column("first_trade_block", BigInteger),
    Column("first_trade_time", TIME),
    Column("last_trade_block", BigInteger),
    Column("last_trade_time", TIME),
    Column("winners", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    UniqueConstraint("deployment", "season_id"),
    UniqueConstraint("chain_id", "curve"),
)

# A season's curve: reserves = Σ(spent − fee) − Σ(received + fee) − Σ extracted.
curve = Table(
    "curve",
    READ_MODELS,
    key("chain_id", BigInteger),
    key("address", Text),
    Column("season_key", Integer, nullable=False, unique=True),
    Column("trading", Text, nullable=False, server_default=text("'open'")),
    amount("reserves_wei"),
    amount("fees_held_wei"),
    amount("supply"),
    Column("last_price_wei", AMOUNT),
    Column("block_number", BigInteger, nullable=False),
    Column("block_time", TIME, nullable=False),
    CheckConstraint("trading IN ('open', 'locked', 'sell_only')", name="curve_trading"),
)
