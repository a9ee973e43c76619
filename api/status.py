"""`/v1/status`, and the two questions of a supervisor: `/health` and `/ready`."""

from datetime import datetime
from typing import Literal

from litestar import Response, get
from litestar.di import NamedDependency
from msgspec import Struct

from api.answers import JsonResponse
from api.database import ChainHead, Database, Reading, Statement
from api.problems import PROBLEMS
from schema.coverage import covered_percent

State = Literal["back-filling", "following"]

_FRESH = {"Cache-Control": "no-store"}  # these say how things stand now


class Coverage(Struct, frozen=True):
    """How far the contracts of one kind in one deployment are.

    Attributes:
        contracts: how many there are.
        from_block: the first one that may hold a log of theirs.
        covered_block: the last one whose logs of theirs are posted; null where none is yet.
        is_complete: whether they are followed at the chain's head.
        percent: of their blocks that are covered, rounded down to tenths.
    """

    deployment: str
    kind: str
    contracts: int
    from_block: int
    covered_block: int | None
    is_complete: bool
    percent: float


class Proof(Struct, frozen=True):
    """How many blocks were shown complete by `proof`: receipts, bloom, or none.

    Attributes:
        blocks: for the contracts that were followed as these blocks came.
        late_blocks: for contracts that were configured later.
    """

    proof: str
    blocks: int
    late_blocks: int


class ChainStatus(Struct, frozen=True):
    """How far one chain is; the block's fields are null before the first.

    Attributes:
        finalized: number of the highest block that is final; null where none is.
        state: `back-filling` while final blocks are missing, of all contracts or of late ones.
    """

    chain_id: int
    name: str
    block_number: int | None
    block_hash: str | None
    block_time: datetime | None
    finalized: int | None
    state: State
    coverage: list[Coverage]
    proofs: list[Proof]


class Generation(Struct, frozen=True):
    """One generation of read models.

    Attributes:
        state: `serving`; `posting`, from the log's beginning, to be put in its place; `previous`,
            kept to go back to; or `left`, to be dropped.
        is_posted: whether some process posts it now.
        position: the last one posted; lag: how many of the log are to follow.
        rolled_back: whether somebody went back from it.
        differing: how many read models differed from those that served when it was posted; null
            where that was not compared.
    """

    number: int
    state: Literal["serving", "posting", "previous", "left"]
    is_posted: bool
    position: int
    lag: int
    rolled_back: bool
    differing: int | None


class StoppedReadModel(Struct, frozen=True):
    """A read model that is served as it stood at `position`, since `culprit` failed after it."""

    read_model: str
    position: int
    culprit: str
    reason: str


class ActiveAlert(Struct, frozen=True):
    """Something that operators were told of, since it is so; `detail` is what was seen last."""

    name: str
    subject: str
    since: datetime
    detail: str


class Status(Struct, frozen=True):
    """How far the read models are.

    Attributes:
        generation: of the read models that serve.
        position: the last one posted; log_position: the last one in the log; lag: between them.
        stopped: the read models that stand still; the others go on.
        alerts: what is not as it should be.
    """

    generation: int
    position: int
    log_position: int
    lag: int
    stopped: list[StoppedReadModel]
    generations: list[Generation]
    chains: list[ChainStatus]
    alerts: list[ActiveAlert]


class LogEnd(Struct, frozen=True):
    """The log's last position."""

    position: int


SELECT_LOG_END = Statement(
    LogEnd, "SELECT coalesce(max(notification_id), 0) AS position FROM log.stored_event"
)

SELECT_STOPPED = Statement(
    StoppedReadModel,
    """
    SELECT stopped.read_model, stopped.position, stopped.culprit, stopped.reason
    FROM daybook.serving INNER JOIN daybook.stopped_read_model AS stopped USING (generation)
    ORDER BY stopped.position, stopped.read_model
    """,
)

