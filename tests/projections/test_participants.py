"""The recorded seasons' participants, snapshots and candles against what the chain itself says."""

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from projections.runner import Runner
from schema.snapshot import snapshot_hash
from tests.projections.tables import select
from tests.projections.tape import Indexer, Tape

pytestmark = pytest.mark.slow

_WIDTHS = (60, 300, 3_600, 86_400)


@pytest.fixture
def posted(url: str, tape: Tape, post: Callable[[], None]) -> str:
    """A database with the whole tape, as its head saw it, posted."""
    with Indexer(url, tape) as indexer:
        indexer.open()
        for block in tape.blocks:
            indexer.follow(block, finality=10)
    post()
    return url


def test_every_snapshot_hash_is_reproduced(posted: str, recording: Path) -> None:
    """Given the whole tape, then participants and tickets hash to what the raffle logged."""
    truth = json.loads((recording / "truth.json").read_text())["seasons"]
    rows = select(posted, "SELECT * FROM snapshot INNER JOIN season USING (season_key)")

    said = {row["season_id"]: row["snapshot_hash"] for row in rows}
    locked = {int(season): told["lockSnapshot"] for season, told in truth.items()}
    assert said == {season: told for season, told in locked.items() if int(told, 16)}
    assert len(said) == 3
    for row in rows:
        tickets = [int(held) for held in row["tickets"]]
        assert snapshot_hash(row["participants"], tickets) == row["snapshot_hash"]


def test_participants_stand_in_the_contracts_order_at_any_block(
    url: str, tape: Tape, runner: Runner, recording: Path
) -> None:
    """Given the log up to a checkpoint, then every list is what the raffle answered there."""
    checkpoints = json.loads((recording / "checkpoints.json").read_text())
    assert len(checkpoints) == 18
    begin = 0
    with Indexer(url, tape) as indexer:
        indexer.open()
        for point in sorted(checkpoints, key=lambda told: int(told["block"])):
            blocks = tape.canonical[begin : point["block"] + 1]
            indexer.backfill(blocks, width=len(blocks), finalized=point["block"])
            begin = point["block"] + 1
            while runner.post_next():
                pass
            assert _lists(url) == {
                int(season): told["participantsInOrder"]
                for season, told in point["seasons"].items()
                if told["participantsInOrder"]
            }


def _lists(url: str) -> dict[int, list[str]]:
    rows = select(url, "SELECT * FROM participant ORDER BY season_key, place")
    lists: dict[int, list[str]] = {}
    for row in rows:
        players = lists.setdefault(row["season_key"], [])
        assert row["place"] == len(players)
        players.append(row["player"])
    return lists


def test_candles_are_those_of_the_recorded_trades(posted: str, recording: Path) -> None:
    """Given the whole tape, then each interval has the prices and volumes of its trades."""
    rows = select(posted, "SELECT * FROM candle")

    assert {_key(row): _figures(row) for row in rows} == dict(_expected_candles(recording))


def _key(row: dict[str, Any]) -> tuple[int, int, int]:
    return row["season_key"], row["interval_seconds"], int(row["start"].timestamp())


def _figures(row: dict[str, Any]) -> list[int]:
    prices = [row[f"{which}_wei"] for which in ("open", "high", "low", "close")]
    return [*prices, row["volume_tickets"], row["volume_wei"], row["trades"], row["total_tickets"]]


def _expected_candles(recording: Path) -> Iterator[tuple[tuple[int, int, int], list[int]]]:
    with gzip.open(recording / "trades.ndjson.gz", "rt") as lines:
        trades = sorted(map(json.loads, lines), key=lambda told: (told["block"], told["logIndex"]))
    for width in _WIDTHS:
        within: dict[tuple[int, int, int], list[dict[str, Any]]] = {}
        for trade in trades:
            key = (trade["seasonId"], width, trade["ts"] // width * width)
            within.setdefault(key, []).append(trade)
        for key, some in within.items():
            prices = [int(trade["sof"]) // int(trade["tickets"]) for trade in some]
            volumes = [sum(int(trade[what]) for trade in some) for what in ("tickets", "sof")]
            total = int(some[-1]["totalTickets"])
            ends = [prices[0], max(prices), min(prices), prices[-1]]
            yield key, [*ends, *volumes, len(some), total]
