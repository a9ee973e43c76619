"""`/api/seasons`, `/api/curve/…/state` and `/api/rollover/positions`: what a season stands on."""

from datetime import datetime
from typing import Annotated

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from msgspec import Struct

from api.amounts import Sof, SofOrNull, Wei, Whole
from api.answers import answer
from api.compat.parameters import Limit
from api.database import Database, Statement
from api.moments import AsKnownAt, AtBlock, Moment, read_at
from api.paths import FIND_SEASON, address, found_season, season_name
from api.players import LINKED
from api.problems import PROBLEMS, Problem
from api.seasons import SELECT_SEASON, SELECT_SEASONS, Season

Wallet = Annotated[str, QueryParameter(description="A wallet or its smart account.")]


class Seasons(Struct, frozen=True):
    """Seasons, newest first."""

    seasons: list[Season]


class OneSeason(Struct, frozen=True):
    """A season."""

    season: Season


class CurveState(Struct):
    """A season's bonding curve.

    Attributes:
        supply: tickets sold and not sold back.
        last_price: per ticket, of the last trade; null before the first.
        trading: open, locked or sell_only.
    """

    curve: str
    season_id: Whole
    trading: str
    reserves: Sof
    reserves_wei: Wei
    fees_held: Sof
    fees_held_wei: Wei
    supply: Whole
    last_price: SofOrNull
    last_price_wei: Wei | None
    last_updated_block: int
    last_updated_at: datetime


class RolloverPosition(Struct):
    """What a player carried over from a season, and what became of it.

    Attributes:
        left: deposited, and neither spent nor refunded.
        bonus: paid on top of what was spent.
        phase: of the season's cohort: open, active or closed.
        next_season_id: where it can be spent; null while that is not known.
    """

    user_address: str
    season_id: Whole
    deposited: Sof
    deposited_wei: Wei
    spent: Sof
    spent_wei: Wei
    refunded: Sof
    refunded_wei: Wei
    left: Sof
    left_wei: Wei
    bonus: Sof
    bonus_wei: Wei
    phase: str | None
    bonus_bps: int | None
    next_season_id: Whole | None


class RolloverPositions(Struct, frozen=True):
    """A player's rollovers, newest season first."""

    positions: list[RolloverPosition]


class FoundCurve(Struct, frozen=True):
    """The curve that an address means."""

    chain_id: int
    season_key: int


# Index of both: curve's primary key.
FIND_CURVE = Statement(
    FoundCurve,
    """
    SELECT chain_id, season_key FROM {read}.curve WHERE address = %(curve)s::text
    ORDER BY chain_id LIMIT 1
    """,
)
SELECT_CURVE = Statement(
    CurveState,
    """
    SELECT
        curve.address AS curve, season.season_id, curve.trading,
        curve.reserves_wei * 1e-18 AS reserves, curve.reserves_wei::text AS reserves_wei,
        curve.fees_held_wei * 1e-18 AS fees_held, curve.fees_held_wei::text AS fees_held_wei,
        curve.supply,
        curve.last_price_wei * 1e-18 AS last_price, curve.last_price_wei::text AS last_price_wei,
        curve.block_number AS last_updated_block, curve.block_time AS last_updated_at
    FROM {read}.curve JOIN {read}.season USING (season_key)
    WHERE curve.address = %(curve)s::text
    ORDER BY curve.chain_id LIMIT 1
    """,
)

_LEFT = "(rollover.deposited_wei - rollover.spent_wei - rollover.refunded_wei)"

# Index: rollover_by_player.
SELECT_ROLLOVERS = Statement(
    RolloverPosition,
    f"""
    SELECT
        rollover.player AS user_address, season.season_id,
        rollover.deposited_wei * 1e-18 AS deposited, rollover.deposited_wei::text AS deposited_wei,
        rollover.spent_wei * 1e-18 AS spent, rollover.spent_wei::text AS spent_wei,
        rollover.refunded_wei * 1e-18 AS refunded, rollover.refunded_wei::text AS refunded_wei,
        {_LEFT} * 1e-18 AS left, {_LEFT}::text AS left_wei,
        rollover.bonus_wei * 1e-18 AS bonus, rollover.bonus_wei::text AS bonus_wei,
        rollover_cohort.phase, rollover_cohort.bonus_bps, rollover_cohort.next_season_id
    FROM
        {{read}}.rollover
        JOIN {{read}}.season USING (season_key)
        LEFT JOIN {{read}}.rollover_cohort USING (season_key)
    WHERE rollover.player = ANY (ARRAY({LINKED}))
    ORDER BY rollover.season_key DESC, rollover.player
    """,
)


@get("/seasons", responses=PROBLEMS)
async def list_seasons(
    database: NamedDependency[Database], limit: Limit = 500
) -> Response[Seasons]:
    """Every season, newest first."""
    reading = await database.read(
        SELECT_SEASONS, after_deployment=None, after_season_id=None, limit=limit - 1
    )
    return answer(reading, Seasons(reading.rows(SELECT_SEASONS)))


@get("/seasons/{season:str}", responses=PROBLEMS)
async def get_season(
    database: NamedDependency[Database], season: FromPath[str]
) -> Response[OneSeason]:
    """One season."""
    name = season_name(season)
    reading = await database.read(FIND_SEASON, SELECT_SEASON, **name._asdict())
    found_season(reading, name)
    (row,) = reading.rows(SELECT_SEASON)
    return answer(reading, OneSeason(row))


@get("/curve/{curve:str}/state", responses=PROBLEMS)
async def get_curve(
    database: NamedDependency[Database],
    curve: FromPath[str],
    at_block: AtBlock = None,
    as_known_at: AsKnownAt = None,
) -> Response[CurveState]:
    """What a curve holds, and its last price."""
    reading = await read_at(
        database,
        Moment(at_block, as_known_at),
        SELECT_CURVE,
        seasons="SELECT season_key FROM {read}.curve WHERE address = %(curve)s::text",
        chain_of=FIND_CURVE,
        curve=address(curve, "curve"),
    )
    row = reading.first(SELECT_CURVE)
    if row is None:
        raise Problem(
            404,
            "unknown-curve",
            title="No such curve",
            detail=f"{curve} is no season's curve up to the block that is posted. /v1/seasons "
            "lists each season's.",
        )
    return answer(reading, row)


@get("/rollover/positions", responses=PROBLEMS)
async def list_rollovers(
    database: NamedDependency[Database], wallet: Wallet
) -> Response[RolloverPositions]:
    """What a player carried over, by the season that it came from."""
    reading = await database.read(SELECT_ROLLOVERS, address=address(wallet, "wallet"))
    return answer(reading, RolloverPositions(reading.rows(SELECT_ROLLOVERS)))
