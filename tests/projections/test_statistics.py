"""Candles, a season's figures, its participants and snapshots: against folds that share no code."""

import random
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from projections.runner import Runner
from schema.snapshot import snapshot_hash
from tests.projections.curves import Candle, Season, fold, made_up_tape
from tests.projections.tables import read_tables, select
from tests.projections.tape import Block, Indexer

pytestmark = pytest.mark.slow

_FINALITY = 10  # blocks; made-up reorganisations are shallower


def _post(runner: Runner) -> None:
    while runner.post_next():
        pass
    runner.settle()


@pytest.mark.parametrize("seed", range(2))
def test_made_up_seasons_come_to_what_their_events_say(
    url: str, runner: Runner, replay: Callable[[], int], seed: int
) -> None:
    """Given a chain that reorganises, when posted at random moments, then every figure is told."""
    chance = random.Random(seed)
    tape = made_up_tape(seed, blocks=50, players=7)
    with Indexer(url, tape) as indexer:
        indexer.open()
        for block in tape.blocks:
            indexer.follow(block, finality=_FINALITY)
            if chance.random() < 0.5:
                _post(runner)
    _post(runner)

    _assert_told(url, tape.canonical)
    assert read_tables(url, runner.generation.number) == read_tables(url, replay())


@pytest.mark.parametrize("width", [1, 7, 1_000])
def test_final_ranges_of_any_width_come_to_the_same(url: str, runner: Runner, width: int) -> None:
    """Given a final chain, when posted range by range, then every figure is told."""
    tape = made_up_tape(width, blocks=60, players=40)
    blocks = tape.canonical
    with Indexer(url, tape) as indexer:
        indexer.open()
        for at in range(0, len(blocks), width):
            indexer.backfill(blocks[at : at + width], width=width, finalized=blocks[-1].number)
            _post(runner)

    _assert_told(url, blocks)


def _assert_told(url: str, blocks: Iterable[Block]) -> None:
    seasons = fold(blocks)
    assert sum(len(season.snapshots) for season in seasons.values()) > 0
    for number, season in seasons.items():
        assert _candles(url, number) == season.candles
        assert _participants(url, number) == season.order
        assert _snapshots(url, number) == season.snapshots
        assert _figures(url, number) == _expected_figures(season)


def _candles(url: str, number: int) -> dict[tuple[int, int], Candle]:
    rows = select(url, f"SELECT * FROM candle WHERE season_key = {number}")
    return {
        (row["interval_seconds"], int(row["start"].timestamp())): Candle(
            row["open_wei"],
            row["high_wei"],
            row["low_wei"],
            row["close_wei"],
            row["volume_tickets"],
            row["volume_wei"],
            row["trades"],
            row["total_tickets"],
        )
        for row in rows
    }


def _participants(url: str, number: int) -> list[str]:
    rows = select(url, f"SELECT * FROM participant WHERE season_key = {number} ORDER BY place")
    assert [row["place"] for row in rows] == [*range(len(rows))]
    return [row["player"] for row in rows]


def _snapshots(url: str, number: int) -> list[tuple[str, list[str], list[int]]]:
    rows = select(
        url,
        f"SELECT * FROM snapshot WHERE season_key = {number} ORDER BY block_number, log_index",
    )
    return [(row["snapshot_hash"], row["participants"], row["tickets"]) for row in rows]


def _figures(url: str, number: int) -> dict[str, Any]:
    (row,) = select(
        url,
        f"""
        SELECT
            tickets_squared, first_trade_block, first_trade_time, last_trade_block, last_trade_time
        FROM season
        WHERE season_key = {number}
        """,
    )
    return row


def _expected_figures(season: Season) -> dict[str, Any]:
    (first_block, first_time), (last_block, last_time) = season.times[0], season.times[-1]
    return {
        "tickets_squared": sum(tickets**2 for tickets in season.tickets.values()),
        "first_trade_block": first_block,
        "first_trade_time": datetime.fromtimestamp(first_time, UTC),
        "last_trade_block": last_block,
        "last_trade_time": datetime.fromtimestamp(last_time, UTC),
    }


@pytest.mark.usefixtures("runner")
def test_who_leaves_without_standing_in_the_list_is_refused(url: str) -> None:
    """Given a list of one, when another leaves it, then nothing is made of that."""
    with pytest.raises(psycopg.errors.RaiseException, match="without standing in it"):
        select(url, "SELECT places_after(ARRAY[-2], ARRAY[0, NULL], 1)")


def test_the_hash_of_nobody_is_that_of_two_empty_lists() -> None:
    """Given a season that nobody entered, then its hash is the one that the chain says."""
    # keccak256(abi.encode(new address[](0), new uint256[](0)))
    expected = "0xc6df19a9e5cc2e1575f8bc5ee97cc5b352e49114c858bb010d9874784ccd5fc7"

    assert snapshot_hash([], []) == expected
