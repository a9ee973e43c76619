"""Plain rankings to compare the api's with: trades go in, and everything is added up anew."""

from collections.abc import Iterable
from datetime import date
from typing import Any, NamedTuple

FIGURES = ("tickets", "bought", "sold", "spent", "received", "net", "trades")

# What an answer calls a figure.
FIELDS = {"spent": "spent_wei", "received": "received_wei", "net": "net_wei"}


class Done(NamedTuple):
    """A trade: a sale where `tickets` are negative."""

    season: int
    player: str
    tickets: int
    sof_wei: int
    day: date


def figures(trades: Iterable[Done]) -> dict[str, int]:
    """Every figure of these trades together."""
    trades = list(trades)
    bought = [trade for trade in trades if trade.tickets > 0]
    sold = [trade for trade in trades if trade.tickets < 0]
    spent, received = (sum(trade.sof_wei for trade in those) for those in (bought, sold))
    return {
        "tickets": sum(trade.tickets for trade in trades),
        "bought": sum(trade.tickets for trade in bought),
        "sold": -sum(trade.tickets for trade in sold),
        "spent": spent,
        "received": received,
        "net": received - spent,
        "trades": len(trades),
    }


def ranking(trades: list[Done], by: str) -> list[tuple[int, str, int]]:
    """Rank, player and figure of everybody on the board, in order."""
    mine: dict[str, list[Done]] = {}
    reached: dict[str, int] = {}
    for at, trade in enumerate(trades):
        mine.setdefault(trade.player, []).append(trade)
        changes = {"bought": trade.tickets > 0, "spent": trade.tickets > 0}
        changes |= {"sold": trade.tickets < 0, "received": trade.tickets < 0}
        if changes.get(by, True):
            reached[trade.player] = at
    found = {player: figures(those)[by] for player, those in mine.items()}
    listed = [player for player in found if by == "net" or found[player] > 0]
    listed.sort(key=lambda player: (-found[player], reached[player]))
    values = [found[player] for player in listed]
    return [(1 + sum(v > found[p] for v in values), p, found[p]) for p in listed]


def rows(items: Iterable[dict[str, Any]], by: str) -> list[tuple[int, str, int]]:
    """Rank, player and figure of an answer's items."""
    field = FIELDS.get(by, by)
    return [(item["rank"], item["player"], int(item[field])) for item in items]
