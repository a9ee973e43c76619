"""`/v1/players/{address}/positions`: a portfolio, findable by wallet or smart account."""

from datetime import datetime

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Struct

from api.amounts import Sof, SofOrNull, Wei, Whole
from api.answers import PAGE_DEFAULT, Cursor, Limit, Page, answer, make_page
from api.cursors import Digits, decode_cursor
from api.database import Database, Statement
from api.moments import AsKnownAt, AtBlock, Moment, read_at
from api.paths import address
from api.problems import PROBLEMS
from api.ranking import SEASON_BOARD, rank

# An address and those of the same person: its wallet, and every smart account of that wallet.
# Index: account's primary key (few rows), account_by_owner.
LINKED = """
        WITH wallet AS (
            SELECT %(address)s::text AS owner
            UNION
            SELECT owner FROM {read}.account WHERE account = %(address)s::text
        )
        SELECT owner FROM wallet
        UNION
        SELECT account.account FROM {read}.account JOIN wallet USING (owner)
    """


class Position(Struct):
    """What a player holds in a season, and how it came about.

    Attributes:
        rank: among the season's holders; null for who holds none.
        net_wei: received less spent; may be negative.
        probability_bps: of the grand prize now, in hundredths of a percent, rounded down.
        average_price_wei: spent for each ticket bought, rounded down.
        first_block_number, first_block_time: of the first trade; block_number, block_time: of the
            last.
    """

    season_id: Whole
    deployment: str
    chain_id: int
    season_name: str
    status: int
    player: str
    tickets: Whole
    total_tickets: Whole
    probability_bps: Whole | None
    rank: int | None
    buys: int
    sells: int
    bought: Whole
    sold: Whole
    spent_wei: Wei
    spent: Sof
    received_wei: Wei
    received: Sof
    net_wei: Wei
    net: Sof
    fees_wei: Wei
    fees: Sof
    average_price_wei: Wei | None
    average_price: SofOrNull
    first_block_number: int
    first_block_time: datetime
    block_number: int
    block_time: datetime


class PositionKey(Struct, tag="positions", array_like=True, frozen=True):
    """The last position of a page."""

    deployment: str
    season_id: Digits
    player: str


# Newest season first. Index: position_by_player; for the rank, see there.
SELECT_POSITIONS = Statement(
    Position,
    f"""
    SELECT
        season.season_id, season.deployment, season.chain_id, season.name AS season_name,
        season.status, position.player, position.tickets, season.total_tickets,
        div(position.tickets * 10000, nullif(season.total_tickets, 0)) AS probability_bps,
        CASE WHEN position.tickets > 0 THEN {rank(SEASON_BOARD, "tickets", "held")} END AS rank,
        position.buys, position.sells, position.bought, position.sold,
        position.spent_wei::text AS spent_wei, position.spent_wei * 1e-18 AS spent,
        position.received_wei::text AS received_wei, position.received_wei * 1e-18 AS received,
        (position.received_wei - position.spent_wei)::text AS net_wei,
        (position.received_wei - position.spent_wei) * 1e-18 AS net,
        position.fees_wei::text AS fees_wei, position.fees_wei * 1e-18 AS fees,
        div(position.spent_wei, nullif(position.bought, 0))::text AS average_price_wei,
        div(position.spent_wei, nullif(position.bought, 0)) * 1e-18 AS average_price,
        position.first_block_number, position.first_block_time,
        position.block_number, position.block_time
    FROM
        ({LINKED}) AS linked (address)
        JOIN {{read}}.position ON position.player = linked.address
        JOIN {{read}}.season USING (season_key)
        CROSS JOIN LATERAL (SELECT position.season_key, position.tickets AS value) AS held
    WHERE (position.season_key, position.player) < (
        coalesce(
            (
                SELECT season_key FROM {{read}}.season
                WHERE deployment = %(after_deployment)s::text
                  AND season_id = %(after_season_id)s::numeric
            ),
            2147483647
        ),
        coalesce(%(after_player)s::text, '')
    )
    ORDER BY position.season_key DESC, position.player DESC
    LIMIT %(limit)s::int + 1
    """,
)


# The seasons that a player traded in, or had traded in until it was orphaned.
_TRADED_SEASONS = f"""
    SELECT season_key FROM {{read}}.position WHERE player = ANY (ARRAY({LINKED}))
    UNION
    SELECT season_key FROM {{read}}.orphaned_trade WHERE player = ANY (ARRAY({LINKED}))
"""


@get("/players/{player:str}/positions", responses=PROBLEMS)
async def list_positions(  # noqa: PLR0913, PLR0917  one a parameter
    database: NamedDependency[Database],
    player: FromPath[str],
    limit: Limit = PAGE_DEFAULT,
    cursor: Cursor = None,
    at_block: AtBlock = None,
    as_known_at: AsKnownAt = None,
) -> Response[Page[Position]]:
    """What a player, their wallet and their smart accounts hold, newest season first."""
    after = decode_cursor(cursor, PositionKey) if cursor else None
    reading = await read_at(
        database,
        Moment(at_block, as_known_at),
        SELECT_POSITIONS,
        seasons=_TRADED_SEASONS,
        address=address(player),
        after_deployment=after and after.deployment,
        after_season_id=after and after.season_id,
        after_player=after and after.player,
        limit=limit,
    )
    rows = reading.rows(SELECT_POSITIONS)
    return answer(reading, make_page(reading, rows, limit=limit, key=_key))


def _key(row: Position) -> PositionKey:
    return PositionKey(row.deployment, str(row.season_id), row.player)
