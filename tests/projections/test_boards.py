"""Leaderboards: what the folds keep block by block is what filling from scratch makes."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from projections import folds
from projections.runner import Runner
from schema.database import connect
from schema.read_models import generation_schema
from tests.projections.tape import Indexer, Tape

pytestmark = pytest.mark.slow

_DERIVED = ("score", "score_bucket", "position_bucket")
_FINALITY = 10  # blocks; the tape's deepest reorganisation is 6


def _kept_and_refilled(url: str, generation: int) -> tuple[list[Any], list[Any]]:
    """The rows of everything derived, as they are kept, and as they are when filled anew."""
    fills = {fold.read_model: fold.fill for fold in folds.texts()}
    kept, refilled = [], []
    with connect(url, role=None, application_name="test owner") as owner:
        owner.execute(f"SET search_path = {generation_schema(generation)}")
        with owner.transaction(force_rollback=True):
            owner.execute("SELECT set_config('daybook.unit', '', TRUE)")
            for table in _DERIVED:
                kept.append(owner.execute(f"SELECT * FROM {table} ORDER BY {table}").fetchall())
                owner.execute(f"DELETE FROM {table}")
            for table in _DERIVED:
                fill = fills[table]
                assert fill is not None
                owner.execute(fill)
                rows = owner.execute(f"SELECT * FROM {table} ORDER BY {table}").fetchall()
                refilled.append(rows)
    return kept, refilled


def _come_many_players(url: str, generation: int) -> None:
    """From now on there are more players than ranks are counted for one by one."""
    with connect(url, role=None, application_name="test owner") as owner:
        owner.execute(f"SET search_path = {generation_schema(generation)}")
        owner.execute("INSERT INTO player (player, player_id) VALUES ('the last of many', 20000)")


def _reorganisation(tape: Tape, which: int) -> int:
    """Where on the tape the head goes back."""
    steps = zip(tape.blocks, tape.blocks[1:], strict=False)
    return [at for at, (block, after) in enumerate(steps, 1) if after.number <= block.number][which]


@pytest.mark.parametrize("which", range(3))
def test_boards_kept_through_a_reorganisation_are_those_of_the_trades_that_are_left(
    url: str, tape: Tape, runner: Runner, which: int
) -> None:
    """Given a fork soon after counting began, then boards and counts are those refilled."""
    fork = _reorganisation(tape, which)
    restored = 0
    with Indexer(url, tape) as indexer:
        indexer.open()
        for at, block in enumerate(tape.blocks[: fork + 12]):
            indexer.follow(block, finality=_FINALITY)
            if at > fork - 20:
                posted = runner.post_next()
                while posted:
                    restored += posted.restored_to is not None
                    posted = runner.post_next()
            if at == fork - 5:
                _come_many_players(url, runner.generation.number)
            if abs(at - fork) < 2:
                kept, refilled = _kept_and_refilled(url, runner.generation.number)
                assert kept == refilled
    kept, refilled = _kept_and_refilled(url, runner.generation.number)

    assert restored == 1
    assert all(kept)
    assert kept == refilled


def test_boards_do_not_depend_on_how_the_log_was_cut(
    url: str, tape: Tape, runner: Runner, replay: Callable[[], int]
) -> None:
    """Given posting at random moments, then boards and counts are those of a replay."""
    chance = random.Random(4)
    with Indexer(url, tape) as indexer:
        indexer.open()
        for block in tape.blocks[:300]:
            indexer.follow(block, finality=_FINALITY)
            if chance.random() < 0.05:
                while runner.post_next():
                    pass
    while runner.post_next():
        pass
    kept, refilled = _kept_and_refilled(url, runner.generation.number)

    assert kept == refilled == _kept_and_refilled(url, replay())[0]
