"""What a season's trades amount to: its candles, and its list of participants."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from schema.read_models.columns import AMOUNT, READ_MODELS, TIME, key

# The price per ticket over an interval of block time, whose first trade opens it and whose last
# one closes it. Intervals begin at multiples of their width since the Unix epoch; one without
# trades has no candle.
candle = Table(
    "candle",
    READ_MODELS,
    key("season_key", Integer),
    key("interval_seconds", Integer),  # 60, 300, 3,600 or 86,400
    key("start", TIME),
    Column("open_wei", AMOUNT, nullable=False),
    Column("high_wei", AMOUNT, nullable=False),
    Column("low_wei", AMOUNT, nullable=False),
    Column("close_wei", AMOUNT, nullable=False),
    Column("volume_tickets", AMOUNT, nullable=False),
    Column("volume_wei", AMOUNT, nullable=False),
    Column("trades", Integer, nullable=False),
    Column("total_tickets", AMOUNT, nullable=False),  # of the season, after the last trade
    Column("position", BigInteger, nullable=False),  # of the last trade
)

# The raffle's own list of who holds tickets: who joins comes last, and where one leaves, the last
# takes that place.
participant = Table(
    "participant",
    READ_MODELS,
    key("season_key", Integer),
    key("place", Integer),  # from 0, as in the contract's array
    Column("player", Text, nullable=False),
    # Two may change places in one statement. Its fold looks up by it, so it cannot come later.
    UniqueConstraint("season_key", "player", deferrable=True, initially="IMMEDIATE"),
)

# The participants and their tickets when the season was locked, in the contract's order, and
# keccak256(abi.encode(participants, tickets)) as the contract said it.
snapshot = Table(
    "snapshot",
    READ_MODELS,
    key("season_key", Integer),
    key("block_number", BigInteger),
    key("log_index", BigInteger),
    Column("block_time", TIME, nullable=False),
    Column("snapshot_hash", Text, nullable=False),
    Column("participants", ARRAY(Text), nullable=False),
    Column("tickets", ARRAY(AMOUNT), nullable=False),
)
