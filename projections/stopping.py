"""Read models that stopped: one that cannot take an event stands still, the others go on.

Who reads what a stopped read model would have written stops with it, or it would go on from
figures that are no longer kept. A stopped read model is served as it stood; another generation
posts it anew. Where a reorganisation goes back below the place it stopped at, it goes on.
"""

from collections.abc import Iterable, Sequence

import structlog
from psycopg import Connection
from psycopg.rows import DictRow

from projections.errors import FoldFailedError, ProjectionStoppedError, ReadModelsStoppedError
from projections.folds import Fold
from projections.generations import Generation

_log = structlog.get_logger()


def stop(
    connection: Connection[DictRow],
    generation: Generation,
    folds: Sequence[Fold],
    failure: FoldFailedError,
) -> None:
    """Stop whoever failed, and all that depend on it, before the batch it failed on.

    Raises:
        ProjectionStoppedError: nobody is left out by that, so it would fail again.
    """
    concerned = dependents(folds, failure.fold)
    position = failure.first - 1
    with connection.transaction():
        stopped = {
            name
            for name in concerned
            if connection.execute(
                _STOP, [generation.number, name, position, failure.fold, failure.reason]
            ).rowcount
        }
    if not stopped:
        raise ProjectionStoppedError(failure) from failure
    _log.error(
        "read_models_stopped",
        generation=generation.number,
        read_models=sorted(stopped),
        position=position,
        culprit=failure.fold,
        reason=failure.reason,
    )


def dependents(folds: Iterable[Fold], culprit: str) -> set[str]:
    """The read models that cannot go on without `culprit`, which is one, or an input of some."""
    folds = list(folds)
    concerned = {fold.read_model for fold in folds if culprit in {fold.read_model, *fold.inputs}}
    while True:
        more = {fold.read_model for fold in folds if fold.reads & concerned} - concerned
        if not more:
            return concerned
        concerned |= more


def go_on(connection: Connection[DictRow], generation: Generation, *, position: int) -> None:
    """After going back to `position`: who stopped after it has its state of then again."""
    connection.execute(_GO_ON, [generation.number, position])


def raise_stopped(connection: Connection[DictRow], generation: Generation) -> None:
    """Check that no read model of the generation stopped.

    Raises:
        ReadModelsStoppedError: some did; tells of those that did first.
    """
    row = connection.execute(_SELECT_FIRST, [generation.number]).fetchone()
    if row is not None:
        raise ReadModelsStoppedError(**row)


_SELECT_FIRST = """
    SELECT
        array_agg(read_model ORDER BY read_model) AS read_models,
        position,
        min(culprit || ' failed: ' || reason) AS reason
    FROM daybook.stopped_read_model
    WHERE generation = %s
    GROUP BY position
    ORDER BY position
    LIMIT 1
"""
_STOP = """
    INSERT INTO daybook.stopped_read_model (generation, read_model, position, culprit, reason)
    VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT DO NOTHING
"""
_GO_ON = "DELETE FROM daybook.stopped_read_model WHERE generation = %s AND position >= %s"
