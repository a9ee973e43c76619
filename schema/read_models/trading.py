"""Who trades: players, their trades, and what they hold."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, Table, Text

from schema.read_models.columns import AMOUNT, READ_MODELS, TIME, amount, count, key
from schema.read_models.figures import ranking_indexes

# Players in the order of their first position update in the log.
player = Table(
    "player",
    READ_MODELS,
    key("player", Text),
    Column("player_id", BigInteger, nullable=False, unique=True),
)

# A purchase or sale at its own place in the block, and what its position update says, whose place
# in the log is `position`.
trade = Table(
    "trade",
    READ_MODELS,
    key("season_key", Integer),
    key("block_number", BigInteger),
    key("log_index", BigInteger),
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
    key("season_key", Integer),
    key("player", Text),
    Column("tickets", AMOUNT, nullable=False),
    Column("probability_bps", AMOUNT, nullable=False),  # at the player's own last update
    Column("block_number", BigInteger, nullable=False),  # of the last update
    Column("log_index", BigInteger, nullable=False),
    Column("block_time", TIME, nullable=False),
    count("buys"),
    count("sells"),
    amount("bought"),
    amount("sold"),
    amount("spent_wei"),
    amount("received_wei"),
    amount("fees_wei"),
    count("bought_at"),  # position of the last purchase; 0 before the first
    count("sold_at"),
    Column("first_block_number", BigInteger, nullable=False),
    Column("first_block_time", TIME, nullable=False),
    Index("position_by_player", "player"),
    *ranking_indexes("position", "season_key"),
)
