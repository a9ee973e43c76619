"""A season over time: its candles, and a player's chance of the grand prize."""

from datetime import datetime
from typing import Annotated, Literal

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from msgspec import Struct

from api.amounts import Sof, Wei, Whole
from api.answers import PAGE_DEFAULT, Cursor, Limit, Page, answer, make_page
from api.cursors import decode_cursor
from api.database import Database, Statement
from api.paths import FIND_SEASON, SEASON_KEY, address, found_season, season_name
from api.players import LINKED
from api.problems import PROBLEMS

_SECONDS = {"1m": 60, "5m": 300, "1h": 3_600, "1d": 86_400}

Interval = Annotated[
    Literal["1m", "5m", "1h", "1d"],
    QueryParameter(description="Its width; from multiples of it since 1970 on."),
]
Since = Annotated[
    datetime | None,
    QueryParameter(description="Intervals that begin then or later: ISO 8601, UTC by default."),
]
Until = Annotated[
    datetime | None,
    QueryParameter(description="Intervals that begin before: ISO 8601, UTC by default."),
]


class Candle(Struct):
    """The price per ticket over an interval of block time.

    Attributes:
        start: when the interval begins.
        open_wei, close_wei: of its first and its last trade in the chain's order.
        volume_tickets, volume_wei: bought and sold together.
        total_tickets: of the season, after its last trade.
    """

    start: datetime
    open_wei: Wei
    open: Sof
    high_wei: Wei
    high: Sof
    low_wei: Wei
    low: Sof
    close_wei: Wei
    close: Sof
    volume_tickets: Whole
    volume_wei: Wei
    volume: Sof
    trades: int
    total_tickets: Whole


class Chance(Struct):
    """A player's chance of the grand prize at the end of an interval.

    Attributes:
        start: when the interval begins.
        tickets: of the player's wallet and smart accounts together.
        probability_bps: in hundredths of a percent, rounded down; null where nobody has tickets.
    """

    start: datetime
    tickets: Whole
    total_tickets: Whole
    probability_bps: Whole | None


class CandleKey(Struct, tag="candles", array_like=True, frozen=True):
    """The last interval of a page."""

    start: datetime


class ChanceKey(Struct, tag="probabilities", array_like=True, frozen=True):
    """The last interval of a page."""

    start: datetime


# Newest first. Index: candle's primary key.
_PAGE = f"""
        SELECT * FROM {{read}}.candle
        WHERE season_key = {SEASON_KEY}
          AND interval_seconds = %(interval_seconds)s::int
          AND start >= coalesce(%(since)s::timestamptz, '-infinity')
          AND start < coalesce(%(until)s::timestamptz, 'infinity')
          AND start < coalesce(%(after)s::timestamptz, 'infinity')
        ORDER BY start DESC
        LIMIT %(limit)s::int + 1
"""

SELECT_CANDLES = Statement(
    Candle,
    f"""
    SELECT
        start, open_wei::text AS open_wei, open_wei * 1e-18 AS open,
        high_wei::text AS high_wei, high_wei * 1e-18 AS high,
        low_wei::text AS low_wei, low_wei * 1e-18 AS low,
        close_wei::text AS close_wei, close_wei * 1e-18 AS close,
        volume_tickets, volume_wei::text AS volume_wei, volume_wei * 1e-18 AS volume,
        trades, total_tickets
    FROM ({_PAGE}) AS page
    ORDER BY start DESC
    """,
)

# What each address of the player held after its last trade up to the end of the interval.
# Indexes: candle's primary key; trade_by_player for each row of the page.
SELECT_CHANCES = Statement(
    Chance,
    f"""
    SELECT
        page.start, held.tickets, page.total_tickets,
        div(held.tickets * 10000, nullif(page.total_tickets, 0)) AS probability_bps
    FROM
        ({_PAGE}) AS page
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(newest.tickets_after), 0) AS tickets
            FROM
                ({LINKED}) AS linked (address)
                CROSS JOIN LATERAL (
                    SELECT trade.tickets_after FROM {{read}}.trade
                    WHERE trade.season_key = page.season_key
                      AND trade.player = linked.address
                      AND trade.position <= page.position
                    ORDER BY trade.position DESC
                    LIMIT 1
                ) AS newest
        ) AS held
    ORDER BY page.start DESC
    """,
)


@get("/seasons/{season:str}/candles", responses=PROBLEMS)
async def list_candles(  # noqa: PLR0913, PLR0917  one a parameter
    database: NamedDependency[Database],
    season: FromPath[str],
    interval: Interval = "1h",
    since: Since = None,
    until: Until = None,
    limit: Limit = PAGE_DEFAULT,
    cursor: Cursor = None,
) -> Response[Page[Candle]]:
    """The price per ticket over time, newest first; an interval without trades is left out."""
    name = season_name(season)
    reading = await database.read(
        FIND_SEASON,
        SELECT_CANDLES,
        **name._asdict(),
        interval_seconds=_SECONDS[interval],
        since=since,
        until=until,
        after=decode_cursor(cursor, CandleKey).start if cursor else None,
        limit=limit,
    )
    found = found_season(reading, name)
    rows = reading.rows(SELECT_CANDLES)
    page = make_page(reading, rows, limit=limit, key=_candle_key, chain_id=found.chain_id)
    return answer(reading, page)


def _candle_key(row: Candle) -> CandleKey:
    return CandleKey(row.start)


@get("/seasons/{season:str}/players/{player:str}/probabilities", responses=PROBLEMS)
async def list_chances(  # noqa: PLR0913, PLR0917  one a parameter
    database: NamedDependency[Database],
    season: FromPath[str],
    player: FromPath[str],
    interval: Interval = "1h",
    since: Since = None,
    until: Until = None,
    limit: Limit = PAGE_DEFAULT,
    cursor: Cursor = None,
) -> Response[Page[Chance]]:
    """A player's chance at the end of every interval in which anybody traded, newest first."""
    name = season_name(season)
    reading = await database.read(
        FIND_SEASON,
        SELECT_CHANCES,
        **name._asdict(),
        address=address(player),
        interval_seconds=_SECONDS[interval],
        since=since,
        until=until,
        after=decode_cursor(cursor, ChanceKey).start if cursor else None,
        limit=limit,
    )
    found = found_season(reading, name)
    rows = reading.rows(SELECT_CHANCES)
    page = make_page(reading, rows, limit=limit, key=_chance_key, chain_id=found.chain_id)
    return answer(reading, page)


def _chance_key(row: Chance) -> ChanceKey:
    return ChanceKey(row.start)
