"""`/v1/events` and `/v1/events/{position}`: the log itself, up to the position that is served.

A page may hold less than `limit`, or nothing, and still have a next one: see `api.event_log`.
"""

import re
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from msgspec import Struct

from api.amounts import exact
from api.answers import PAGE_DEFAULT, Block, Limit, Page, answer, block_of, page_of
from api.cursors import INTEGER_MAX
from api.database import Database
from api.event_log import SELECT_EVENT, SELECT_EVENTS, SELECT_EXAMINED, StoredRow
from api.paths import FIND_SEASON, address, found_season, season_name
from api.problems import PROBLEMS, Problem
from schema.events import Event
from schema.log.mapper import STORED_AS, load_event
from schema.log.streams import BLOCK_NUMBER_MAX, block_streams_from

_TYPES = {event.__name__ for event in STORED_AS}
_HEADER = tuple(Event.__struct_fields__)
_POSITION = re.compile(r"[0-9]{1,18}")

Type = Annotated[str | None, QueryParameter(description="Of this name only: PositionUpdate, say.")]
Contract = Annotated[str | None, QueryParameter(description="Emitted by this contract only.")]
NamedPlayer = Annotated[
    str | None,
    QueryParameter(description="That name this address, its wallet or its smart accounts."),
]
OfSeason = Annotated[
    str | None,
    QueryParameter(description="That name this season, or its curve or token emitted or names."),
]
BlockNumber = Annotated[
    int | None, QueryParameter(ge=0, lt=BLOCK_NUMBER_MAX, description="Of blocks from or to here.")
]
Orphaned = Annotated[
    bool | None, QueryParameter(description="Of blocks that left their chain, or only of others.")
]
After = Annotated[
    int, QueryParameter(ge=0, le=INTEGER_MAX, description="Behind this position: `next`, say.")
]


class LogEvent(Struct, frozen=True):
    """An event of the log.

    Attributes:
        position: in the log.
        type: its name; facts of a chain's own stream have no block and no contract.
        orphaned: whether its block left the chain.
        arguments: by name; integers beyond 2**53 as strings of digits.
    """

    position: int
    type: str
    orphaned: bool
    chain_id: int
    block_number: int | None
    block_hash: str | None
    block_time: datetime | None
    tx_hash: str | None
    tx_index: int | None
    log_index: int | None
    contract: str | None
    arguments: dict[str, Any]


class EventAnswer(Struct, frozen=True):
    """An event, with what the answer reflects."""

    event: LogEvent
    block: Block | None
    position: int


@get("/events", responses=PROBLEMS)
async def list_events(  # noqa: PLR0913, PLR0917  one a parameter
    database: NamedDependency[Database],
    type: Type = None,  # noqa: A002  the parameter's own name
    contract: Contract = None,
    player: NamedPlayer = None,
    season: OfSeason = None,
    from_block: BlockNumber = None,
    to_block: BlockNumber = None,
    orphaned: Orphaned = None,
    after: After = 0,
    limit: Limit = PAGE_DEFAULT,
) -> Response[Page[LogEvent]]:
    """The log's events in its order; a page may hold few of many, or none, and have a next one."""
    _check_type(type)
    name = season_name(season) if season else None
    first_stream, end_stream = _streams(from_block, to_block)
    reading = await database.read(
        SELECT_EXAMINED,
        SELECT_EVENTS,
        FIND_SEASON,
        deployment=name and name.deployment,
        season_id=name and name.season_id,
        address=address(player, "player") if player else None,
        contract=address(contract, "contract") if contract else None,
        type=type,
        from_block=from_block,
        to_block=to_block,
        first_stream=first_stream,
        end_stream=end_stream,
        orphaned=orphaned,
        after=after,
        limit=limit,
    )
    chain_id = found_season(reading, name).chain_id if name else None
    items = [read_event(row) for row in reading.rows(SELECT_EVENTS)]
    (examined,) = reading.rows(SELECT_EXAMINED)
    last = items[limit - 1].position if len(items) > limit else examined.until
    following = str(last) if last < reading.position else None
    page = page_of(reading, items[:limit], following=following, chain_id=chain_id)
    return answer(reading, page)


@get("/events/{position:str}", responses=PROBLEMS)
async def get_event(
    database: NamedDependency[Database], position: FromPath[str]
) -> Response[EventAnswer]:
    """The event at a position of the log."""
    if not _POSITION.fullmatch(position):
        raise Problem(
            400,
            "bad-position",
            title="Not a position",
            detail="position: give a whole number from 1 on. /v1/events lists them.",
        )
    reading = await database.read(SELECT_EVENT, position=int(position))
    row = reading.first(SELECT_EVENT)
    if row is None:
        raise Problem(
            404,
            "unknown-event",
            title="No such event",
            detail=f"The log is posted up to position {reading.position}; there is no event "
            f"{position} in it.",
        )
    event = read_event(row)
    block = block_of(reading, event.chain_id)
    return answer(reading, EventAnswer(event, block, reading.position))


def _check_type(name: str | None) -> None:
    if name is not None and name not in _TYPES:
        close = get_close_matches(name, _TYPES, n=5) or sorted(_TYPES)
        raise Problem(
            400,
            "unknown-type",
            title="No such type of event",
            detail=f"type: no event is called {name}. There is {', '.join(close)}.",
        )


def _streams(from_block: int | None, to_block: int | None) -> tuple[UUID | None, UUID | None]:
    """The streams of these blocks, from and up to; none where no blocks are asked for."""
    if from_block is None and to_block is None:
        return None, None
    end = BLOCK_NUMBER_MAX if to_block is None else to_block + 1
    return block_streams_from(from_block or 0), block_streams_from(end)


def read_event(row: StoredRow) -> LogEvent:
    """The event of a row of the log."""
    event = load_event(row.topic, row.state)
    fields: dict[str, Any] = msgspec.to_builtins(event)
    header = {name: fields.pop(name, None) for name in _HEADER}
    if header["block_time"] is not None:
        header["block_time"] = datetime.fromtimestamp(header["block_time"], UTC)
    return LogEvent(
        position=row.position,
        type=type(event).__name__,
        orphaned=row.orphaned,
        **header,
        arguments=exact(fields),
    )
