"""What players are ranked by, in a season and over all of them, and the indexes that serve it."""

from typing import NamedTuple

from sqlalchemy import Index, text


class Figure(NamedTuple):
    """A figure that players are ranked by.

    Attributes:
        value: what it is, in SQL over a row of `position` or `score`; a numeric without decimals.
        reached: where in the log it last changed: of equals, who got there first stands above.
        listed: in SQL, who stands on the board.
    """

    value: str
    reached: str
    listed: str


def _more_than_none(value: str, reached: str) -> Figure:
    return Figure(value, reached, listed=f"{value} > 0")


_LAST_TRADE = "greatest(bought_at, sold_at)"

# `net` may be negative, so everybody who traded is listed.
FIGURES = {
    "tickets": _more_than_none("tickets", _LAST_TRADE),
    "bought": _more_than_none("bought", "bought_at"),
    "sold": _more_than_none("sold", "sold_at"),
    "spent": _more_than_none("spent_wei", "bought_at"),
    "received": _more_than_none("received_wei", "sold_at"),
    "net": Figure("(received_wei - spent_wei)", _LAST_TRADE, listed="buys + sells > 0"),
    "trades": _more_than_none("(buys + sells)::numeric", _LAST_TRADE),
}


def ranking_indexes(table: str, *board: str) -> list[Index]:
    """An index for each figure of a table whose columns `board` say which board a row stands on.

    It is read backwards, most first; `-reached` makes the ends of pages one row comparison.
    """
    return [
        Index(
            f"{table}_by_{by}",
            *board,
            text(f"({figure.value})"),
            text(f"(-{figure.reached})"),
            postgresql_where=text(figure.listed),
        )
        for by, figure in FIGURES.items()
    ]
