"""Leaderboards over all seasons, and the counts that make a rank among a million players quick."""

from sqlalchemy import CheckConstraint, Date, Index, Integer, SmallInteger, Table, Text, text

from schema.read_models.columns import AMOUNT, READ_MODELS, amount, count, key
from schema.read_models.figures import ranking_indexes

# What a player did in all seasons of all deployments, within a span of block time in UTC.
score = Table(
    "score",
    READ_MODELS,
    key("span", Text),
    key("start", Date),  # the day; the week's Monday; 1970-01-01 for all
    key("player", Text),
    amount("tickets"),  # more held than before the span
    count("buys"),
    count("sells"),
    amount("bought"),
    amount("sold"),
    amount("spent_wei"),
    amount("received_wei"),
    count("bought_at"),  # position of the last purchase; 0 before the first
    count("sold_at"),
    CheckConstraint("span IN ('day', 'week', 'all')", name="score_span"),
    *ranking_indexes("score", "span", "start"),
)

# How many players of a board have a figure of about this size: what it is when it is rounded
# towards zero to so many digits, to two and to five. Zeros are not counted, and nothing is as
# long as there are 10,000 players or fewer.
score_bucket = Table(
    "score_bucket",
    READ_MODELS,
    key("span", Text),
    key("start", Date),
    key("figure", Text),
    key("digits", SmallInteger),
    key("bucket", AMOUNT),
    count("players"),
    Index("score_bucket_empty", "span", postgresql_where=text("players = 0")),
)

# The same of a season's players.
position_bucket = Table(
    "position_bucket",
    READ_MODELS,
    key("season_key", Integer),
    key("figure", Text),
    key("digits", SmallInteger),
    key("bucket", AMOUNT),
    count("players"),
    Index("position_bucket_empty", "season_key", postgresql_where=text("players = 0")),
)
