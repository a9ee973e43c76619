"""`/api/raffle/transactions/…`: a player's history in a season, and everybody's."""

from datetime import datetime
from typing import Literal

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Struct

from api.amounts import Sof, Wei, Whole
from api.answers import answer
from api.compat.parameters import LIMIT_DEFAULT, Limit, Offset, Order, OrderBy
from api.database import Database, Statement
from api.paths import FIND_SEASON, SEASON_KEY, address, found_season, season_name
from api.players import LINKED
from api.problems import PROBLEMS


class Transaction(Struct):
    """A trade.

    Attributes:
        id: the position in the log of its position update.
        transaction_type: BUY or SELL; CLAIM and TRANSFER are of this type, and not listed here.
    """

    id: int
    season_id: Whole
    user_address: str
    player_id: int
    transaction_type: Literal["BUY", "SELL", "CLAIM", "TRANSFER"]
    ticket_amount: Whole
    sof_amount: Sof
    sof_amount_wei: Wei
    price_per_ticket: Sof
    price_per_ticket_wei: Wei
    tx_hash: str
    log_index: int
    block_number: int
    block_timestamp: datetime
    tickets_before: Whole
    tickets_after: Whole


class Transactions(Struct, frozen=True):
    """A player's trades in a season."""

    transactions: list[Transaction]


class SeasonTransactions(Struct, frozen=True):
    """A season's trades; `total` counts all of them."""

    transactions: list[Transaction]
    total: int


_SELECT = """
    SELECT
        trade.position AS id, season.season_id, trade.player AS user_address,
        (SELECT player_id FROM {read}.player WHERE player.player = trade.player) AS player_id,
        trade.kind AS transaction_type, trade.tickets AS ticket_amount,
        trade.sof_wei * 1e-18 AS sof_amount, trade.sof_wei::text AS sof_amount_wei,
        trade.price_per_ticket_wei * 1e-18 AS price_per_ticket,
        trade.price_per_ticket_wei::text AS price_per_ticket_wei,
        trade.tx_hash, trade.log_index, trade.block_number, trade.block_time AS block_timestamp,
        trade.tickets_before, trade.tickets_after
    FROM {read}.trade JOIN {read}.season USING (season_key)
"""
_PAGE = "LIMIT %(limit)s::int OFFSET %(offset)s::bigint"

# Every order is total: the place in the chain breaks ties, so that pages never shift.
_ORDER_COLUMNS: dict[str, tuple[str, ...]] = {
    "block_timestamp": ("trade.block_time", "trade.block_number", "trade.log_index"),
    "block_number": ("trade.block_number", "trade.log_index"),
    "id": ("trade.position",),
}


def _ordered_by(order_by: str, order: str) -> str:
    return ", ".join(f"{column} {order}" for column in _ORDER_COLUMNS[order_by])


# Index: trade_by_player.
SELECT_PLAYER_TRANSACTIONS = {
    (order_by, order): Statement(
        Transaction,
        f"""{_SELECT}
        WHERE trade.season_key = {SEASON_KEY} AND trade.player = ANY (ARRAY({LINKED}))
        ORDER BY {_ordered_by(order_by, order)} {_PAGE}
        """,
    )
    for order_by in _ORDER_COLUMNS
    for order in ("asc", "desc")
}

# Index: trade's primary key.
SELECT_SEASON_TRANSACTIONS = {
    order: Statement(
        Transaction,
        f"""{_SELECT}
        WHERE trade.season_key = {SEASON_KEY}
        ORDER BY {_ordered_by("block_number", order)} {_PAGE}
        """,
    )
    for order in ("asc", "desc")
}


@get("/raffle/transactions/{user:str}/{season:str}", responses=PROBLEMS)
async def list_player_transactions(  # noqa: PLR0913, PLR0917  one a parameter
    database: NamedDependency[Database],
    user: FromPath[str],
    season: FromPath[str],
    limit: Limit = LIMIT_DEFAULT,
    offset: Offset = 0,
    orderBy: OrderBy = "block_timestamp",  # noqa: N803  the parameter's own name
    order: Order = "desc",
) -> Response[Transactions]:
    """A player's trades in a season, with those of their wallet and smart accounts."""
    name = season_name(season)
    statement = SELECT_PLAYER_TRANSACTIONS[orderBy, order]
    reading = await database.read(
        FIND_SEASON,
        statement,
        **name._asdict(),
        address=address(user),
        limit=limit,
        offset=offset,
    )
    found_season(reading, name)
    return answer(reading, Transactions(reading.rows(statement)))


@get("/raffle/transactions/season/{season:str}", responses=PROBLEMS)
async def list_season_transactions(
    database: NamedDependency[Database],
    season: FromPath[str],
    limit: Limit = LIMIT_DEFAULT,
    offset: Offset = 0,
    order: Order = "desc",
) -> Response[SeasonTransactions]:
    """A season's trades in the order of its chain."""
    name = season_name(season)
    statement = SELECT_SEASON_TRANSACTIONS[order]
    reading = await database.read(
        FIND_SEASON, statement, **name._asdict(), limit=limit, offset=offset
    )
    found = found_season(reading, name)
    return answer(reading, SeasonTransactions(reading.rows(statement), found.trades or 0))
