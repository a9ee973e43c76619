"""Who takes part: `/v1/box-raffles/{raffle}/participants`, `/v1/players/{player}/box-raffles`."""

from datetime import datetime

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Struct

from api.amounts import Wei, Whole
from api.answers import PAGE_DEFAULT, Cursor, Limit, Page, answer, make_page
from api.box_raffles.names import FIND_RAFFLE, RAFFLE_KEY, Coins, chain_of, raffle_name
from api.box_raffles.raffles import Status
from api.cursors import INTEGER_MAX, Digits, Integer, decode_cursor
from api.database import Database, Statement
from api.paths import address
from api.players import LINKED
from api.problems import PROBLEMS


class Participant(Struct):
    """What a player has in a raffle.

    Attributes:
        rank: 1, 2, 2, 4: one more than how many have more boxes.
        spent_wei: what was paid for the boxes.
        won: how many boxes were drawn.
        block_number, log_index, block_time: of the last box bought: of those with as many, who
            got there first stands above.
    """

    rank: int
    raffle_id: Whole
    deployment: str
    chain_id: int
    player: str
    boxes: int
    spent_wei: Wei
    spent: Coins
    won: int
    block_number: int
    log_index: int
    block_time: datetime


class ParticipantKey(Struct, tag="box-participants", array_like=True, frozen=True):
    """The last participant of a page: boxes, then where they got there."""

    boxes: Integer
    block_number: Integer
    log_index: Integer


class Participation(Struct):
    """A raffle in which a player takes part, and what they have in it.

    Attributes:
        boxes_sold: of all players together.
        block_number, block_time: of the last box bought; null for a winner who bought none.
    """

    raffle_id: Whole
    deployment: str
    chain_id: int
    seller: str
    status: Status
    total_boxes: Whole
    boxes_sold: int
    player: str
    boxes: int
    spent_wei: Wei
    spent: Coins
    won: int
    block_number: int | None
    block_time: datetime | None


class ParticipationKey(Struct, tag="player-box-raffles", array_like=True, frozen=True):
    """The last participation of a page."""

    deployment: str
    raffle_id: Digits
    player: str


# Most boxes first. Index, for the page and the ranks on it: box_participant_by_boxes.
SELECT_PARTICIPANTS = Statement(
    Participant,
    f"""
    WITH page AS MATERIALIZED (
        SELECT * FROM {{read}}.box_participant
        WHERE raffle_key = {RAFFLE_KEY}
          AND boxes > 0
          AND boxes <= %(boxes)s::bigint
          AND NOT (
              boxes = %(boxes)s::bigint
              AND (block_number, log_index) <= (%(block_number)s::bigint, %(log_index)s::bigint)
          )
        ORDER BY boxes DESC, block_number, log_index
        LIMIT %(limit)s::int + 1
    ),
    ranked AS (
        SELECT
            boxes,
            1 + (
                SELECT count(*) FROM {{read}}.box_participant AS better
                WHERE better.raffle_key = level.raffle_key
                  AND better.boxes > 0 AND better.boxes > level.boxes
            ) AS rank
        FROM (SELECT DISTINCT raffle_key, boxes FROM page) AS level
    )
    SELECT
        ranked.rank, box_raffle.raffle_id, box_raffle.deployment, box_raffle.chain_id,
        page.player, page.boxes, page.spent_wei::text AS spent_wei,
        page.spent_wei * 1e-18 AS spent, page.won,
        page.block_number, page.log_index, page.block_time
    FROM page JOIN ranked USING (boxes) JOIN {{read}}.box_raffle USING (raffle_key)
    ORDER BY page.boxes DESC, page.block_number, page.log_index
    """,
)

# Newest raffle first, of an address and those linked with it. Index: box_participant_by_player.
SELECT_PARTICIPATIONS = Statement(
    Participation,
    f"""
    SELECT
        box_raffle.raffle_id, box_raffle.deployment, box_raffle.chain_id, box_raffle.seller,
        box_raffle.status, box_raffle.total_boxes, box_raffle.boxes_sold,
        taking.player, taking.boxes, taking.spent_wei::text AS spent_wei,
        taking.spent_wei * 1e-18 AS spent, taking.won, taking.block_number, taking.block_time
    FROM
        ({LINKED}) AS linked (address)
        JOIN {{read}}.box_participant AS taking ON taking.player = linked.address
        JOIN {{read}}.box_raffle USING (raffle_key)
    WHERE (taking.raffle_key, taking.player) < (
        coalesce(
            (
                SELECT raffle_key FROM {{read}}.box_raffle
                WHERE deployment = %(after_deployment)s::text
                  AND raffle_id = %(after_raffle_id)s::numeric
            ),
            2147483647
        ),
        coalesce(%(after_player)s::text, '')
    )
    ORDER BY taking.raffle_key DESC, taking.player DESC
    LIMIT %(limit)s::int + 1
    """,
)


@get("/box-raffles/{raffle:str}/participants", responses=PROBLEMS)
async def list_participants(
    database: NamedDependency[Database],
    raffle: FromPath[str],
    limit: Limit = PAGE_DEFAULT,
    cursor: Cursor = None,
) -> Response[Page[Participant]]:
    """The buyers of a raffle's boxes, most boxes first."""
    name = raffle_name(raffle)
    after = decode_cursor(cursor, ParticipantKey) if cursor else None
    reading = await database.read(
        FIND_RAFFLE,
        SELECT_PARTICIPANTS,
        **name._asdict(),
        boxes=after.boxes if after else INTEGER_MAX,
        block_number=after.block_number if after else -1,
        log_index=after.log_index if after else -1,
        limit=limit,
    )
    chain_id = chain_of(reading, name)
    rows = reading.rows(SELECT_PARTICIPANTS)
    page = make_page(reading, rows, limit=limit, key=_participant_key, chain_id=chain_id)
    return answer(reading, page)


def _participant_key(row: Participant) -> ParticipantKey:
    return ParticipantKey(row.boxes, row.block_number, row.log_index)


@get("/players/{player:str}/box-raffles", responses=PROBLEMS)
async def list_player_raffles(
    database: NamedDependency[Database],
    player: FromPath[str],
    limit: Limit = PAGE_DEFAULT,
    cursor: Cursor = None,
) -> Response[Page[Participation]]:
    """Box raffles in which a player, or their wallet or smart accounts, take part."""
    after = decode_cursor(cursor, ParticipationKey) if cursor else None
    reading = await database.read(
        SELECT_PARTICIPATIONS,
        address=address(player),
        after_deployment=after and after.deployment,
        after_raffle_id=after and after.raffle_id,
        after_player=after and after.player,
        limit=limit,
    )
    rows = reading.rows(SELECT_PARTICIPATIONS)
    return answer(reading, make_page(reading, rows, limit=limit, key=_participation_key))


def _participation_key(row: Participation) -> ParticipationKey:
    return ParticipationKey(row.deployment, str(row.raffle_id), row.player)
