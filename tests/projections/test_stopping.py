"""Poison: what a read model cannot take stops it there, visibly, and nobody else."""

from collections.abc import Iterator

import msgspec
import pytest
from psycopg.sql import SQL
from structlog.testing import capture_logs

from projections.errors import ReadModelsStoppedError
from projections.folds import load
from projections.runner import Runner
from projections.stopping import dependents, raise_stopped
from schema.database import connect
from schema.events.curve import PositionUpdate
from schema.events.raffle import SeasonCreated
from tests.projections.tables import read_tables, select
from tests.projections.tape import Block, Indexer, Tape

FEEDS_ON_TRADES = {"trade", "position", "curve", "season"}
STANDS_ALONE = {"chain", "proof", "contract", "account", "player"}


@pytest.fixture
def indexer(url: str, tape: Tape) -> Iterator[Indexer]:
    """The writer of an opened log."""
    with Indexer(url, tape) as writer:
        writer.open()
        yield writer


def _trading(tape: Tape, *, after: int) -> Block:
    return next(
        block
        for block in tape.canonical
        if block.number > after and any(isinstance(e, PositionUpdate) for e in block.events)
    )


def _without_last_update(block: Block) -> Block:
    updates = [event for event in block.events if isinstance(event, PositionUpdate)]
    return block._replace(events=tuple(e for e in block.events if e is not updates[-1]))


def _post_all(runner: Runner) -> None:
    with capture_logs():
        while runner.post_next():
            pass


def _stopped(url: str) -> dict[str, int]:
    rows = select(url, "SELECT read_model, position FROM daybook.stopped_read_model")
    return {row["read_model"]: row["position"] for row in rows}


def test_a_trade_without_its_position_stops_who_feeds_on_trades_only(
    url: str, tape: Tape, indexer: Indexer, runner: Runner
) -> None:
    """Given a purchase without a position update, then the others go on to the log's end."""
    bad = _trading(tape, after=60)
    indexer.backfill(tape.canonical[: bad.number], width=1, finalized=700)
    _post_all(runner)
    before = select(url, "SELECT position FROM daybook.serving")[0]["position"]
    trades = select(url, "SELECT count(*) AS n FROM trade")
    indexer.backfill([_without_last_update(bad)], width=1, finalized=700)
    indexer.backfill(tape.canonical[bad.number + 1 :], width=50, finalized=700)
    _post_all(runner)

    stopped = _stopped(url)
    assert set(stopped) >= FEEDS_ON_TRADES
    assert not set(stopped) & STANDS_ALONE
    assert set(stopped.values()) == {before}
    assert select(url, "SELECT count(*) AS n FROM trade") == trades
    assert select(url, "SELECT block_number FROM chain") == [
        {"block_number": tape.canonical[-1].number}
    ]


def test_what_stopped_is_told_with_the_next_step(
    url: str, tape: Tape, indexer: Indexer, runner: Runner
) -> None:
    """Given stopped read models, then their names, place and culprit are told, and what to do."""
    bad = _trading(tape, after=60)
    blocks = [*tape.canonical[: bad.number], _without_last_update(bad)]
    indexer.backfill(blocks, width=1, finalized=700)
    _post_all(runner)

    with (
        connect(url, role="daybook_projector", application_name="test") as session,
        pytest.raises(ReadModelsStoppedError, match=r"no position update.*daybook replay") as told,
    ):
        raise_stopped(session, runner.generation)
    assert set(told.value.read_models) == set(_stopped(url))
    assert f"block {bad.number}" in str(told.value)


