"""Box raffles: raffles, their grids of boxes, who takes part, who wins, and who sells.

A raffle is (deployment, raffle id) for people, and `raffle_key` inside: 1, 2, 3 … in the log's
order of their creation, so it is the same after any replay.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from schema.read_models.columns import AMOUNT, READ_MODELS, TIME, amount, count, key

# A raffle with its progress, by what its contract said last.
box_raffle = Table(
    "box_raffle",
    READ_MODELS,
    key("raffle_key", Integer),
    Column("chain_id", BigInteger, nullable=False),
    Column("deployment", Text, nullable=False),
    Column("raffle_id", AMOUNT, nullable=False),
    Column("contract", Text, nullable=False),
    Column("seller", Text, nullable=False),
    Column("status", Text, nullable=False, server_default=text("'open'")),
    Column("total_boxes", AMOUNT, nullable=False),
    Column("box_price_wei", AMOUNT, nullable=False),  # as offered; each box has what was paid
    Column("winner_count", AMOUNT, nullable=False),  # as promised; box_winner has those drawn
    count("boxes_sold"),
    amount("proceeds_wei"),
    Column("created_block", BigInteger, nullable=False),
    Column("created_time", TIME, nullable=False),
    Column("full_block", BigInteger),
    Column("closed_block", BigInteger),  # drawn or cancelled
    UniqueConstraint("deployment", "raffle_id"),
    CheckConstraint("status IN ('open', 'full', 'drawn', 'cancelled')", name="box_raffle_status"),
    Index("box_raffle_by_seller", "seller", "raffle_key"),
)

# The grid: a sold box, and where its purchase stands.
box = Table(
    "box",
    READ_MODELS,
    key("raffle_key", Integer),
    Column("box_number", AMOUNT, primary_key=True),
    Column("player", Text, nullable=False),
    Column("price_wei", AMOUNT, nullable=False),
    Column("block_number", BigInteger, nullable=False),
    Column("log_index", BigInteger, nullable=False),
    Column("block_time", TIME, nullable=False),
    Column("tx_hash", Text, nullable=False),
)

# A winning box, at the place where it was drawn.
box_winner = Table(
    "box_winner",
    READ_MODELS,
    key("raffle_key", Integer),
    key("block_number", BigInteger),
    key("log_index", BigInteger),
    Column("box_number", AMOUNT, nullable=False),
    Column("player", Text, nullable=False),
    Column("block_time", TIME, nullable=False),
    Column("tx_hash", Text, nullable=False),
)

# What a player did in a raffle. The place is that of the last box bought, which tells who got
# there first; null for a winner who bought none.
box_participant = Table(
    "box_participant",
    READ_MODELS,
    key("raffle_key", Integer),
    key("player", Text),
    count("boxes"),
    amount("spent_wei"),
    count("won"),
    Column("block_number", BigInteger),
    Column("log_index", BigInteger),
    Column("block_time", TIME),
    Index("box_participant_by_player", "player", "raffle_key"),
    Index(
        "box_participant_by_boxes",
        "raffle_key",
        text("boxes DESC"),
        "block_number",
        "log_index",
        postgresql_where=text("boxes > 0"),
    ),
)

# A seller's sales in a deployment, those of cancelled raffles included.
box_seller = Table(
    "box_seller",
    READ_MODELS,
    key("seller", Text),
    key("deployment", Text),
    count("raffles"),
    count("cancelled"),
    count("boxes_sold"),
    amount("proceeds_wei"),
)
