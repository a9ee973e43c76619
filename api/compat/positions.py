"""`/api/raffle/positions/…` and `/api/raffle/holders/…`: who holds what."""

from datetime import datetime
from typing import Annotated

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from msgspec import Struct

from api.amounts import Sof, SofOrNull, Wei, Whole
from api.answers import answer
from api.compat.parameters import Offset
from api.database import Database, Statement
from api.moments import AsKnownAt, AtBlock, Moment, read_at
from api.paths import FIND_SEASON, ONE_SEASON, SEASON_KEY, address, found_season, season_name
from api.players import LINKED
from api.problems import PROBLEMS

# The path has no pages of its own: this bounds what one answer may cost.
_HOLDERS_MAX = 10_000
HolderLimit = Annotated[int, QueryParameter(ge=1, le=_HOLDERS_MAX, description="Rows at most.")]


class UserPosition(Struct):
    """A player's position in a season.

    Attributes:
        transaction_count: trades, of which one transaction can hold several.
        total_sof_spent: paid in purchases, fees included; total_sof_received: in sales.
        avg_buy_price: spent for each ticket bought, rounded down to a wei.
        transaction_hashes: one entry a trade, in the log's order.
    """

    user_address: str
    player_id: int
    season_id: Whole
    transaction_count: int
    total_bought: Whole
    total_sold: Whole
    current_tickets: Whole
    total_sof_spent: Sof
    total_sof_spent_wei: Wei
    total_sof_received: Sof
    total_sof_received_wei: Wei
    avg_buy_price: SofOrNull
    avg_buy_price_wei: Wei | None
    first_transaction_at: datetime
    last_transaction_at: datetime
    transaction_hashes: list[str]


class OnePosition(Struct, frozen=True):
    """A position; null where the player never traded in the season."""

    position: UserPosition | None


class Positions(Struct, frozen=True):
    """A player's positions, newest season first."""

    positions: list[UserPosition]


class SeasonHolder(Struct):
    """A holder of tickets, with where and when they last traded."""

    user_address: str
    current_tickets: Whole
    last_block_number: int
    last_block_timestamp: datetime
    transaction_count: int


class Holders(
    Struct, frozen=True, rename={"total_holders": "totalHolders", "total_tickets": "totalTickets"}
):
    """A season's holders, most tickets first; the totals count all of them."""

    holders: list[SeasonHolder]
    total_holders: int
    total_tickets: Whole


# Indexes: position_by_player; for the hashes, trade_by_player.
_SELECT = f"""
    SELECT
        position.player AS user_address,
        (SELECT player_id FROM {{read}}.player WHERE player.player = position.player) AS player_id,
        season.season_id,
        position.buys + position.sells AS transaction_count,
        position.bought AS total_bought, position.sold AS total_sold,
        position.tickets AS current_tickets,
        position.spent_wei * 1e-18 AS total_sof_spent,
        position.spent_wei::text AS total_sof_spent_wei,
        position.received_wei * 1e-18 AS total_sof_received,
        position.received_wei::text AS total_sof_received_wei,
        div(position.spent_wei, nullif(position.bought, 0)) * 1e-18 AS avg_buy_price,
        div(position.spent_wei, nullif(position.bought, 0))::text AS avg_buy_price_wei,
        position.first_block_time AS first_transaction_at,
        position.block_time AS last_transaction_at,
        ARRAY(
            SELECT trade.tx_hash FROM {{read}}.trade
            WHERE trade.season_key = position.season_key AND trade.player = position.player
            ORDER BY trade.block_number, trade.log_index
        ) AS transaction_hashes
    FROM {{read}}.position JOIN {{read}}.season USING (season_key)
    WHERE position.player = ANY (ARRAY({LINKED}))
"""
# Newest season first; there, the address asked for before those linked with it.
_ORDER = """
    ORDER BY
        position.season_key DESC, (position.player = %(address)s::text) DESC, position.player
"""
SELECT_POSITIONS = Statement(UserPosition, _SELECT + _ORDER)
SELECT_POSITION = Statement(
    UserPosition, f"{_SELECT} AND position.season_key = {SEASON_KEY} {_ORDER} LIMIT 1"
)


class HolderCount(Struct):
    """How many hold tickets, and how many tickets there are."""

    holders: int
    total_tickets: Whole


# Index of both: position_by_tickets.
COUNT_HOLDERS = Statement(
    HolderCount,
    f"""
    SELECT
        count(*) AS holders,
        (
            SELECT total_tickets FROM {{read}}.season WHERE season_key = {SEASON_KEY}
        ) AS total_tickets
    FROM {{read}}.position
    WHERE season_key = {SEASON_KEY} AND tickets > 0
    """,
)
SELECT_HOLDERS = Statement(
    SeasonHolder,
    f"""
    SELECT
        player AS user_address, tickets AS current_tickets, block_number AS last_block_number,
        block_time AS last_block_timestamp, buys + sells AS transaction_count
    FROM {{read}}.position
    WHERE season_key = {SEASON_KEY} AND tickets > 0
    ORDER BY tickets DESC, -greatest(bought_at, sold_at) DESC
    LIMIT %(limit)s::int OFFSET %(offset)s::bigint
    """,
)


@get("/raffle/positions/{user:str}/{season:str}", responses=PROBLEMS)
async def get_position(
    database: NamedDependency[Database], user: FromPath[str], season: FromPath[str]
) -> Response[OnePosition]:
    """A player's position in a season; else that of their wallet or smart account."""
    name = season_name(season)
    reading = await database.read(
        FIND_SEASON, SELECT_POSITION, **name._asdict(), address=address(user)
    )
    found_season(reading, name)
    return answer(reading, OnePosition(reading.first(SELECT_POSITION)))


@get("/raffle/positions/{user:str}", responses=PROBLEMS)
async def list_positions(
    database: NamedDependency[Database], user: FromPath[str]
) -> Response[Positions]:
    """The positions of a player, their wallet and their smart accounts."""
    reading = await database.read(SELECT_POSITIONS, address=address(user))
    return answer(reading, Positions(reading.rows(SELECT_POSITIONS)))


@get("/raffle/holders/season/{season:str}", responses=PROBLEMS)
async def list_holders(  # noqa: PLR0913, PLR0917  one a parameter
    database: NamedDependency[Database],
    season: FromPath[str],
    limit: HolderLimit = _HOLDERS_MAX,
    offset: Offset = 0,
    at_block: AtBlock = None,
    as_known_at: AsKnownAt = None,
) -> Response[Holders]:
    """Who holds at least one ticket of a season."""
    name = season_name(season)
    reading = await read_at(
        database,
        Moment(at_block, as_known_at),
        COUNT_HOLDERS,
        SELECT_HOLDERS,
        seasons=ONE_SEASON,
        chain_of=FIND_SEASON,
        **name._asdict(),
        limit=limit,
        offset=offset,
    )
    found_season(reading, name)
    (count,) = reading.rows(COUNT_HOLDERS)
    holders = reading.rows(SELECT_HOLDERS)
    return answer(reading, Holders(holders, count.holders, count.total_tickets))
