"""Verifies the read models that serve: a replay that cuts the log at random gives the same rows."""

import math
import random
import threading

import msgspec

from projections.beside import Work, alone, posted_anew, the_serving
from projections.compare import Comparison
from projections.errors import CannotGoOnError
from projections.generations import drop, load
from projections.runner import EVENTS_MAX
from schema.progress import Report


class ReadModelsSummary(msgspec.Struct, frozen=True):
    """What verifying the read models came to.

    Attributes:
        seed: cuts the log into the same batches again.
        events: how many were posted again.
        batches: in how many transactions.
        comparison: the generation that serves, and the replay, at one position.
        differences: how many read models are not equal, of those that do not stand still.
    """

    seed: int
    events: int
    batches: int
    comparison: Comparison
    differences: int


def verify_read_models(
    database_url: str, *, seed: int, stop: threading.Event, report: Report
) -> ReadModelsSummary:
    """Post everything again by the same folds, in batches of random sizes, and compare.

    What was posted for it is dropped in the end; the read models that serve are not changed.

    Raises:
        NothingServesError, ReplayRunningError: nothing was begun.
        CannotGoOnError: the read models that serve cannot be posted by their own folds.
    """
    work = Work(database_url, "verify", stop, report)
    chance = random.Random(seed)  # noqa: S311  any sizes will do, if they can be had again
    batches = 0

    def cut() -> int:
        nonlocal batches
        batches += 1
        return round(math.exp(chance.uniform(0, math.log(EVENTS_MAX))))

    with alone(work) as control:
        definition = load(control, the_serving(control).generation).definition
        with posted_anew(work, control, definition, cut=cut) as beside:
            beside.catch_up()
            comparison = beside.compare()
        drop(control, beside.generation.number)
    if comparison is None:
        assert isinstance(beside.obstacle, CannotGoOnError)
        raise beside.obstacle
    differences = sum(not each.stopped_before for each in comparison.differing)
    return ReadModelsSummary(seed, beside.events, batches, comparison, differences)
