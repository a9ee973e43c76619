"""Prizes, sponsored ones too, claims, and consolation prizes that were carried over."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    Table,
    Text,
    text,
)

from schema.read_models.columns import AMOUNT, READ_MODELS, TIME, amount, key

# The prizes of a season as the distributor was told them.
prize = Table(
    "prize",
    READ_MODELS,
    key("season_key", Integer),
    Column("token", Text),
    Column("grand_winner", Text),
    amount("grand_amount_wei"),
    amount("consolation_amount_wei"),  # of all consolation prizes together
    amount("total_participants"),
    amount("funded_wei"),
    Column("grand_claimed", Boolean, nullable=False, server_default=text("false")),
)

# A prize that was claimed; a rolled over one never reached the wallet.
claim = Table(
    "claim",
    READ_MODELS,
    key("season_key", Integer),
    key("block_number", BigInteger),
    key("log_index", BigInteger),
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

# A prize that a sponsor added. Winners claim their tiers' shares of a season's tokens, not one
# sponsor's; NFTs are claimed one by one.
sponsorship = Table(
    "sponsorship",
    READ_MODELS,
    key("season_key", Integer),
    key("block_number", BigInteger),
    key("log_index", BigInteger),
    Column("kind", Text, nullable=False),
    Column("sponsor", Text, nullable=False),
    Column("token", Text, nullable=False),
    Column("amount", AMOUNT, nullable=False),  # smallest units of the token, or the NFT's id
    Column("block_time", TIME, nullable=False),
    Column("tx_hash", Text, nullable=False),
    CheckConstraint("kind IN ('ERC20', 'ERC721')", name="sponsorship_kind"),
)

# How a season's sponsored prizes are shared out, and since when no more are taken.
prize_tiers = Table(
    "prize_tiers",
    READ_MODELS,
    key("season_key", Integer),
    Column("tiers", AMOUNT),
    Column("winners", AMOUNT),  # of all tiers together
    Column("winners_set_block_number", BigInteger),
    Column("locked_block_number", BigInteger),
)

# Consolation prizes of a season that were carried over, by player.
rollover = Table(
    "rollover",
    READ_MODELS,
    key("season_key", Integer),
    key("player", Text),
    amount("deposited_wei"),
    amount("spent_wei"),
    amount("refunded_wei"),
    amount("bonus_wei"),
    Index("rollover_by_player", "player"),
)

# The escrow's side of the same: a season's cohort.
rollover_cohort = Table(
    "rollover_cohort",
    READ_MODELS,
    key("season_key", Integer),
    Column("phase", Text, nullable=False),
    Column("bonus_bps", Integer, nullable=False, server_default=text("0")),
    Column("next_season_id", AMOUNT),
    CheckConstraint("phase IN ('open', 'active', 'closed')", name="rollover_cohort_phase"),
)
