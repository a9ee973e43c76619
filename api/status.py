"""`/v1/status`, and the two questions of a supervisor: `/health` and `/ready`."""

from litestar import Response, get
from litestar.di import NamedDependency
from msgspec import Struct

from api.answers import JsonResponse
from api.database import ChainHead, Database, Statement
from api.problems import PROBLEMS

_FRESH = {"Cache-Control": "no-store"}  # these say how things stand now


class Status(Struct, frozen=True):
    """How far the read models are.

    Attributes:
        generation: of the read models that serve.
        position: the last one posted; log_position: the last one in the log; lag: between them.
        stopped_fold, stopped_reason: the fold that failed, if one did: nothing is posted after it.
    """

    generation: int
    position: int
    log_position: int
    lag: int
    stopped_fold: str | None
    stopped_reason: str | None
    chains: list[ChainHead]


class Progress(Struct, frozen=True):
    """What the log and the serving generation say of themselves."""

    log_position: int
    stopped_fold: str | None
    stopped_reason: str | None


SELECT_PROGRESS = Statement(
    Progress,
    """
    SELECT
        (SELECT coalesce(max(notification_id), 0) FROM log.stored_event) AS log_position,
        generation.stopped_fold, generation.stopped_reason
    FROM daybook.serving LEFT JOIN daybook.generation ON generation.number = serving.generation
    """,
)


class Life(Struct, frozen=True):
    """A process that lives, or is ready to serve."""

    status: str


@get("/v1/status", responses=PROBLEMS)
async def get_status(database: NamedDependency[Database]) -> Response[Status]:
    """What serves, up to which block of every chain, and how far that is behind the log."""
    reading = await database.read(SELECT_PROGRESS)
    (progress,) = reading.rows(SELECT_PROGRESS)
    status = Status(
        generation=reading.generation,
        position=reading.position,
        log_position=progress.log_position,
        lag=max(0, progress.log_position - reading.position),
        stopped_fold=progress.stopped_fold,
        stopped_reason=progress.stopped_reason,
        chains=reading.chains,
    )
    return JsonResponse(status, headers=_FRESH)


@get("/health", sync_to_thread=False)
def get_health() -> Response[Life]:
    """The process lives."""
    return JsonResponse(Life("alive"), headers=_FRESH)


@get("/ready", responses={503: PROBLEMS[503]})
async def get_ready(database: NamedDependency[Database]) -> Response[Life]:
    """The database answers, and read models serve."""
    await database.read()
    return JsonResponse(Life("ready"), headers=_FRESH)


HANDLERS = (get_status, get_health, get_ready)
