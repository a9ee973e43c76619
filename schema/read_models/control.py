"""The control tables: which generations of read models there are, and which one serves."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Integer,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from schema.read_models.columns import CONTROL, key

# The session that posts a generation holds the advisory lock (this, the generation's number).
POSTING_LOCK = 0x6765_6E65  # "gene"

# The generations of read models that exist.
generation = Table(
    "generation",
    CONTROL,
    key("number", Integer),
    Column("fingerprint", Text, nullable=False),  # of its definition
    # The SQL of its tables and folds, so that other code can go on posting it.
    Column("definition", JSONB),
    Column("position", BigInteger, nullable=False, server_default=text("0")),
    # Whether it once caught up: its indexes and what is derived from other read models are there.
    Column("settled", Boolean, nullable=False, server_default=text("false")),
    Column("served_until", DateTime(timezone=True)),  # when another one was put in its place
    Column("rolled_back", Boolean, nullable=False, server_default=text("false")),  # from this one
    Column("comparison", JSONB),  # with the one that served then, row by row
)

# Read models that stopped at a position of the log, since they cannot take what comes after it.
stopped_read_model = Table(
    "stopped_read_model",
    CONTROL,
    key("generation", Integer),
    key("read_model", Text),
    Column("position", BigInteger, nullable=False),  # the last that is in it
    Column("culprit", Text, nullable=False),  # the fold or input that failed
    Column("reason", Text, nullable=False),
    ForeignKeyConstraint(["generation"], ["daybook.generation.number"], ondelete="CASCADE"),
)

# The one row that says which generation serves, and what it reflects.
serving = Table(
    "serving",
    CONTROL,
    Column("only", Boolean, primary_key=True, server_default=text("true")),
    Column("generation", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("previous", Integer),  # the generation that served before, kept to go back to
    CheckConstraint('"only"', name="serving_one_row"),
)

# What operators are told of as long as it is so.
alert = Table(
    "alert",
    CONTROL,
    key("name", Text),
    key("subject", Text),  # which chain, query, read model … it is about
    Column("since", DateTime(timezone=True), nullable=False),
    Column("last_seen", DateTime(timezone=True), nullable=False),
    Column("detail", Text, nullable=False),
)

# How each generation stands, for people: serving, previous, posting (beside the one that serves) or
# left (nobody posts it, and nobody reads it).
CREATE_GENERATION_STATUS = f"""
    CREATE VIEW daybook.generation_status AS
    SELECT
        generation.number,
        generation.fingerprint,
        CASE
            WHEN serving.generation = generation.number THEN 'serving'
            WHEN lock.is_held THEN 'posting'
            WHEN serving.previous = generation.number THEN 'previous'
            ELSE 'left'
        END AS state,
        lock.is_held AS is_posted,
        generation.position,
        generation.settled,
        generation.rolled_back,
        generation.comparison
    FROM daybook.generation
    CROSS JOIN daybook.serving
    CROSS JOIN LATERAL (
        SELECT EXISTS (
            SELECT FROM pg_locks AS held
            WHERE
                held.locktype = 'advisory'
                AND held.granted
                AND held.database = (
                    SELECT oid FROM pg_database WHERE datname = current_database()
                )
                AND held.classid::bigint = {POSTING_LOCK}
                AND held.objid::bigint = generation.number
        ) AS is_held
    ) AS lock
"""
