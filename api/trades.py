"""Purchases and sales: `/v1/seasons/{season}/trades` and `/v1/players/{address}/trades`."""

from datetime import datetime
from typing import Annotated, Literal

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from msgspec import Struct

from api.amounts import Sof, Wei, Whole
from api.answers import PAGE_DEFAULT, Cursor, Limit, Page, answer, make_page
from api.cursors import INTEGER_MAX, Integer, decode_cursor
from api.database import Database, Statement
from api.paths import FIND_SEASON, SEASON_KEY, address, found_season, season_name
from api.players import LINKED
from api.problems import PROBLEMS

SeasonFilter = Annotated[str | None, QueryParameter(description="Of this season only.")]


class Trade(Struct):
    """A purchase or a sale.

    Attributes:
        position: in the log, of its position update.
        block_number, log_index: where the purchase or sale itself stands.
        sof_wei: paid with the fee in it, or received net of it.
        payer: who paid a purchase: another than the player when tickets came from a rollover.
        probability_bps, total_tickets: right after the trade.
    """

    position: int
    season_id: Whole
    deployment: str
    chain_id: int
    player: str
    kind: Literal["BUY", "SELL"]
    tickets: Whole
    tickets_before: Whole
    tickets_after: Whole
    total_tickets: Whole
    probability_bps: Whole
    sof_wei: Wei
    sof: Sof
    fee_wei: Wei
    fee: Sof
    price_per_ticket_wei: Wei
    price_per_ticket: Sof
    payer: str
    tx_hash: str
    log_index: int
    block_number: int
    block_time: datetime


class SeasonTradeKey(Struct, tag="season-trades", array_like=True, frozen=True):
    """The last trade of a page: its place on the season's chain."""

    block_number: Integer
    log_index: Integer


class PlayerTradeKey(Struct, tag="player-trades", array_like=True, frozen=True):
    """The last trade of a page: its place in the log, which orders trades of several chains."""

    position: Integer


_COLUMNS = """
        trade.position, season.season_id, season.deployment, season.chain_id, trade.player,
        trade.kind, trade.tickets, trade.tickets_before, trade.tickets_after, trade.total_tickets,
        trade.probability_bps,
        trade.sof_wei::text AS sof_wei, trade.sof_wei * 1e-18 AS sof,
        trade.fee_wei::text AS fee_wei, trade.fee_wei * 1e-18 AS fee,
        trade.price_per_ticket_wei::text AS price_per_ticket_wei,
        trade.price_per_ticket_wei * 1e-18 AS price_per_ticket,
        trade.payer, trade.tx_hash, trade.log_index, trade.block_number, trade.block_time
"""

# Newest first. Index: trade's primary key.
SELECT_SEASON_TRADES = Statement(
    Trade,
    f"""
    SELECT {_COLUMNS}
    FROM {{read}}.trade JOIN {{read}}.season USING (season_key)
    WHERE trade.season_key = {SEASON_KEY}
      AND (trade.block_number, trade.log_index)
          < (%(block_number)s::bigint, %(log_index)s::bigint)
    ORDER BY trade.block_number DESC, trade.log_index DESC
    LIMIT %(limit)s::int + 1
    """,
)

# Newest first, of an address and those linked with it: each one's newest, then the newest of all.
# Index: trade_by_player.
_SELECT_PLAYER_TRADES = f"""
    SELECT {_COLUMNS}
    FROM
        ({LINKED}) AS linked (address)
        CROSS JOIN LATERAL (
            SELECT * FROM {{read}}.trade
            WHERE trade.player = linked.address
              AND trade.position < %(position)s::bigint
              AND {{season}}
            ORDER BY trade.position DESC
            LIMIT %(limit)s::int + 1
        ) AS trade
        JOIN {{read}}.season USING (season_key)
    ORDER BY trade.position DESC
    LIMIT %(limit)s::int + 1
"""
SELECT_PLAYER_TRADES = Statement(Trade, _SELECT_PLAYER_TRADES.replace("{season}", "true"))
SELECT_PLAYER_SEASON_TRADES = Statement(
    Trade, _SELECT_PLAYER_TRADES.replace("{season}", f"trade.season_key = {SEASON_KEY}")
)


@get("/seasons/{season:str}/trades", responses=PROBLEMS)
async def list_season_trades(
    database: NamedDependency[Database],
    season: FromPath[str],
    limit: Limit = PAGE_DEFAULT,
    cursor: Cursor = None,
) -> Response[Page[Trade]]:
    """The trades of a season, newest first."""
    name = season_name(season)
    after = (
        decode_cursor(cursor, SeasonTradeKey)
        if cursor
        else SeasonTradeKey(INTEGER_MAX, INTEGER_MAX)
    )
    reading = await database.read(
        FIND_SEASON,
        SELECT_SEASON_TRADES,
        **name._asdict(),
        block_number=after.block_number,
        log_index=after.log_index,
        limit=limit,
    )
    found = found_season(reading, name)
    rows = reading.rows(SELECT_SEASON_TRADES)
    page = make_page(reading, rows, limit=limit, key=_season_key, chain_id=found.chain_id)
    return answer(reading, page)


def _season_key(row: Trade) -> SeasonTradeKey:
    return SeasonTradeKey(row.block_number, row.log_index)


@get("/players/{player:str}/trades", responses=PROBLEMS)
async def list_player_trades(
    database: NamedDependency[Database],
    player: FromPath[str],
    season: SeasonFilter = None,
    limit: Limit = PAGE_DEFAULT,
    cursor: Cursor = None,
) -> Response[Page[Trade]]:
    """The trades of a player, and of the wallet or smart account of theirs, newest first."""
    after = decode_cursor(cursor, PlayerTradeKey) if cursor else PlayerTradeKey(INTEGER_MAX)
    parameters = {"address": address(player), "position": after.position, "limit": limit}
    if season is None:
        statement, chain_id = SELECT_PLAYER_TRADES, None
        reading = await database.read(statement, **parameters)
    else:
        name = season_name(season)
        statement = SELECT_PLAYER_SEASON_TRADES
        reading = await database.read(FIND_SEASON, statement, **name._asdict(), **parameters)
        chain_id = found_season(reading, name).chain_id
    rows = reading.rows(statement)
    page = make_page(reading, rows, limit=limit, key=_player_key, chain_id=chain_id)
    return answer(reading, page)


def _player_key(row: Trade) -> PlayerTradeKey:
    return PlayerTradeKey(row.position)
