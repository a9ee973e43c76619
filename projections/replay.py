"""Replays: another generation from the log's beginning, beside the one that serves, in its place.

Also the way back, to the generation that served before. One of either runs at a time.
"""

import threading
import time
from typing import Literal

import msgspec
from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from projections.beside import Beside, Work, alone, posted_anew, the_serving
from projections.compare import Comparison, ReadModelComparison
from projections.definition import Definition, of_this_code
from projections.errors import (
    CannotGoOnError,
    GenerationTakenError,
    NothingToRollBackToError,
    ReplayDiffersError,
    ReplayedReadModelsStoppedError,
    RollbackFailedError,
)
from projections.generations import fingerprint, load, prune
from projections.locks import holder, posting, try_lock
from schema.progress import Report

Verdict = Literal["swapped", "not_asked", "differs", "stopped"]


class Replay(msgspec.Struct, frozen=True):
    """What a replay is asked for.

    Attributes:
        swaps: whether the new generation is to serve.
        accepts: whether it is to serve even if that is doubtful: if rows differ though the folds
            are the same, or if read models stopped that do not stand still where they are served.
        definition: what it is posted with.
    """

    swaps: bool = True
    accepts: bool = False
    definition: Definition = msgspec.field(default_factory=of_this_code)


class Replayed(msgspec.Struct, frozen=True):
    """What a replay did.

    Attributes:
        generation: the new one.
        before: the number of the one that served until then, or still does.
        events: how many were posted, in how many seconds.
        same_folds: whether both have the same definition, so that no row may differ.
        comparison: with the one before, unless there is a reason in `not_compared`.
        verdict: `swapped`: it serves now. Or why not: `not_asked` to; it `differs` though the
            folds are the same; read models `stopped` that do not stand still where they serve.
    """

    generation: int
    before: int
    events: int
    seconds: float
    same_folds: bool
    comparison: Comparison | None
    not_compared: str | None
    verdict: Verdict


class RolledBack(msgspec.Struct, frozen=True):
    """What a rollback did: which generation serves now, and which did before."""

    generation: int
    before: int
    events: int


def replay(database_url: str, asked: Replay, *, stop: threading.Event, report: Report) -> Replayed:
    """Post a whole new generation, compare it with the one that serves, and put it in its place.

    A generation that does not serve in the end is kept until the next replay; one that fails is
    dropped.

    Raises:
        NothingServesError, ReplayRunningError: nothing was begun.
        BesideStoppedError, CannotGoOnError, ProjectionStoppedError: nothing was changed.
    """
    work = Work(database_url, "replay", stop, report)
    with alone(work) as control:
        begun = time.monotonic()
        with posted_anew(work, control, asked.definition) as beside:
            beside.catch_up()
            comparison = beside.compare()
            serving = the_serving(control)
            same_folds = asked.definition.fingerprint == fingerprint(control, serving.generation)
            verdict = _judge(asked, comparison, same_folds=same_folds)
            _keep(control, beside.generation.number, comparison)
            if verdict == "swapped":
                beside.swap()
                beside.post_to_end()
            seconds = round(time.monotonic() - begun, 3)
    if verdict == "swapped":
        _prune(work)
    return Replayed(
        beside.generation.number,
        serving.generation,
        beside.events,
        seconds,
        same_folds,
        comparison,
        str(beside.obstacle) if beside.obstacle else None,
        verdict,
    )


def check(replayed: Replayed) -> None:
    """Check that the new generation serves, or was not to.

    Raises:
        ReplayDiffersError, ReplayedReadModelsStoppedError: it is doubtful, so it does not.
    """
    both = {"before": replayed.before, "after": replayed.generation}
    if replayed.verdict == "differs":
        raise ReplayDiffersError(**both)
    if replayed.verdict == "stopped":
        raise ReplayedReadModelsStoppedError(
            **both, read_models=_newly_stopped(replayed.comparison)
        )


def roll_back(database_url: str, *, stop: threading.Event, report: Report) -> RolledBack:
    """Let the generation serve that did before, once its own folds have posted the rest.

    The one that served until then is kept, and not put in place again unless it is asked for.

    Raises:
        NothingServesError, NothingToRollBackToError, ReplayRunningError, GenerationTakenError,
        RollbackFailedError: nothing was changed.
    """
    work = Work(database_url, "rollback", stop, report)
    with alone(work) as control:
        serving = the_serving(control)
        if serving.previous is None:
            raise NothingToRollBackToError(serving.generation)
        with work.session() as session:
            lock = posting(serving.previous)
            if not try_lock(session, lock):
                raise GenerationTakenError(serving.previous, holder(control, lock))
            try:
                beside = Beside(
                    work,
                    session=session,
                    control=control,
                    generation=load(session, serving.previous),
                )
                beside.is_alone = True
                beside.catch_up()
            except CannotGoOnError as error:
                raise RollbackFailedError(serving.previous, error) from error
            beside.swap(rolls_back=True)
    return RolledBack(serving.previous, serving.generation, beside.events)


def is_demanded(connection: Connection[DictRow], definition: Definition) -> bool:
    """Whether a generation of this definition is to be posted: none serves or was left on demand.

    To which one was rolled back is a decision of people: it is not undone by itself.
    """
    row = connection.execute(_SELECT_DEMAND, {"fingerprint": definition.fingerprint}).fetchone()
    return row is not None


def _judge(asked: Replay, comparison: Comparison | None, *, same_folds: bool) -> Verdict:
    """Whether the new generation may serve."""
    if comparison is not None and not asked.accepts:
        if _newly_stopped(comparison):
            return "stopped"
        if same_folds and any(not each.stopped_before for each in comparison.differing):
            return "differs"
    return "swapped" if asked.swaps else "not_asked"


def _newly_stopped(comparison: Comparison | None) -> list[str]:
    return [
        each.read_model
        for each in (comparison.read_models if comparison else ())
        if each.stopped_after and not each.stopped_before
    ]


def _keep(control: Connection[DictRow], generation: int, comparison: Comparison | None) -> None:
    """Keep the comparison's figures with the generation, for `daybook status`."""
    if comparison is not None:
        summary = msgspec.to_builtins(
            {
                "before": comparison.before,
                "position": comparison.position,
                "read_models": len(comparison.read_models),
                "differing": [_summary(each) for each in comparison.differing],
            }
        )
        control.execute(_KEEP_COMPARISON, [Jsonb(summary), generation])


def _summary(each: ReadModelComparison) -> dict[str, object]:
    return {
        "read_model": each.read_model,
        "only_before": each.only_before,
        "only_after": each.only_after,
        "differing": each.differing,
    }


def _prune(work: Work) -> None:
    """Drop what is left, also what readers may be at for some seconds more."""
    with work.session() as session:
        while (seconds := prune(session)) is not None and not work.stop.wait(seconds):
            pass


_KEEP_COMPARISON = "UPDATE daybook.generation SET comparison = %s WHERE number = %s"
_SELECT_DEMAND = """
    SELECT FROM daybook.serving
    INNER JOIN daybook.generation ON generation.number = serving.generation
    WHERE
        generation.fingerprint <> %(fingerprint)s
        AND NOT EXISTS (
            SELECT FROM daybook.generation AS left_behind
            WHERE left_behind.fingerprint = %(fingerprint)s AND left_behind.rolled_back
        )
"""
