"""`/v1/players/{address}` and its positions: a portfolio, findable by wallet or smart account."""

from datetime import datetime

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Struct

from api.amounts import Sof, SofOrNull, Wei, Whole
from api.answers import PAGE_DEFAULT, Block, Cursor, Limit, Page, answer, block_of, make_page
from api.cursors import Digits, decode_cursor
from api.database import Database, Statement
from api.paths import address
from api.problems import PROBLEMS

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


class Player(Struct):
    """A player, with the figures of their wallet and smart accounts together.

    Attributes:
        player_id: 1, 2, 3 … in order of first appearance; null for who never traded.
        owner: the wallet, if the address is its smart account.
        accounts: the smart accounts, if the address is their wallet.
        linked: the address and all those whose figures are in here.
        seasons: how many they traded in.
    """

    player: str
    player_id: int | None
    owner: str | None
    accounts: list[str]
    linked: list[str]
    seasons: int
    trades: int
    spent_wei: Wei
    spent: Sof
    received_wei: Wei
    received: Sof
    first_block_time: datetime | None
    block_time: datetime | None


class PlayerAnswer(Player):
    """A player, with what the answer reflects."""

    block: Block | None
    position: int


class Position(Struct):
    """What a player holds in a season, and how it came about.

    Attributes:
        rank: among the season's holders; null for who holds none.
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


SELECT_PLAYER = Statement(
    Player,
    f"""
    SELECT
        %(address)s::text AS player,
        (SELECT player_id FROM {{read}}.player WHERE player = %(address)s::text) AS player_id,
        (SELECT min(owner) FROM {{read}}.account WHERE account = %(address)s::text) AS owner,
        ARRAY(
            SELECT DISTINCT account FROM {{read}}.account WHERE owner = %(address)s::text
            ORDER BY account
        ) AS accounts,
        linked.addresses AS linked,
        count(DISTINCT position.season_key) AS seasons,
        coalesce(sum(position.buys + position.sells), 0)::bigint AS trades,
        coalesce(sum(position.spent_wei), 0)::text AS spent_wei,
        coalesce(sum(position.spent_wei), 0) * 1e-18 AS spent,
        coalesce(sum(position.received_wei), 0)::text AS received_wei,
        coalesce(sum(position.received_wei), 0) * 1e-18 AS received,
        min(position.first_block_time) AS first_block_time,
        max(position.block_time) AS block_time
    FROM
        (SELECT ARRAY({LINKED}) AS addresses) AS linked
        LEFT JOIN {{read}}.position ON position.player = ANY (linked.addresses)
    GROUP BY linked.addresses
    """,
)

# Newest season first. Indexes: position_by_player; for the rank, position_by_tickets.
SELECT_POSITIONS = Statement(
    Position,
    f"""
    SELECT
        season.season_id, season.deployment, season.chain_id, season.name AS season_name,
        season.status, position.player, position.tickets, season.total_tickets,
        div(position.tickets * 10000, nullif(season.total_tickets, 0)) AS probability_bps,
        CASE WHEN position.tickets > 0 THEN 1 + (
            SELECT count(*) FROM {{read}}.position AS better
            WHERE better.season_key = position.season_key
              AND better.tickets > 0 AND better.tickets > position.tickets
        ) END AS rank,
        position.buys, position.sells, position.bought, position.sold,
        position.spent_wei::text AS spent_wei, position.spent_wei * 1e-18 AS spent,
        position.received_wei::text AS received_wei, position.received_wei * 1e-18 AS received,
        position.fees_wei::text AS fees_wei, position.fees_wei * 1e-18 AS fees,
        div(position.spent_wei, nullif(position.bought, 0))::text AS average_price_wei,
        div(position.spent_wei, nullif(position.bought, 0)) * 1e-18 AS average_price,
        position.first_block_number, position.first_block_time,
        position.block_number, position.block_time
    FROM
        ({LINKED}) AS linked (address)
        JOIN {{read}}.position ON position.player = linked.address
        JOIN {{read}}.season USING (season_key)
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


@get("/players/{player:str}", responses=PROBLEMS)
async def get_player(
    database: NamedDependency[Database], player: FromPath[str]
) -> Response[PlayerAnswer]:
    """A player: who they are, and their totals."""
    reading = await database.read(SELECT_PLAYER, address=address(player))
    (row,) = reading.rows(SELECT_PLAYER)
    content = PlayerAnswer(
        **msgspec.structs.asdict(row), block=block_of(reading), position=reading.position
    )
    return answer(reading, content)


@get("/players/{player:str}/positions", responses=PROBLEMS)
async def list_positions(
    database: NamedDependency[Database],
    player: FromPath[str],
    limit: Limit = PAGE_DEFAULT,
    cursor: Cursor = None,
) -> Response[Page[Position]]:
    """What a player, their wallet and their smart accounts hold, newest season first."""
    after = decode_cursor(cursor, PositionKey) if cursor else None
    reading = await database.read(
        SELECT_POSITIONS,
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
