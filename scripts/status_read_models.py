"""The part of `daybook status` about read models: which generation serves, and what comes next."""

from typing import Any, Literal

import msgspec
from psycopg import Connection
from psycopg.rows import DictRow
from rich.console import Console
from rich.table import Table


class StoppedReadModel(msgspec.Struct, frozen=True):
    """A read model that serves as it stood at `position`, since `culprit` failed after it."""

    read_model: str
    position: int
    culprit: str
    reason: str


class GenerationStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One generation of read models.

    Attributes:
        state: `serving`; `posting`, beside the one that serves; `previous`, kept to go back to; or
            `left`, to be dropped by the next replay.
        is_posted: whether some process posts it now.
        same_folds: whether its tables and folds are those of this version.
        rolled_back: whether somebody went back from it.
        comparison: with the generation that served when it was posted: which read models differed
            in how many rows.
    """

    number: int
    state: Literal["serving", "posting", "previous", "left"]
    is_posted: bool
    position: int
    behind: int
    same_folds: bool
    rolled_back: bool
    comparison: dict[str, Any] | None


class ReadModelStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What the read models reflect; `generation` is None before the first one serves.

    Attributes:
        replay: whether a generation with the folds of this version is to take the place of the
            one that serves: `none` if they are the same; `rolled back` if it did, and somebody
            went back from it.
        stopped: the read models that stand still in the generation that serves.
    """

    generation: int | None
    position: int
    log_position: int
    behind: int
    replay: Literal["none", "demanded", "running", "rolled back"]
    stopped: list[StoppedReadModel]
    generations: list[GenerationStatus]


def read_model_status(session: Connection[DictRow]) -> ReadModelStatus:
    """Ask the control tables."""
    from projections.definition import of_this_code  # noqa: PLC0415  it takes a while to load

    row = session.execute(_SERVING).fetchone()
    assert row is not None
    generations = [
        GenerationStatus(**each)
        for each in session.execute(_GENERATIONS, {"ours": of_this_code().fingerprint})
    ]
    stopped = session.execute(_STOPPED, [row["generation"]]).fetchall()
    return ReadModelStatus(
        **row,
        replay=_replay(generations),
        stopped=[StoppedReadModel(**each) for each in stopped],
        generations=generations,
    )


def _replay(
    generations: list[GenerationStatus],
) -> Literal["none", "demanded", "running", "rolled back"]:
    ours = [each for each in generations if each.same_folds]
    if not generations or any(each.state == "serving" for each in ours):
        return "none"
    if any(each.state == "posting" for each in ours):
        return "running"
    return "rolled back" if any(each.rolled_back for each in ours) else "demanded"


def print_read_models(console: Console, models: ReadModelStatus) -> None:
    """Print what serves, the generations there are, and what to do."""
    console.print(
        f"Read models: generation {models.generation or '–'} at position {models.position:,}"
        f" of {models.log_position:,} ({models.behind:,} behind)"
    )
    if models.generations:
        console.print(_table(models.generations))
    for each in models.stopped:
        console.print(
            f"[bold red]Stopped[/] at position {each.position:,}: {each.read_model}, since "
            f"{each.culprit} failed: {each.reason}",
            soft_wrap=True,
        )
    if models.replay != "none":
        console.print(_ADVICE[models.replay], soft_wrap=True)


_ADVICE = {
    "demanded": "This version's folds are other ones than those that serve: daybook project (or "
    "run) posts a generation of them beside, compares, and swaps. daybook replay does the same.",
    "running": "A generation of this version's folds is being posted; it will be compared with "
    "the one that serves, and swapped.",
    "rolled back": "This version's folds do not serve, since somebody went back from them; that is "
    "not undone by itself. To post them anew and let them serve: daybook replay",
}


def _table(generations: list[GenerationStatus]) -> Table:
    table = Table(title="Generations", title_justify="left")
    table.add_column("generation", justify="right")
    table.add_column("state")
    table.add_column("position", justify="right")
    table.add_column("folds")
    table.add_column("compared", overflow="fold")
    for each in generations:
        notes = [each.state, *(["rolled back from"] if each.rolled_back else [])]
        if each.state == "serving" and not each.is_posted:
            notes.append("nobody posts it")
        table.add_row(
            f"{each.number}",
            ", ".join(notes),
            f"{each.position:,}" if not each.behind else f"{each.position:,} (−{each.behind:,})",
            "this version's" if each.same_folds else "other",
            _compared(each.comparison),
        )
    return table


def _compared(comparison: dict[str, Any] | None) -> str:
    if comparison is None:
        return "–"
    names = [each["read_model"] for each in comparison["differing"]]
    found = f"differs in {', '.join(names)}" if names else "equal"
    return f"with {comparison['before']}: {found}"


_SERVING = """
    SELECT
        serving.generation,
        coalesce(serving.position, 0) AS position,
        log.position AS log_position,
        log.position - coalesce(serving.position, 0) AS behind
    FROM
        (SELECT coalesce(max(notification_id), 0) AS position FROM log.stored_event) AS log
        LEFT JOIN daybook.serving ON true
"""
_GENERATIONS = """
    SELECT
        status.number,
        status.state,
        status.is_posted,
        status.position,
        log.position - status.position AS behind,
        status.fingerprint = %(ours)s AS same_folds,
        status.rolled_back,
        status.comparison
    FROM
        daybook.generation_status AS status,
        (SELECT coalesce(max(notification_id), 0) AS position FROM log.stored_event) AS log
    ORDER BY status.number
"""
_STOPPED = """
    SELECT read_model, position, culprit, reason
    FROM daybook.stopped_read_model
    WHERE generation = %s
    ORDER BY position, read_model
"""