def test_a_fold_that_fails_stops_with_all_that_read_it(
    url: str, tape: Tape, indexer: Indexer, runner: Runner
) -> None:
    """Given a season that is created twice, then the season fold stops, and all that reads it."""
    block, event = next(
        (block, event)
        for block in tape.canonical
        for event in block.events
        if isinstance(event, SeasonCreated)
    )
    where = {"block_number": block.number + 1, "block_hash": "0x" + "ab" * 32}
    repeated = msgspec.structs.replace(event, **where)
    again = block._replace(number=block.number + 1, hash=repeated.block_hash, events=(repeated,))
    indexer.backfill(tape.canonical[: block.number + 1], width=7, finalized=700)
    indexer.backfill([again], width=1, finalized=700)
    _post_all(runner)

    assert set(_stopped(url)) == dependents(load(), "season")
    culprits = select(url, "SELECT DISTINCT culprit FROM daybook.stopped_read_model")
    assert culprits == [{"culprit": "season"}]


def test_an_event_that_no_column_takes_stops_who_reads_its_view(
    url: str, tape: Tape, indexer: Indexer, runner: Runner
) -> None:
    """Given an update at a time beyond any calendar, then nobody else stops."""
    bad = _trading(tape, after=60)
    events = tuple(
        msgspec.structs.replace(event, block_time=2**60)
        if isinstance(event, PositionUpdate)
        else event
        for event in bad.events
    )
    blocks = [*tape.canonical[: bad.number], bad._replace(events=events)]
    indexer.backfill(blocks, width=10, finalized=700)
    _post_all(runner)

    assert set(_stopped(url)) == dependents(load(), "position_update")
    assert not set(_stopped(url)) & {"chain", "account", "contract"}
    assert select(url, "SELECT DISTINCT culprit FROM daybook.stopped_read_model") == [
        {"culprit": "position_update"}
    ]


def test_an_orphaned_poison_event_lets_its_read_models_go_on(
    url: str, tape: Tape, indexer: Indexer, runner: Runner
) -> None:
    """Given a poisoned block that is orphaned, when its sound twin is posted, then none stands."""
    bad = _trading(tape, after=60)
    indexer.backfill(tape.canonical[: bad.number], width=20, finalized=bad.number - 5)
    _post_all(runner)
    poisoned = _without_last_update(bad)._replace(hash="0x" + "cd" * 32)
    events = tuple(
        msgspec.structs.replace(event, block_hash=poisoned.hash) for event in poisoned.events
    )
    indexer.follow(poisoned._replace(events=events), finality=5)
    _post_all(runner)
    assert _stopped(url)
    for block in tape.canonical[bad.number : bad.number + 20]:
        indexer.follow(block, finality=5)
    _post_all(runner)

    assert not _stopped(url)
    assert read_tables(url, 1) == read_tables(url, _replayed(url))


def _replayed(url: str) -> int:
    from projections.generations import create

    with connect(url, role="daybook_projector", application_name="test") as session:
        runner = Runner(session, create(session))
        _post_all(runner)
        return runner.generation.number


def test_the_planner_sees_no_read_model_that_a_fold_does_not_name(
    url: str, tape: Tape, indexer: Indexer, runner: Runner
) -> None:
    """Given every statement of every fold, when planned, then it reads what `reads` says."""
    indexer.backfill(tape.canonical[:1], width=1, finalized=700)
    with connect(url, role="daybook_projector", application_name="test") as session:
        session.execute(SQL("SET search_path = read_1, pg_temp"))
        own = Runner(session, runner.generation)
        for fold in load():
            seen = set()
            for statement in fold.statements:
                row = session.execute(f"EXPLAIN (VERBOSE, FORMAT JSON) {statement.text}").fetchone()
                assert row is not None
                seen |= set(_relations(row["QUERY PLAN"]))
            assert seen - {fold.read_model} <= fold.reads, fold.read_model
        assert own.generation == runner.generation


def _relations(plan: object) -> Iterator[str]:
    if isinstance(plan, list):
        for part in plan:
            yield from _relations(part)
    elif isinstance(plan, dict):
        if plan.get("Schema") == "read_1":
            yield plan["Relation Name"]
        for part in plan.values():
            yield from _relations(part)
