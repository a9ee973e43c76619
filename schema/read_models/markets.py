"""Prediction markets: how they came about, what was traded, what they are priced at and settled.

Outcome tokens have 18 decimals, as SOF has; a market's outcomes are that its player wins the season
(YES) and that another does (NO).
"""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
)

from schema.read_models.columns import AMOUNT, READ_MODELS, TIME, amount, count, key

# A market, with the sums over its trades whose direction is known.
market = Table(
    "market",
    READ_MODELS,
    key("chain_id", BigInteger),
    key("address", Text),
    Column("season_key", Integer, nullable=False),
    Column("player", Text, nullable=False),
    Column("market_type", Text),  # as the factory says
    Column("condition_id", Text, nullable=False),
    Column("lp_token", Text),  # as the manager says
    Column("block_number", BigInteger, nullable=False),
    Column("block_time", TIME, nullable=False),
    count("trades"),
    amount("spent_wei"),
    amount("received_wei"),
    amount("fees_wei"),
    amount("yes_bought"),
    amount("yes_sold"),
    amount("no_bought"),
    amount("no_sold"),
    amount("liquidity_added_wei"),
    amount("liquidity_removed_wei"),
    Column("settled_block_number", BigInteger),  # when the factory closed the season's markets
    Index("market_by_season", "season_key"),
)

# Outcome tokens traded: SOF in and tokens out of a BUY, tokens in and SOF out of a SELL.
market_trade = Table(
    "market_trade",
    READ_MODELS,
    key("chain_id", BigInteger),
    key("market", Text),
    key("block_number", BigInteger),
    key("log_index", BigInteger),
    Column("position", BigInteger, nullable=False),
    Column("block_time", TIME, nullable=False),
    Column("tx_hash", Text, nullable=False),
    Column("trader", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("amount_in", AMOUNT, nullable=False),
    Column("amount_out", AMOUNT, nullable=False),
    Column("kind", Text),  # null as long as the log holds no SOF transfer that tells it
    Column("fee_wei", AMOUNT),  # what the market kept of the SOF
    CheckConstraint("outcome IN ('YES', 'NO')", name="market_trade_outcome"),
    CheckConstraint("kind IN ('BUY', 'SELL')", name="market_trade_kind"),
)

# A market's prices as the oracle published them, in basis points.
market_price = Table(
    "market_price",
    READ_MODELS,
    key("chain_id", BigInteger),
    key("market", Text),
    key("block_number", BigInteger),
    key("log_index", BigInteger),
    Column("block_time", TIME, nullable=False),
    Column("raffle_bps", AMOUNT, nullable=False),  # the player's share of the tickets
    Column("market_bps", AMOUNT, nullable=False),
    Column("hybrid_bps", AMOUNT, nullable=False),  # the two, weighed
)

# The question that markets are settled by, and its answer.
market_condition = Table(
    "market_condition",
    READ_MODELS,
    key("chain_id", BigInteger),
    key("condition_id", Text),
    Column("season_key", Integer, nullable=False),
    Column("player", Text, nullable=False),
    Column("question_id", Text),
    Column("player_won", Boolean),  # null until it is resolved
    Column("payouts", ARRAY(AMOUNT)),  # shares of YES and NO
    Column("resolved_block_number", BigInteger),
    Column("resolved_time", TIME),
)

# What the factory said of a player in a season: steps of creating a market, failures, and chances.
market_step = Table(
    "market_step",
    READ_MODELS,
    key("season_key", Integer),
    key("block_number", BigInteger),
    key("log_index", BigInteger),
    Column("player", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("status", SmallInteger),  # of a STATUS: 0 none, 1 condition, 2 liquidity, 3 created
    Column("probability_bps", AMOUNT),  # of a PROBABILITY
    Column("market_type", Text),  # of a FAILURE
    Column("reason", Text),  # of a STATUS or a FAILURE
    Column("block_time", TIME, nullable=False),
    Column("tx_hash", Text, nullable=False),
    CheckConstraint("kind IN ('STATUS', 'PROBABILITY', 'FAILURE')", name="market_step_kind"),
    Index("market_step_by_player", "season_key", "player", "block_number", "log_index"),
)
