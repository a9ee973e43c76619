"""What answers about the past need beside the trades: steps of seasons, and what was orphaned.

An earlier state is asked for by block, and by the position that the log ended at then. `position`
orders what one season went through; what was orphaned says by the fact at which position.
"""

from sqlalchemy import ARRAY, BigInteger, Column, Integer, SmallInteger, Table, Text

from schema.read_models.columns import AMOUNT, READ_MODELS, TIME, amount, key

# A season's steps other than trades, each with what it changed and nulls for what it did not.
season_step = Table(
    "season_step",
    READ_MODELS,
    key("season_key", Integer),
    key("position", BigInteger),
    Column("orphaned_at", BigInteger),  # position of the fact that orphaned it; null if it stands
    Column("block_number", BigInteger, nullable=False),
    Column("block_time", TIME, nullable=False),
    Column("status", SmallInteger),
    Column("trading", Text),
    Column("snapshot_hash", Text),
    Column("winners", ARRAY(Text)),
    amount("extracted_wei"),
    amount("fees_extracted_wei"),
)

# A trade of a block that its chain left, as `trade` had it until then.
orphaned_trade = Table(
    "orphaned_trade",
    READ_MODELS,
    key("season_key", Integer),
    key("position", BigInteger),
    Column("orphaned_at", BigInteger, nullable=False),
    Column("block_number", BigInteger, nullable=False),
    Column("log_index", BigInteger, nullable=False),
    Column("block_time", TIME, nullable=False),
    Column("kind", Text, nullable=False),
    Column("player", Text, nullable=False),
    Column("tickets", AMOUNT, nullable=False),
    Column("sof_wei", AMOUNT, nullable=False),
    Column("fee_wei", AMOUNT, nullable=False),
    Column("price_per_ticket_wei", AMOUNT, nullable=False),
    Column("tickets_after", AMOUNT, nullable=False),
    Column("total_tickets", AMOUNT, nullable=False),
    Column("probability_bps", AMOUNT, nullable=False),
)
