"""What happened to prediction markets: their trades, their prices, and what the factory said."""

from datetime import datetime
from typing import Literal

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Struct, structs

from api.amounts import SofOrNull, Wei, Whole
from api.answers import PAGE_DEFAULT, Cursor, Limit, Page, answer, make_page
from api.cursors import INTEGER_MAX, Integer, decode_cursor
from api.database import Database, Statement
from api.markets import FIND_MARKET, found_market
from api.paths import FIND_SEASON, SEASON_KEY, address, found_season, season_name
from api.problems import PROBLEMS


class MarketTrade(Struct):
    """Outcome tokens bought or sold for SOF.

    Attributes:
        kind: null as long as no SOF transfer of its transaction is known that tells it; then the
            amounts of SOF and tokens are too.
        amount_in, amount_out: as the contract says: SOF and then tokens of a BUY, tokens and then
            SOF of a SELL.
        sof_wei: paid with the fee in it, or received net of it.
        tokens: outcome tokens, with 18 decimals.
        price_wei: SOF for one whole outcome token, rounded down.
    """

    position: int
    chain_id: int
    market: str
    trader: str
    kind: Literal["BUY", "SELL"] | None
    outcome: Literal["YES", "NO"]
    amount_in: str
    amount_out: str
    sof_wei: Wei | None
    sof: SofOrNull
    tokens: str | None
    fee_wei: Wei | None
    fee: SofOrNull
    price_wei: Wei | None
    price: SofOrNull
    tx_hash: str
    log_index: int
    block_number: int
    block_time: datetime


class MarketPrice(Struct):
    """A price as the oracle published it, in basis points.

    Attributes:
        raffle_bps: the player's share of the tickets.
        hybrid_bps: raffle and market, weighed.
    """

    raffle_bps: Whole
    market_bps: Whole
    hybrid_bps: Whole
    log_index: int
    block_number: int
    block_time: datetime


class MarketStep(Struct):
    """What the market factory said of a player in a season.

    Attributes:
        status: of a STATUS: 0 none, 1 condition prepared, 2 liquidity moves, 3 created.
        probability_bps: of a PROBABILITY: the player's chance crossed a threshold.
        market_type: of a FAILURE.
        reason: of a STATUS or a FAILURE.
    """

    player: str
    kind: Literal["STATUS", "PROBABILITY", "FAILURE"]
    status: int | None
    probability_bps: Whole | None
    market_type: str | None
    reason: str | None
    tx_hash: str
    log_index: int
    block_number: int
    block_time: datetime


class TradeKey(Struct, tag="market-trades", array_like=True, frozen=True):
    """The last trade of a page: its place on the market's chain."""

    block_number: Integer
    log_index: Integer


class PriceKey(Struct, tag="market-prices", array_like=True, frozen=True):
    """The last price of a page: its place on the market's chain."""

    block_number: Integer
    log_index: Integer


class StepKey(Struct, tag="market-steps", array_like=True, frozen=True):
    """The last step of a page: its place on the season's chain."""

    block_number: Integer
    log_index: Integer


