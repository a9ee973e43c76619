"""`/v1/box-raffles`, `/v1/box-raffles/{raffle}` and `/v1/sellers/{seller}/box-raffles`."""

from datetime import datetime
from typing import Literal

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Struct

from api.amounts import Wei, Whole
from api.answers import PAGE_DEFAULT, Block, Cursor, Limit, Page, answer, block_of, make_page
from api.box_raffles.names import FIND_RAFFLE, RAFFLE_KEY, Coins, chain_of, raffle_name
from api.cursors import Digits, decode_cursor
from api.database import Database, Statement
from api.paths import address
from api.problems import PROBLEMS

Status = Literal["open", "full", "drawn", "cancelled"]


class BoxRaffle(Struct):
    """A box raffle and how far it is.

    Attributes:
        sold_bps: of its boxes, in hundredths of a percent, rounded down; null where it has none.
        box_price_wei: as offered; proceeds_wei: what was really paid for all sold boxes.
        winner_count: how many boxes are to win; winners_selected: how many were drawn so far.
        closed_block: where it was drawn or cancelled.
    """

    raffle_id: Whole
    deployment: str
    chain_id: int
    contract: str
    seller: str
    status: Status
    total_boxes: Whole
    boxes_sold: int
    sold_bps: Whole | None
    box_price_wei: Wei
    box_price: Coins
    proceeds_wei: Wei
    proceeds: Coins
    winner_count: Whole
    winners_selected: int
    created_block: int
    created_time: datetime
    full_block: int | None
    closed_block: int | None


class BoxRaffleAnswer(BoxRaffle):
    """A box raffle, with what the answer reflects."""

    block: Block | None
    position: int


class BoxRaffleKey(Struct, tag="box-raffles", array_like=True, frozen=True):
    """The last raffle of a page."""

    deployment: str
    raffle_id: Digits


# Index of the winners: box_winner's primary key.
_SELECT = """
    SELECT
        raffle_id, deployment, chain_id, contract, seller, status, total_boxes, boxes_sold,
        div(boxes_sold * 10000::numeric, nullif(total_boxes, 0)) AS sold_bps,
        box_price_wei::text AS box_price_wei, box_price_wei * 1e-18 AS box_price,
        proceeds_wei::text AS proceeds_wei, proceeds_wei * 1e-18 AS proceeds,
        winner_count,
        (
            SELECT count(*) FROM {read}.box_winner
            WHERE box_winner.raffle_key = box_raffle.raffle_key
        ) AS winners_selected,
        created_block, created_time, full_block, closed_block
    FROM {read}.box_raffle
"""
_PAGE = """
    raffle_key < coalesce(
        (
            SELECT raffle_key FROM {read}.box_raffle
            WHERE deployment = %(after_deployment)s::text
              AND raffle_id = %(after_raffle_id)s::numeric
        ),
        2147483647
    )
    ORDER BY raffle_key DESC
    LIMIT %(limit)s::int + 1
"""

# Newest first. Indexes: box_raffle's primary key; box_raffle_by_seller.
SELECT_RAFFLES = Statement(BoxRaffle, f"{_SELECT} WHERE {_PAGE}")
SELECT_SELLER_RAFFLES = Statement(
    BoxRaffle, f"{_SELECT} WHERE seller = %(seller)s::text AND {_PAGE}"
)
SELECT_RAFFLE = Statement(BoxRaffle, f"{_SELECT} WHERE raffle_key = {RAFFLE_KEY}")


@get("/box-raffles", responses=PROBLEMS)
async def list_raffles(
    database: NamedDependency[Database], limit: Limit = PAGE_DEFAULT, cursor: Cursor = None
) -> Response[Page[BoxRaffle]]:
    """Every box raffle of every deployment, newest first."""
    return await _page(database, SELECT_RAFFLES, limit=limit, cursor=cursor)


@get("/sellers/{seller:str}/box-raffles", responses=PROBLEMS)
async def list_seller_raffles(
    database: NamedDependency[Database],
    seller: FromPath[str],
    limit: Limit = PAGE_DEFAULT,
    cursor: Cursor = None,
) -> Response[Page[BoxRaffle]]:
    """A seller's box raffles, newest first."""
    who = address(seller, "seller")
    return await _page(database, SELECT_SELLER_RAFFLES, limit=limit, cursor=cursor, seller=who)


async def _page(
    database: Database,
    statement: Statement[BoxRaffle],
    *,
    limit: int,
    cursor: str | None,
    **parameters: str,
) -> Response[Page[BoxRaffle]]:
    after = decode_cursor(cursor, BoxRaffleKey) if cursor else None
    reading = await database.read(
        statement,
        after_deployment=after and after.deployment,
        after_raffle_id=after and after.raffle_id,
        limit=limit,
        **parameters,
    )
    return answer(reading, make_page(reading, reading.rows(statement), limit=limit, key=_key))


def _key(row: BoxRaffle) -> BoxRaffleKey:
    return BoxRaffleKey(row.deployment, str(row.raffle_id))


@get("/box-raffles/{raffle:str}", responses=PROBLEMS)
async def get_raffle(
    database: NamedDependency[Database], raffle: FromPath[str]
) -> Response[BoxRaffleAnswer]:
    """One box raffle."""
    name = raffle_name(raffle)
    reading = await database.read(FIND_RAFFLE, SELECT_RAFFLE, **name._asdict())
    block = block_of(reading, chain_of(reading, name))
    (row,) = reading.rows(SELECT_RAFFLE)
    content = BoxRaffleAnswer(**msgspec.structs.asdict(row), block=block, position=reading.position)
    return answer(reading, content)
