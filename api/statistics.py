"""`/v1/seasons/{season}/statistics`: how many play, how much is traded, who holds how much."""

from datetime import datetime

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Struct

from api.amounts import Sof, Wei, Whole
from api.answers import Block, answer, block_of
from api.database import Database, Statement
from api.paths import FIND_SEASON, SEASON_KEY, found_season, season_name
from api.problems import PROBLEMS


class Statistics(Struct):
    """The figures of a season.

    Attributes:
        players: who ever traded; holders: who holds tickets now.
        volume_tickets, volume_wei: bought and sold together; purchases with the fee in it, sales
            net of it.
        herfindahl_bps: Σ (share of each holder)², in ten-thousandths, rounded down: 10,000 where
            one holds everything, 10,000 / n where n hold the same; null where nobody holds any.
        top_1_bps, top_10_bps: what the largest holder and the ten largest hold, likewise.
        first_trade_block, …, last_trade_time: null before the first trade.
    """

    season_id: Whole
    deployment: str
    chain_id: int
    players: int
    holders: int
    total_tickets: Whole
    trades: int
    volume_tickets: Whole
    volume_wei: Wei
    volume: Sof
    herfindahl_bps: Whole | None
    top_1_bps: Whole | None
    top_10_bps: Whole | None
    first_trade_block: int | None
    first_trade_time: datetime | None
    last_trade_block: int | None
    last_trade_time: datetime | None


class StatisticsAnswer(Statistics):
    """The figures of a season, with what the answer reflects."""

    block: Block | None
    position: int


# Indexes: position's primary key for the number of players, which is counted (0.1 s a million);
# position_by_tickets for the largest holders.
SELECT_STATISTICS = Statement(
    Statistics,
    f"""
    SELECT
        season.season_id, season.deployment, season.chain_id,
        (
            SELECT count(*) FROM {{read}}.position
            WHERE position.season_key = season.season_key
        ) AS players,
        season.total_participants AS holders, season.total_tickets, season.trades,
        season.bought + season.sold AS volume_tickets,
        (season.spent_wei + season.received_wei)::text AS volume_wei,
        (season.spent_wei + season.received_wei) * 1e-18 AS volume,
        div(
            season.tickets_squared * 10000,
            nullif(season.total_tickets * season.total_tickets, 0)
        ) AS herfindahl_bps,
        div(largest.top_1 * 10000, nullif(season.total_tickets, 0)) AS top_1_bps,
        div(largest.top_10 * 10000, nullif(season.total_tickets, 0)) AS top_10_bps,
        season.first_trade_block, season.first_trade_time,
        season.last_trade_block, season.last_trade_time
    FROM
        {{read}}.season
        CROSS JOIN LATERAL (
            SELECT max(tickets) AS top_1, sum(tickets) AS top_10
            FROM (
                SELECT tickets FROM {{read}}.position
                WHERE position.season_key = season.season_key AND tickets > 0
                ORDER BY tickets DESC
                LIMIT 10
            ) AS ten
        ) AS largest
    WHERE season.season_key = {SEASON_KEY}
    """,
)


@get("/seasons/{season:str}/statistics", responses=PROBLEMS)
async def get_statistics(
    database: NamedDependency[Database], season: FromPath[str]
) -> Response[StatisticsAnswer]:
    """Players, volume and concentration of a season."""
    name = season_name(season)
    reading = await database.read(FIND_SEASON, SELECT_STATISTICS, **name._asdict())
    found = found_season(reading, name)
    (row,) = reading.rows(SELECT_STATISTICS)
    block = block_of(reading, found.chain_id)
    return answer(
        reading,
        StatisticsAnswer(**msgspec.structs.asdict(row), block=block, position=reading.position),
    )
