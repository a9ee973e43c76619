"""Exact numbers on their way from PostgreSQL to JSON; no float touches any of them.

One rule for integers everywhere: a JSON number up to 2**53, which every JSON reader holds exactly,
and a string of digits beyond. Amounts in wei are always strings; amounts in SOF are JSON numbers
with all their decimal digits, and in SQL they are `wei * 1e-18`, which numeric computes exactly.
"""

from decimal import Decimal
from typing import Annotated, Any

from msgspec import Meta
from psycopg.adapt import Loader

_EXACT_IN_JSON_MAX = 2**53

Wei = Annotated[str, Meta(pattern=r"^-?\d+$", description="In wei: 1 SOF is 10**18 of them.")]
# `extra` is what the framework's OpenAPI description takes over: it thinks Decimals are strings.
Sof = Annotated[
    Decimal, Meta(extra_json_schema={"description": "In SOF.", "extra": {"type": "number"}})
]
SofOrNull = Annotated[
    Decimal | None,
    Meta(
        extra_json_schema={
            "description": "In SOF.",
            "extra": {"type": ["number", "null"], "one_of": None},
        }
    ),
]
Whole = Annotated[int | str, Meta(description="A number up to 2**53, a string of digits beyond.")]


def exact(value: Any) -> Any:
    """A value for JSON, in which every integer is a `Whole`."""
    if isinstance(value, dict):
        return {name: exact(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [exact(each) for each in value]
    if isinstance(value, int) and abs(value) > _EXACT_IN_JSON_MAX:
        return str(value)
    return value


class ExactNumber(Loader):
    """Loads `numeric`: with a decimal point as Decimal, without one as `Whole`."""

    def load(self, data: Any) -> Decimal | int | str:
        """The value of a number in PostgreSQL's text format."""
        digits = bytes(data)
        if b"." in digits:
            return Decimal(digits.rstrip(b"0").decode())
        value = int(digits)
        return value if abs(value) <= _EXACT_IN_JSON_MAX else digits.decode()
