"""Who takes part in a season's draw, in the contract's own order: now, and when it was locked."""

from collections.abc import Sequence
from datetime import datetime

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Struct

from api.amounts import Whole
from api.answers import PAGE_DEFAULT, Block, Cursor, Limit, Page, answer, make_page
from api.cursors import Integer, decode_cursor
from api.database import Database, Statement
from api.paths import FIND_SEASON, SEASON_KEY, found_season, season_name
from api.problems import PROBLEMS, Problem


class Participant(Struct):
    """Who holds tickets, and where they stand in the contract's list, from 0."""

    place: int
    player: str
    tickets: Whole


class Snapshot(Struct):
    """What the raffle fixed when the season was locked.

    Attributes:
        snapshot_hash: keccak256(abi.encode(address[] participants, uint256[] tickets)).
        block_number, log_index, block_time: where it said so.
        participants: how many there were.
    """

    snapshot_hash: str
    block_number: int
    log_index: int
    block_time: datetime
    participants: int


class SnapshotAnswer(Snapshot):
    """A snapshot with a page of its participants; otherwise as a page of any list."""

    items: Sequence[Participant]
    next: str | None
    block: Block | None
    position: int


class ParticipantKey(Struct, tag="participants", array_like=True, frozen=True):
    """The last participant of a page."""

    place: Integer


class SnapshotKey(Struct, tag="snapshot", array_like=True, frozen=True):
    """The last participant of a page."""

    place: Integer


# Indexes: participant's primary key; position's primary key.
SELECT_PARTICIPANTS = Statement(
    Participant,
    f"""
    SELECT participant.place, participant.player, position.tickets
    FROM {{read}}.participant JOIN {{read}}.position USING (season_key, player)
    WHERE participant.season_key = {SEASON_KEY} AND participant.place > %(after)s::bigint
    ORDER BY participant.place
    LIMIT %(limit)s::int + 1
    """,
)

# Index: snapshot's primary key.
_NEWEST_SNAPSHOT = f"""
        SELECT * FROM {{read}}.snapshot
        WHERE season_key = {SEASON_KEY}
        ORDER BY block_number DESC, log_index DESC
        LIMIT 1
"""
SELECT_SNAPSHOT = Statement(
    Snapshot,
    f"""
    SELECT snapshot_hash, block_number, log_index, block_time,
        cardinality(participants) AS participants
    FROM ({_NEWEST_SNAPSHOT}) AS newest
    """,
)
SELECT_SNAPSHOT_PARTICIPANTS = Statement(
    Participant,
    f"""
    SELECT listed.place - 1 AS place, listed.player, listed.tickets
    FROM
        ({_NEWEST_SNAPSHOT}) AS newest
        CROSS JOIN unnest(newest.participants, newest.tickets) WITH ORDINALITY
            AS listed (player, tickets, place)
    WHERE listed.place - 1 > %(after)s::bigint
    ORDER BY listed.place
    LIMIT %(limit)s::int + 1
    """,
)


@get("/seasons/{season:str}/participants", responses=PROBLEMS)
async def list_participants(
    database: NamedDependency[Database],
    season: FromPath[str],
    limit: Limit = PAGE_DEFAULT,
    cursor: Cursor = None,
) -> Response[Page[Participant]]:
    """Who holds tickets of a season, in the contract's order."""
    name = season_name(season)
    after = decode_cursor(cursor, ParticipantKey).place if cursor else -1
    reading = await database.read(
        FIND_SEASON, SELECT_PARTICIPANTS, **name._asdict(), after=after, limit=limit
    )
    found = found_season(reading, name)
    rows = reading.rows(SELECT_PARTICIPANTS)
    page = make_page(reading, rows, limit=limit, key=_participant_key, chain_id=found.chain_id)
    return answer(reading, page)


@get("/seasons/{season:str}/snapshot", responses=PROBLEMS)
async def get_snapshot(
    database: NamedDependency[Database],
    season: FromPath[str],
    limit: Limit = PAGE_DEFAULT,
    cursor: Cursor = None,
) -> Response[SnapshotAnswer]:
    """The participants and tickets that the raffle's hash fixes, in the contract's order."""
    name = season_name(season)
    after = decode_cursor(cursor, SnapshotKey).place if cursor else -1
    statements = (FIND_SEASON, SELECT_SNAPSHOT, SELECT_SNAPSHOT_PARTICIPANTS)
    reading = await database.read(*statements, **name._asdict(), after=after, limit=limit)
    found = found_season(reading, name)
    taken = reading.first(SELECT_SNAPSHOT)
    if taken is None:
        raise _not_locked()
    rows = reading.rows(SELECT_SNAPSHOT_PARTICIPANTS)
    page = make_page(reading, rows, limit=limit, key=_snapshot_key, chain_id=found.chain_id)
    content = SnapshotAnswer(
        taken.snapshot_hash,
        taken.block_number,
        taken.log_index,
        taken.block_time,
        taken.participants,
        items=page.items,
        next=page.next,
        block=page.block,
        position=page.position,
    )
    return answer(reading, content)


def _not_locked() -> Problem:
    return Problem(
        404,
        "no-snapshot",
        title="No snapshot yet",
        detail="The season was not locked up to the block that is posted; its participants so "
        "far are at …/participants.",
    )


def _participant_key(row: Participant) -> ParticipantKey:
    return ParticipantKey(row.place)


def _snapshot_key(row: Participant) -> SnapshotKey:
    return SnapshotKey(row.place)
