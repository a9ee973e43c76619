"""Who holds SOF and raffle tokens, and how they came by them."""

from sqlalchemy import BigInteger, Column, Index, Table, Text, text

from schema.read_models.columns import READ_MODELS, amount, key

# What everybody holds of a token, in its smallest unit, of all that moved since the chain's first
# indexed block; a row stays when nothing is left.
balance = Table(
    "balance",
    READ_MODELS,
    key("holder", Text),
    key("chain_id", BigInteger),
    key("token", Text),
    amount("amount"),
)

# Where in the log each transfer is, by who sent and who received it: an index of a third of the
# log, so it holds keys of eight bytes and leaves the rest to the log. A key is
# `hashtextextended(holder, hashtextextended(token, 0))`; the zero address has none.
transfer = Table(
    "transfer",
    READ_MODELS,
    key("position", BigInteger),
    Column("sender_key", BigInteger),
    Column("recipient_key", BigInteger),
    Index(
        "transfer_by_sender",
        "sender_key",
        "position",
        postgresql_where=text("sender_key IS NOT NULL"),
    ),
    Index(
        "transfer_by_recipient",
        "recipient_key",
        "position",
        postgresql_where=text("recipient_key IS NOT NULL"),
    ),
)
