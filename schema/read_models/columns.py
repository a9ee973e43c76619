"""What the descriptions of tables are made of.

Units: SOF amounts in wei and tickets without decimals, both `numeric(78, 0)`, wide enough for any
uint256. `position` is a position in the log. One name has one type in every table.
"""

from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, MetaData, Numeric, text
from sqlalchemy.types import TypeEngine

READ_MODELS = MetaData()
CONTROL = MetaData(schema="daybook")

AMOUNT = Numeric(78, 0)
TIME = DateTime(timezone=True)


def key(name: str, kind: TypeEngine[Any] | type[TypeEngine[Any]]) -> Column[Any]:
    """A column of the primary key; never drawn from a sequence."""
    return Column(name, kind, primary_key=True, autoincrement=False)


def amount(name: str) -> Column[Any]:
    """An amount that begins at zero and adds up."""
    return Column(name, AMOUNT, nullable=False, server_default=text("0"))


def count(name: str) -> Column[Any]:
    """How many, from zero on."""
    return Column(name, BigInteger, nullable=False, server_default=text("0"))