SELECT_ALERTS = Statement(
    ActiveAlert,
    "SELECT name, subject, since, detail FROM daybook.alert ORDER BY since, name, subject",
)

SELECT_GENERATIONS = Statement(
    Generation,
    """
    SELECT
        status.number, status.state, status.is_posted, status.position,
        greatest(0, log_end.position - status.position) AS lag, status.rolled_back,
        jsonb_array_length(status.comparison -> 'differing') AS differing
    FROM
        daybook.generation_status AS status,
        (SELECT coalesce(max(notification_id), 0) AS position FROM log.stored_event) AS log_end
    ORDER BY status.number
    """,
)


class Covered(Struct, frozen=True):
    """Contracts of one chain that are equally far."""

    chain_id: int
    deployment: str
    kind: str
    late: bool
    contracts: int
    from_block: int
    covered_block: int | None


SELECT_COVERED = Statement(
    Covered,
    """
    SELECT
        contract.chain_id, contract.deployment, contract.kind, contract.late,
        count(*) AS contracts, min(contract.block_number) AS from_block,
        CASE WHEN contract.late THEN chain.late_block_number ELSE chain.block_number END
            AS covered_block
    FROM {read}.contract INNER JOIN {read}.chain USING (chain_id)
    GROUP BY
        contract.chain_id, contract.deployment, contract.kind, contract.late,
        chain.late_block_number, chain.block_number
    ORDER BY 1, 2, 3, 4
    """,
)


class ChainProof(Struct, frozen=True):
    """A row of the read model `proof`."""

    chain_id: int
    proof: str
    blocks: int
    late_blocks: int


SELECT_PROOFS = Statement(
    ChainProof,
    "SELECT chain_id, proof, blocks, late_blocks FROM {read}.proof ORDER BY chain_id, proof",
)


_SELECTS = (
    SELECT_LOG_END,
    SELECT_STOPPED,
    SELECT_GENERATIONS,
    SELECT_COVERED,
    SELECT_PROOFS,
    SELECT_ALERTS,
)


class Life(Struct, frozen=True):
    """A process that lives, or is ready to serve."""

    status: str


@get("/v1/status", responses=PROBLEMS)
async def get_status(database: NamedDependency[Database]) -> Response[Status]:
    """What serves, how far it is behind the log, and how far every chain and contract is."""
    reading = await database.read(*_SELECTS)
    (log_end,) = reading.rows(SELECT_LOG_END)
    status = Status(
        generation=reading.generation,
        position=reading.position,
        log_position=log_end.position,
        lag=max(0, log_end.position - reading.position),
        stopped=reading.rows(SELECT_STOPPED),
        generations=reading.rows(SELECT_GENERATIONS),
        chains=[_chain(head, reading) for head in reading.chains],
        alerts=reading.rows(SELECT_ALERTS),
    )
    return JsonResponse(status, headers=_FRESH)


def _chain(head: ChainHead, reading: Reading) -> ChainStatus:
    covered = [row for row in reading.rows(SELECT_COVERED) if row.chain_id == head.chain_id]
    is_behind = (head.finalized or 0) > (head.block_number or 0)
    return ChainStatus(
        chain_id=head.chain_id,
        name=head.name,
        block_number=head.block_number,
        block_hash=head.block_hash,
        block_time=head.block_time,
        finalized=head.finalized,
        state="back-filling" if is_behind or any(row.late for row in covered) else "following",
        coverage=[_coverage(row, head.block_number) for row in covered],
        proofs=[
            Proof(row.proof, row.blocks, row.late_blocks)
            for row in reading.rows(SELECT_PROOFS)
            if row.chain_id == head.chain_id
        ],
    )


def _coverage(row: Covered, head: int | None) -> Coverage:
    return Coverage(
        deployment=row.deployment,
        kind=row.kind,
        contracts=row.contracts,
        from_block=row.from_block,
        covered_block=row.covered_block,
        is_complete=not row.late,
        percent=covered_percent(row.from_block, row.covered_block, head),
    )


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
