"""`/v1/seasons/{season}/leaderboard`: who holds, buys, sells, spends and receives the most."""

from datetime import datetime

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Struct

from api.amounts import Sof, Wei, Whole
from api.answers import PAGE_DEFAULT, Cursor, Limit, Page, answer, make_page
from api.database import Database, Statement
from api.moments import AsKnownAt, AtBlock, Moment, read_at
from api.paths import FIND_SEASON, ONE_SEASON, SEASON_KEY, found_season, season_name
from api.players import LINKED
from api.problems import PROBLEMS
from api.ranking import (
    SEASON_BOARD,
    By,
    Place,
    RankedPlayer,
    beginning,
    check_by,
    decode_place,
    figure_of,
    ranked,
)
from schema.read_models.figures import FIGURES


class Standing(Struct):
    """A player's place in a season.

    Attributes:
        rank: 1, 2, 2, 4: one more than how many have more.
        probability_bps: of the grand prize now, in hundredths of a percent, rounded down.
        net_wei: received less spent; may be negative.
        block_number, log_index, block_time: of the player's last trade.
        reached: position in the log of the trade that made the ranked figure what it is: of
            equals, who got there first stands above.
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
    net_wei: Wei
    net: Sof
    block_number: int
    log_index: int
    block_time: datetime
    reached: int


# Index: position_by_<figure>.
SELECT_STANDINGS = {
    by: Statement(
        Standing,
        f"""
        {ranked(SEASON_BOARD, by, where=f"season_key = {SEASON_KEY}", linked=LINKED)}
        SELECT
            ranked.rank,
            season.season_id, season.deployment, season.chain_id, ranked.player, ranked.tickets,
            season.total_tickets,
            coalesce(div(ranked.tickets * 10000, nullif(season.total_tickets, 0)), 0)
                AS probability_bps,
            ranked.buys + ranked.sells AS trades, ranked.bought, ranked.sold,
            ranked.spent_wei::text AS spent_wei, ranked.spent_wei * 1e-18 AS spent,
            ranked.received_wei::text AS received_wei, ranked.received_wei * 1e-18 AS received,
            (ranked.received_wei - ranked.spent_wei)::text AS net_wei,
            (ranked.received_wei - ranked.spent_wei) * 1e-18 AS net,
            ranked.block_number, ranked.log_index, ranked.block_time, ranked.reached
        FROM ranked JOIN {{read}}.season USING (season_key)
        ORDER BY ranked.value DESC, ranked.reached
        """,
    )
    for by in FIGURES
}


@get("/seasons/{season:str}/leaderboard", responses=PROBLEMS)
async def list_standings(  # noqa: PLR0913, PLR0917  one a parameter
    database: NamedDependency[Database],
    season: FromPath[str],
    by: By = "tickets",
    player: RankedPlayer = None,
    limit: Limit = PAGE_DEFAULT,
    cursor: Cursor = None,
    at_block: AtBlock = None,
    as_known_at: AsKnownAt = None,
) -> Response[Page[Standing]]:
    """The players of a season with the most of a figure; by tickets, its holders."""
    name = season_name(season)
    check_by(by)
    begin = beginning(decode_place(cursor, by), player)
    statement = SELECT_STANDINGS[by]
    reading = await read_at(
        database,
        Moment(at_block, as_known_at),
        statement,
        seasons=ONE_SEASON,
        chain_of=FIND_SEASON,
        **name._asdict(),
        **begin,
        limit=limit,
    )
    found = found_season(reading, name)
    page = make_page(
        reading,
        reading.rows(statement),
        limit=limit,
        key=lambda row: Place(by, figure_of(row, by), row.reached),
        chain_id=found.chain_id,
    )
    return answer(reading, page)
