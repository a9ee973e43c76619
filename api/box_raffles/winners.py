"""`/v1/box-raffles/{raffle}/winners`: the boxes that won."""

from datetime import datetime

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Struct

from api.amounts import Whole
from api.answers import PAGE_DEFAULT, Cursor, Limit, Page, answer, make_page
from api.box_raffles.names import FIND_RAFFLE, RAFFLE_KEY, chain_of, raffle_name
from api.cursors import Integer, decode_cursor
from api.database import Database, Statement
from api.problems import PROBLEMS


class Winner(Struct):
    """A box that won, and where it was drawn."""

    raffle_id: Whole
    deployment: str
    chain_id: int
    box_number: Whole
    player: str
    tx_hash: str
    log_index: int
    block_number: int
    block_time: datetime


class WinnerKey(Struct, tag="box-winners", array_like=True, frozen=True):
    """The last winner of a page: where the box was drawn."""

    block_number: Integer
    log_index: Integer


# As drawn. Index: box_winner's primary key.
SELECT_WINNERS = Statement(
    Winner,
    f"""
    SELECT
        box_raffle.raffle_id, box_raffle.deployment, box_raffle.chain_id, box_winner.box_number,
        box_winner.player, box_winner.tx_hash, box_winner.log_index, box_winner.block_number,
        box_winner.block_time
    FROM {{read}}.box_winner JOIN {{read}}.box_raffle USING (raffle_key)
    WHERE box_winner.raffle_key = {RAFFLE_KEY}
      AND (box_winner.block_number, box_winner.log_index)
          > (%(block_number)s::bigint, %(log_index)s::bigint)
    ORDER BY box_winner.block_number, box_winner.log_index
    LIMIT %(limit)s::int + 1
    """,
)


@get("/box-raffles/{raffle:str}/winners", responses=PROBLEMS)
async def list_winners(
    database: NamedDependency[Database],
    raffle: FromPath[str],
    limit: Limit = PAGE_DEFAULT,
    cursor: Cursor = None,
) -> Response[Page[Winner]]:
    """The boxes of a raffle that won, in the order in which they were drawn."""
    name = raffle_name(raffle)
    after = decode_cursor(cursor, WinnerKey) if cursor else None
    reading = await database.read(
        FIND_RAFFLE,
        SELECT_WINNERS,
        **name._asdict(),
        block_number=after.block_number if after else -1,
        log_index=after.log_index if after else -1,
        limit=limit,
    )
    chain_id = chain_of(reading, name)
    rows = reading.rows(SELECT_WINNERS)
    page = make_page(reading, rows, limit=limit, key=_key, chain_id=chain_id)
    return answer(reading, page)


def _key(row: Winner) -> WinnerKey:
    return WinnerKey(row.block_number, row.log_index)
