"""`/v1/seasons/{season}/leaderboard`: who holds the most tickets."""

from datetime import datetime
from typing import Annotated

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from msgspec import Struct

from api.amounts import Sof, Wei, Whole
from api.answers import PAGE_DEFAULT, Cursor, Limit, Page, answer, make_page
from api.cursors import Digits, Integer, decode_cursor
from api.database import Database, Statement
from api.paths import FIND_SEASON, SEASON_KEY, found_season, season_name
from api.problems import PROBLEMS, Problem

_BY = ("tickets",)
By = Annotated[str, QueryParameter(description=f"What is ranked: {', '.join(_BY)}.")]


class Holder(Struct):
    """A player who holds tickets of a season.

    Attributes:
        rank: 1, 2, 2, 4: one more than how many hold more tickets.
        probability_bps: of the grand prize now, in hundredths of a percent, rounded down.
        block_number, log_index, block_time: of the player's last trade: who got there first is
            above others with as many tickets.
    """

    rank: int
    season_id: Whole
    deployment: str
    chain_id: int
    player: str
    tickets: Whole
    total_tickets: Whole
    probability_bps: Whole
    trades: int
    bought: Whole
    sold: Whole
    spent_wei: Wei
    spent: Sof
    received_wei: Wei
    received: Sof
    block_number: int
    log_index: int
    block_time: datetime


class HolderKey(Struct, tag="leaderboard-tickets", array_like=True, frozen=True):
    """The last holder of a page: tickets, then where they got there."""

    tickets: Digits
    block_number: Integer
    log_index: Integer


# Index, for the page and for both counts: position_by_tickets. A rank is one more than how many
# hold more tickets: counted for the page's first row, and from there on known by places on it.
SELECT_HOLDERS = Statement(
    Holder,
    f"""
    WITH page AS MATERIALIZED (
        SELECT * FROM {{read}}.position
        WHERE season_key = {SEASON_KEY}
          AND tickets > 0
          AND tickets <= coalesce(%(tickets)s::numeric, 'Infinity')
          AND NOT (
              tickets = coalesce(%(tickets)s::numeric, 'Infinity')
              AND (block_number, log_index) <= (%(block_number)s::bigint, %(log_index)s::bigint)
          )
        ORDER BY tickets DESC, block_number, log_index
        LIMIT %(limit)s::int + 1
    ),
    above AS (
        SELECT
            max(first.tickets) AS first_tickets,
            count(*) FILTER (WHERE position.tickets > first.tickets) AS more,
            count(position.tickets) AS before
        FROM
            (
                SELECT season_key, tickets, block_number, log_index FROM page
                ORDER BY tickets DESC, block_number, log_index LIMIT 1
            ) AS first
            LEFT JOIN {{read}}.position
                ON position.season_key = first.season_key
               AND position.tickets > 0
               AND position.tickets >= first.tickets
               AND (
                   position.tickets > first.tickets
                   OR (position.block_number, position.log_index)
                       < (first.block_number, first.log_index)
               )
    )
    SELECT
        CASE
            WHEN page.tickets = above.first_tickets THEN above.more + 1
            ELSE above.before + rank() OVER (ORDER BY page.tickets DESC)
        END AS rank,
        season.season_id, season.deployment, season.chain_id, page.player, page.tickets,
        season.total_tickets,
        div(page.tickets * 10000, nullif(season.total_tickets, 0)) AS probability_bps,
        page.buys + page.sells AS trades, page.bought, page.sold,
        page.spent_wei::text AS spent_wei, page.spent_wei * 1e-18 AS spent,
        page.received_wei::text AS received_wei, page.received_wei * 1e-18 AS received,
        page.block_number, page.log_index, page.block_time
    FROM above, page JOIN {{read}}.season USING (season_key)
    ORDER BY page.tickets DESC, page.block_number, page.log_index
    """,
)


@get("/seasons/{season:str}/leaderboard", responses=PROBLEMS)
async def list_holders(
    database: NamedDependency[Database],
    season: FromPath[str],
    by: By = "tickets",
    limit: Limit = PAGE_DEFAULT,
    cursor: Cursor = None,
) -> Response[Page[Holder]]:
    """The holders of a season's tickets, most tickets first."""
    name = season_name(season)
    _check_by(by)
    after = decode_cursor(cursor, HolderKey) if cursor else None
    reading = await database.read(
        FIND_SEASON,
        SELECT_HOLDERS,
        **name._asdict(),
        tickets=after and after.tickets,
        block_number=after and after.block_number,
        log_index=after and after.log_index,
        limit=limit,
    )
    found = found_season(reading, name)
    rows = reading.rows(SELECT_HOLDERS)
    page = make_page(reading, rows, limit=limit, key=_key, chain_id=found.chain_id)
    return answer(reading, page)


def _check_by(by: str) -> None:
    if by not in _BY:
        raise Problem(
            400,
            "unknown-ranking",
            title="No such ranking",
            detail=f"by: this season is ranked by {', '.join(_BY)}.",
        )


def _key(row: Holder) -> HolderKey:
    return HolderKey(str(row.tickets), row.block_number, row.log_index)
