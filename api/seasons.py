"""`/v1/seasons` and `/v1/seasons/{season}`: every season with its life cycle and totals."""

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Meta, Struct

from api.amounts import Sof, SofOrNull, Wei, Whole
from api.answers import PAGE_DEFAULT, Block, Cursor, Limit, Page, answer, block_of, make_page
from api.cursors import Digits, decode_cursor
from api.database import Database, Statement
from api.moments import AsKnownAt, AtBlock, Moment, read_at
from api.paths import FIND_SEASON, ONE_SEASON, SEASON_KEY, found_season, season_name
from api.problems import PROBLEMS

Status = Annotated[int, Meta(ge=0, le=6, description="The contract's own number.")]


class Season(Struct):
    """A season.

    Attributes:
        status: as the contract counts: 0 not started, 1 active, 2 end requested, 3 VRF pending,
            4 distributing, 5 completed, 6 cancelled; `status_name` says the same in a word.
        start_time, end_time: as the contract was told; null where that is no date.
        trading: of its curve: open, locked or sell_only.
        reserves_wei: in the curve now; the prize pool while the season runs.
        prize_pool_wei: the reserves when the end was requested; 0 before.
        spent_wei: paid in purchases, fees included; received_wei: paid out in sales, net of fees.
    """

    season_id: Whole
    deployment: str
    chain_id: int
    name: str
    status: Status
    status_name: str
    start_time: datetime | None
    end_time: datetime | None
    raffle: str
    raffle_token: str
    curve: str
    trading: str | None
    created_block: int
    created_time: datetime
    started_block: int | None
    end_requested_block: int | None
    closed_block: int | None
    snapshot_hash: str | None
    total_tickets: Whole
    total_participants: int
    trades: int
    bought: Whole
    sold: Whole
    spent_wei: Wei
    spent: Sof
    received_wei: Wei
    received: Sof
    fees_wei: Wei
    fees: Sof
    reserves_wei: Wei
    reserves: Sof
    prize_pool_wei: Wei
    prize_pool: Sof
    last_price_wei: Wei | None
    last_price: SofOrNull
    winners: list[str]


class SeasonAnswer(Season):
    """A season, with what the answer reflects."""

    block: Block | None
    position: int


class SeasonKey(Struct, tag="seasons", array_like=True, frozen=True):
    """The last season of a page."""

    deployment: str
    season_id: Digits


# The last second of the year 9999: later "times" are no dates, and PostgreSQL refuses the largest.
_DATE_MAX = 253_402_300_799

_COLUMNS = f"""
        season.season_id, season.deployment, season.chain_id, season.name, season.status,
        (ARRAY['not_started', 'active', 'end_requested', 'vrf_pending', 'distributing',
               'completed', 'cancelled'])[season.status + 1] AS status_name,
        CASE WHEN season.start_time <= {_DATE_MAX}
            THEN to_timestamp(season.start_time::float8) END AS start_time,
        CASE WHEN season.end_time <= {_DATE_MAX}
            THEN to_timestamp(season.end_time::float8) END AS end_time,
        season.raffle, season.raffle_token, season.curve, curve.trading,
        season.created_block, season.created_time, season.started_block,
        season.end_requested_block, season.closed_block, season.snapshot_hash,
        season.total_tickets, season.total_participants, season.trades, season.bought, season.sold,
        season.spent_wei::text AS spent_wei, season.spent_wei * 1e-18 AS spent,
        season.received_wei::text AS received_wei, season.received_wei * 1e-18 AS received,
        season.fees_wei::text AS fees_wei, season.fees_wei * 1e-18 AS fees,
        coalesce(curve.reserves_wei, 0)::text AS reserves_wei,
        coalesce(curve.reserves_wei, 0) * 1e-18 AS reserves,
        season.prize_pool_wei::text AS prize_pool_wei, season.prize_pool_wei * 1e-18 AS prize_pool,
        curve.last_price_wei::text AS last_price_wei, curve.last_price_wei * 1e-18 AS last_price,
        season.winners
    FROM {{read}}.season LEFT JOIN {{read}}.curve USING (season_key)
"""

# Newest first. Index: season's primary key.
SELECT_SEASONS = Statement(
    Season,
    f"""
    SELECT {_COLUMNS}
    WHERE season.season_key < coalesce(
        (
            SELECT season_key FROM {{read}}.season
            WHERE deployment = %(after_deployment)s::text
              AND season_id = %(after_season_id)s::numeric
        ),
        2147483647
    )
    ORDER BY season.season_key DESC
    LIMIT %(limit)s::int + 1
    """,
)

SELECT_SEASON = Statement(Season, f"SELECT {_COLUMNS} WHERE season.season_key = {SEASON_KEY}")


@get("/seasons", responses=PROBLEMS)
async def list_seasons(
    database: NamedDependency[Database], limit: Limit = PAGE_DEFAULT, cursor: Cursor = None
) -> Response[Page[Season]]:
    """Every season of every deployment, newest first."""
    after = decode_cursor(cursor, SeasonKey) if cursor else None
    reading = await database.read(
        SELECT_SEASONS,
        after_deployment=after and after.deployment,
        after_season_id=after and after.season_id,
        limit=limit,
    )
    rows = reading.rows(SELECT_SEASONS)
    return answer(reading, make_page(reading, rows, limit=limit, key=_key))


def _key(row: Season) -> SeasonKey:
    return SeasonKey(row.deployment, str(row.season_id))


@get("/seasons/{season:str}", responses=PROBLEMS)
async def get_season(
    database: NamedDependency[Database],
    season: FromPath[str],
    at_block: AtBlock = None,
    as_known_at: AsKnownAt = None,
) -> Response[SeasonAnswer]:
    """One season."""
    name = season_name(season)
    reading = await read_at(
        database,
        Moment(at_block, as_known_at),
        SELECT_SEASON,
        seasons=ONE_SEASON,
        chain_of=FIND_SEASON,
        **name._asdict(),
    )
    found = found_season(reading, name)
    (row,) = reading.rows(SELECT_SEASON)
    block = block_of(reading, found.chain_id)
    return answer(
        reading, SeasonAnswer(**msgspec.structs.asdict(row), block=block, position=reading.position)
    )
