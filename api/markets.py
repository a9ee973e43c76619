"""`/v1/markets` and `/v1/markets/{market}`: prediction markets, priced, traded and settled."""

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from msgspec import Struct

from api.amounts import Sof, Wei, Whole
from api.answers import PAGE_DEFAULT, Block, Cursor, Limit, Page, answer, block_of, make_page
from api.cursors import INTEGER_MAX, Integer, decode_cursor
from api.database import Database, Reading, Statement
from api.paths import FIND_SEASON, SEASON_KEY, address, found_season, season_name
from api.problems import PROBLEMS, Problem

SeasonFilter = Annotated[str | None, QueryParameter(description="Of this season only.")]


class Market(Struct):
    """A market on whether a player wins a season. Outcome tokens have 18 decimals.

    Attributes:
        market_type, lp_token: null where the contract that says it is not followed.
        status, status_reason: the last step of its creation; 3 is created.
        raffle_bps, market_bps, hybrid_bps: as the oracle published them last.
        spent_wei, received_wei: SOF that buyers paid and sellers received; fees are in between.
        yes_bought and its like: outcome tokens.
        player_won, payouts: how its condition was resolved; null before.
        settled_block_number: when all markets of the season were closed.
        block_number, block_time: of its creation.
    """

    address: str
    chain_id: int
    deployment: str
    season_id: Whole
    player: str
    market_type: str | None
    condition_id: str
    question_id: str | None
    lp_token: str | None
    status: int | None
    status_reason: str | None
    raffle_bps: Whole | None
    market_bps: Whole | None
    hybrid_bps: Whole | None
    priced_time: datetime | None
    trades: int
    spent_wei: Wei
    spent: Sof
    received_wei: Wei
    received: Sof
    volume_wei: Wei
    volume: Sof
    fees_wei: Wei
    fees: Sof
    yes_bought: str
    yes_sold: str
    no_bought: str
    no_sold: str
    liquidity_added_wei: Wei
    liquidity_removed_wei: Wei
    player_won: bool | None
    payouts: list[Whole] | None
    resolved_block_number: int | None
    resolved_time: datetime | None
    settled_block_number: int | None
    block_number: int
    block_time: datetime


class MarketAnswer(Market):
    """A market, with what the answer reflects."""

    block: Block | None
    position: int


class MarketKey(Struct, tag="markets", array_like=True, frozen=True):
    """The last market of a page: where it was created."""

    block_number: Integer
    chain_id: Integer
    address: str


# Indexes, for each market: the primary keys of its condition and prices, market_step_by_player.
_SELECT_MARKET = """
    SELECT
        market.address, market.chain_id, season.deployment, season.season_id, market.player,
        market.market_type, market.condition_id, condition.question_id, market.lp_token,
        step.status, step.reason AS status_reason,
        price.raffle_bps, price.market_bps, price.hybrid_bps, price.block_time AS priced_time,
        market.trades,
        market.spent_wei::text AS spent_wei, market.spent_wei * 1e-18 AS spent,
        market.received_wei::text AS received_wei, market.received_wei * 1e-18 AS received,
        (market.spent_wei + market.received_wei)::text AS volume_wei,
        (market.spent_wei + market.received_wei) * 1e-18 AS volume,
        market.fees_wei::text AS fees_wei, market.fees_wei * 1e-18 AS fees,
        market.yes_bought::text AS yes_bought, market.yes_sold::text AS yes_sold,
        market.no_bought::text AS no_bought, market.no_sold::text AS no_sold,
        market.liquidity_added_wei::text AS liquidity_added_wei,
        market.liquidity_removed_wei::text AS liquidity_removed_wei,
        condition.player_won, condition.payouts, condition.resolved_block_number,
        condition.resolved_time, market.settled_block_number,
        market.block_number, market.block_time
    FROM
        ({markets}) AS market
        JOIN {read}.season USING (season_key)
        LEFT JOIN {read}.market_condition AS condition
            ON condition.chain_id = market.chain_id
           AND condition.condition_id = market.condition_id
        LEFT JOIN LATERAL (
            SELECT status, reason FROM {read}.market_step
            WHERE season_key = market.season_key AND player = market.player AND kind = 'STATUS'
            ORDER BY block_number DESC, log_index DESC
            LIMIT 1
        ) AS step ON true
        LEFT JOIN LATERAL (
            SELECT raffle_bps, market_bps, hybrid_bps, block_time FROM {read}.market_price
            WHERE chain_id = market.chain_id AND market = market.address
            ORDER BY block_number DESC, log_index DESC
            LIMIT 1
        ) AS price ON true
    ORDER BY market.block_number DESC, market.chain_id DESC, market.address DESC
"""
# Newest first. Markets are few; index: market_by_season.
_SELECT_PAGE = """
        SELECT * FROM {read}.market
        WHERE {season}
          AND (block_number, chain_id, address)
              < (%(block_number)s::bigint, %(chain_id)s::bigint, %(address)s::text)
        ORDER BY block_number DESC, chain_id DESC, address DESC
        LIMIT %(limit)s::int + 1
    """
SELECT_MARKETS = Statement(
    Market, _SELECT_MARKET.replace("{markets}", _SELECT_PAGE.replace("{season}", "true"))
)
SELECT_SEASON_MARKETS = Statement(
    Market,
    _SELECT_MARKET.replace(
        "{markets}", _SELECT_PAGE.replace("{season}", f"season_key = {SEASON_KEY}")
    ),
)
# One address may have a market on each of several chains.
FIND_MARKET = Statement(
    Market,
    _SELECT_MARKET.replace(
        "{markets}", "SELECT * FROM {read}.market WHERE address = %(market)s::text"
    ),
)


@get("/markets", responses=PROBLEMS)
async def list_markets(
    database: NamedDependency[Database],
    season: SeasonFilter = None,
    limit: Limit = PAGE_DEFAULT,
    cursor: Cursor = None,
) -> Response[Page[Market]]:
    """Prediction markets, newest first."""
    after = decode_cursor(cursor, MarketKey) if cursor else MarketKey(INTEGER_MAX, INTEGER_MAX, "")
    parameters = {**msgspec.structs.asdict(after), "limit": limit}
    if season is None:
        statement, chain_id = SELECT_MARKETS, None
        reading = await database.read(statement, **parameters)
    else:
        name, statement = season_name(season), SELECT_SEASON_MARKETS
        reading = await database.read(FIND_SEASON, statement, **name._asdict(), **parameters)
        chain_id = found_season(reading, name).chain_id
    rows = reading.rows(statement)
    return answer(reading, make_page(reading, rows, limit=limit, key=_key, chain_id=chain_id))


def _key(row: Market) -> MarketKey:
    return MarketKey(row.block_number, row.chain_id, row.address)


@get("/markets/{market:str}", responses=PROBLEMS)
async def get_market(
    database: NamedDependency[Database], market: FromPath[str]
) -> Response[MarketAnswer]:
    """A prediction market."""
    reading = await database.read(FIND_MARKET, market=address(market, "market"))
    found = found_market(reading)
    content = MarketAnswer(
        **msgspec.structs.asdict(found),
        block=block_of(reading, found.chain_id),
        position=reading.position,
    )
    return answer(reading, content)


def found_market(reading: Reading) -> Market:
    """What `FIND_MARKET` found.

    Raises:
        Problem: no market has this address.
    """
    found = reading.first(FIND_MARKET)
    if found is None:
        raise Problem(
            404,
            "unknown-market",
            title="No such market",
            detail="market: there is none at this address up to the block that is posted. "
            "/v1/markets lists those there are.",
        )
    return found
