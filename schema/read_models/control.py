"""The control tables: which generations of read models there are, and which one serves."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Integer, Table, Text, text

from schema.read_models.columns import CONTROL, key

# The generations of read models that exist.
generation = Table(
    "generation",
    CONTROL,
    key("number", Integer),
    Column("fingerprint", Text, nullable=False),  # of every table and fold it was posted with
    Column("position", BigInteger, nullable=False, server_default=text("0")),
    Column("stopped_fold", Text),  # the fold that failed, and why; nothing is posted after it
    Column("stopped_reason", Text),
)

# The one row that says which generation serves, and what it reflects.
serving = Table(
    "serving",
    CONTROL,
    Column("only", Boolean, primary_key=True, server_default=text("true")),
    Column("generation", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    CheckConstraint('"only"', name="serving_one_row"),
)
