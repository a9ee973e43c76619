"""A plain fold of a log's events into dictionaries: what the read models must hold.

It knows the events and nothing else: none of the folds' code or SQL, no batch and no fork, nor what
a simulated world says of itself. What it does not keep is what tells of orphaned blocks, of ranges
and of contracts.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from schema.events.account_factory import AccountCreated
from schema.events.tokens import RaffleTokenTransfer, SofTransfer
from schema.read_models import READ_MODELS
from tests.oracle import markets, prizes, trading
from tests.oracle.books import Books, Placed, Row
from tests.projections.tables import read_tables

TABLES = (
    "season",
    "season_step",
    "curve",
    "player",
    "trade",
    "position",
    "score",
    "candle",
    "participant",
    "snapshot",
    "balance",
    "account",
    "prize",
    "prize_tiers",
    "claim",
    "sponsorship",
    "rollover",
    "rollover_cohort",
    "market",
    "market_trade",
    "market_price",
    "market_condition",
    "market_step",
)
_NOBODY = "0x" + "00" * 20

Rows = dict[tuple[Any, ...], Row]


def fold(events: Sequence[Placed], deployments: Mapping[int, str]) -> dict[str, Rows]:
    """What the standing events come to, in the log's order: rows of each table by their key.

    Args:
        events: without those of orphaned blocks.
        deployments: the one of each chain.
    """
    books = Books(deployments)
    books.count_seasons(event for _, event in events)
    for position, event in events:
        books.begin(event)
        trading.take(books, position, event)
        prizes.take(books, event)
        markets.take(books, position, event)
        match event:
            case SofTransfer() | RaffleTokenTransfer():
                _transfer(books, event)
            case AccountCreated():
                account = {"chain_id": event.chain_id, "account": event.account}
                row = books.row("account", account)
                row |= {"owner": event.owner, "block_number": event.block_number}
        books.earlier.append(event)
    _list_seasons(books)
    return {table: books.tables[table] for table in TABLES}


def _transfer(books: Books, event: SofTransfer | RaffleTokenTransfer) -> None:
    for holder, moved in ((event.from_address, -event.value), (event.to_address, event.value)):
        if holder != _NOBODY:
            key = {"holder": holder, "chain_id": event.chain_id, "token": event.contract}
            books.row("balance", key, amount=0)["amount"] += moved


def _list_seasons(books: Books) -> None:
    """Participants and candles, as each season has them in the end."""
    for season_key, season in books.seasons.items():
        for at, player in enumerate(season.order):
            books.row("participant", {"season_key": season_key, "place": at}, player=player)
        for (width, start), candle in season.candles.items():
            key = {"season_key": season_key, "interval_seconds": width}
            books.row(
                "candle",
                {**key, "start": datetime.fromtimestamp(start, UTC)},
                **{f"{name}_wei": getattr(candle, name) for name in ("open", "high", "low")},
                close_wei=candle.close,
                volume_tickets=candle.tickets,
                volume_wei=candle.sof,
                trades=candle.trades,
                total_tickets=candle.total,
            )


def assert_told(database_url: str, generation: int, told: Mapping[str, Rows]) -> None:
    """Check that a generation holds these rows, and in these tables no others."""
    tables = read_tables(database_url, generation)
    for name, expected in told.items():
        table = READ_MODELS.tables[name]
        columns = [column.name for column in table.columns]
        rows = [dict(zip(columns, row, strict=True)) for row in tables[name]]
        standing = [row for row in rows if row.get("orphaned_at") is None]
        key = [column.name for column in table.primary_key]
        found = {tuple(row[column] for column in key): row for row in standing}
        assert found.keys() == expected.keys(), name
        for at, row in expected.items():
            assert {column: found[at][column] for column in row} == row, (name, at)