_BEFORE = """(block_number, log_index) < (%(block_number)s::bigint, %(log_index)s::bigint)
    ORDER BY block_number DESC, log_index DESC
    LIMIT %(limit)s::int + 1
"""
# The market that is meant; as `FIND_MARKET`, the first where several chains have one.
_OF_MARKET = """
        market = %(market)s::text
        AND chain_id = (
            SELECT chain_id FROM {read}.market WHERE address = %(market)s::text
            ORDER BY block_number DESC, chain_id DESC
            LIMIT 1
        )
"""
# Newest first. Index: market_trade's primary key.
SELECT_TRADES = Statement(
    MarketTrade,
    f"""
    SELECT
        position, chain_id, market, trader, kind, outcome,
        amount_in::text AS amount_in, amount_out::text AS amount_out,
        sof_wei::text AS sof_wei, sof_wei * 1e-18 AS sof, tokens::text AS tokens,
        fee_wei::text AS fee_wei, fee_wei * 1e-18 AS fee,
        div(sof_wei * 1e18, nullif(tokens, 0))::text AS price_wei,
        div(sof_wei * 1e18, nullif(tokens, 0)) * 1e-18 AS price,
        tx_hash, log_index, block_number, block_time
    FROM
        {{read}}.market_trade
        CROSS JOIN LATERAL (
            SELECT
                CASE kind WHEN 'BUY' THEN amount_in WHEN 'SELL' THEN amount_out END AS sof_wei,
                CASE kind WHEN 'BUY' THEN amount_out WHEN 'SELL' THEN amount_in END AS tokens
        ) AS told
    WHERE {_OF_MARKET} AND {_BEFORE}
    """,
)
# Newest first. Index: market_price's primary key.
SELECT_PRICES = Statement(
    MarketPrice,
    f"""
    SELECT raffle_bps, market_bps, hybrid_bps, log_index, block_number, block_time
    FROM {{read}}.market_price
    WHERE {_OF_MARKET} AND {_BEFORE}
    """,
)
# Newest first. Index: market_step's primary key.
SELECT_STEPS = Statement(
    MarketStep,
    f"""
    SELECT
        player, kind, status, probability_bps, market_type, reason, tx_hash, log_index,
        block_number, block_time
    FROM {{read}}.market_step
    WHERE season_key = {SEASON_KEY} AND {_BEFORE}
    """,
)


@get("/markets/{market:str}/trades", responses=PROBLEMS)
async def list_market_trades(
    database: NamedDependency[Database],
    market: FromPath[str],
    limit: Limit = PAGE_DEFAULT,
    cursor: Cursor = None,
) -> Response[Page[MarketTrade]]:
    """The trades of a market, newest first."""
    after = decode_cursor(cursor, TradeKey) if cursor else TradeKey(INTEGER_MAX, INTEGER_MAX)
    parameters = {"market": address(market, "market"), "limit": limit, **structs.asdict(after)}
    reading = await database.read(FIND_MARKET, SELECT_TRADES, **parameters)
    chain_id = found_market(reading).chain_id
    rows = reading.rows(SELECT_TRADES)
    page = make_page(reading, rows, limit=limit, key=_trade_key, chain_id=chain_id)
    return answer(reading, page)


def _trade_key(row: MarketTrade) -> TradeKey:
    return TradeKey(row.block_number, row.log_index)


@get("/markets/{market:str}/prices", responses=PROBLEMS)
async def list_market_prices(
    database: NamedDependency[Database],
    market: FromPath[str],
    limit: Limit = PAGE_DEFAULT,
    cursor: Cursor = None,
) -> Response[Page[MarketPrice]]:
    """The published prices of a market, newest first."""
    after = decode_cursor(cursor, PriceKey) if cursor else PriceKey(INTEGER_MAX, INTEGER_MAX)
    parameters = {"market": address(market, "market"), "limit": limit, **structs.asdict(after)}
    reading = await database.read(FIND_MARKET, SELECT_PRICES, **parameters)
    chain_id = found_market(reading).chain_id
    rows = reading.rows(SELECT_PRICES)
    page = make_page(reading, rows, limit=limit, key=_price_key, chain_id=chain_id)
    return answer(reading, page)


def _price_key(row: MarketPrice) -> PriceKey:
    return PriceKey(row.block_number, row.log_index)


@get("/seasons/{season:str}/market-steps", responses=PROBLEMS)
async def list_market_steps(
    database: NamedDependency[Database],
    season: FromPath[str],
    limit: Limit = PAGE_DEFAULT,
    cursor: Cursor = None,
) -> Response[Page[MarketStep]]:
    """How the markets of a season came about, or did not, newest first."""
    name = season_name(season)
    after = decode_cursor(cursor, StepKey) if cursor else StepKey(INTEGER_MAX, INTEGER_MAX)
    parameters = {**name._asdict(), "limit": limit, **structs.asdict(after)}
    reading = await database.read(FIND_SEASON, SELECT_STEPS, **parameters)
    found = found_season(reading, name)
    rows = reading.rows(SELECT_STEPS)
    page = make_page(reading, rows, limit=limit, key=_step_key, chain_id=found.chain_id)
    return answer(reading, page)


def _step_key(row: MarketStep) -> StepKey:
    return StepKey(row.block_number, row.log_index)
