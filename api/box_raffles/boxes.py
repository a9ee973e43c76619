"""`/v1/box-raffles/{raffle}/boxes`: the grid of a raffle, as far as it is sold."""

from datetime import datetime
from typing import Annotated

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from msgspec import Struct

from api.amounts import Wei, Whole
from api.answers import PAGE_DEFAULT, Cursor, Limit, Page, answer, make_page
from api.box_raffles.names import FIND_RAFFLE, RAFFLE_KEY, Coins, chain_of, raffle_name
from api.cursors import Digits, decode_cursor
from api.database import Database, Statement
from api.paths import address
from api.problems import PROBLEMS

BuyerFilter = Annotated[str | None, QueryParameter(description="Only boxes of this address.")]


class Box(Struct):
    """A sold box, and where its purchase stands.

    Attributes:
        price_wei: what was paid for it.
        won: whether it was drawn.
    """

    raffle_id: Whole
    deployment: str
    chain_id: int
    box_number: Whole
    player: str
    price_wei: Wei
    price: Coins
    won: bool
    tx_hash: str
    log_index: int
    block_number: int
    block_time: datetime


class BoxKey(Struct, tag="boxes", array_like=True, frozen=True):
    """The last box of a page."""

    box_number: Digits


# By number. Indexes: the primary keys of box and, for those that won, box_winner.
SELECT_BOXES = Statement(
    Box,
    f"""
    SELECT
        box_raffle.raffle_id, box_raffle.deployment, box_raffle.chain_id, box.box_number,
        box.player, box.price_wei::text AS price_wei, box.price_wei * 1e-18 AS price,
        EXISTS (
            SELECT FROM {{read}}.box_winner
            WHERE box_winner.raffle_key = box.raffle_key
              AND box_winner.box_number = box.box_number
        ) AS won,
        box.tx_hash, box.log_index, box.block_number, box.block_time
    FROM {{read}}.box JOIN {{read}}.box_raffle USING (raffle_key)
    WHERE box.raffle_key = {RAFFLE_KEY}
      AND box.box_number > coalesce(%(after)s::numeric, -1)
      AND box.player = coalesce(%(player)s::text, box.player)
    ORDER BY box.box_number
    LIMIT %(limit)s::int + 1
    """,
)


@get("/box-raffles/{raffle:str}/boxes", responses=PROBLEMS)
async def list_boxes(
    database: NamedDependency[Database],
    raffle: FromPath[str],
    player: BuyerFilter = None,
    limit: Limit = PAGE_DEFAULT,
    cursor: Cursor = None,
) -> Response[Page[Box]]:
    """The sold boxes of a raffle, by number."""
    name = raffle_name(raffle)
    after = decode_cursor(cursor, BoxKey) if cursor else None
    reading = await database.read(
        FIND_RAFFLE,
        SELECT_BOXES,
        **name._asdict(),
        player=player and address(player, "player"),
        after=after and after.box_number,
        limit=limit,
    )
    chain_id = chain_of(reading, name)
    rows = reading.rows(SELECT_BOXES)
    page = make_page(reading, rows, limit=limit, key=_key, chain_id=chain_id)
    return answer(reading, page)


def _key(row: Box) -> BoxKey:
    return BoxKey(str(row.box_number))
