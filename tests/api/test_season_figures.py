"""A season's candles, statistics, participants, snapshot and chances, of a made-up chain."""

import threading
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import jsonschema
import pytest

from projections import project
from projections.generations import install_control
from schema.snapshot import snapshot_hash
from tests.api.reading import read_all
from tests.api.world import World, address_of, open_owner
from tests.projections.curves import Season, fold, made_up_tape
from tests.projections.tape import Indexer

_WIDTHS = {"1m": 60, "5m": 300, "1h": 3_600, "1d": 86_400}


@pytest.fixture
def seasons(database_url: str) -> dict[int, Season]:
    """Made-up seasons, posted; what a naive fold makes of them."""
    with open_owner(database_url) as owner:
        install_control(owner)
    tape = made_up_tape(11, blocks=60, players=14)
    blocks = tape.canonical
    with Indexer(database_url, tape) as indexer:
        indexer.open()
        indexer.backfill(blocks, width=len(blocks), finalized=blocks[-1].number)
    finish = threading.Event()
    finish.set()
    project(database_url, finish=finish, stop=threading.Event(), report=lambda _: None)
    return fold(blocks)


def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


@pytest.mark.slow
def test_candles_come_newest_first_without_the_empty_intervals(
    seasons: dict[int, Season], client: httpx.Client
) -> None:
    """Page by page every interval with trades is there, with its prices, volumes and total."""
    for interval, width in _WIDTHS.items():
        expected = {at: candle for (of, at), candle in seasons[1].candles.items() if of == width}

        rows = read_all(client, "/v1/seasons/1/candles", limit=7, interval=interval)

        assert [_seconds(row["start"]) for row in rows] == sorted(expected, reverse=True)
        for row in rows:
            assert _figures(row) == [*map(int, expected[_seconds(row["start"])])]


def _figures(row: dict[str, Any]) -> list[int]:
    prices = [int(row[f"{which}_wei"]) for which in ("open", "high", "low", "close")]
    volumes = [int(row["volume_tickets"]), int(row["volume_wei"])]
    return [*prices, *volumes, row["trades"], int(row["total_tickets"])]


@pytest.mark.slow
def test_candles_can_be_asked_for_between_two_times(
    seasons: dict[int, Season], client: httpx.Client
) -> None:
    """From the first time on, and before the second; page by page too."""
    starts = sorted(at for width, at in seasons[1].candles if width == 60)
    since, until = starts[2], starts[-2]

    rows = read_all(
        client,
        "/v1/seasons/1/candles",
        limit=5,
        interval="1m",
        since=_iso(since),
        until=_iso(until),
    )

    assert [_seconds(row["start"]) for row in rows] == starts[-3:1:-1]


@pytest.mark.slow
def test_statistics_tell_who_plays_and_who_holds_how_much(
    seasons: dict[int, Season], client: httpx.Client
) -> None:
    """Players, holders, volume, concentration, and when trading began and was last."""
    for number, season in seasons.items():
        told = client.get(f"/v1/seasons/{number}/statistics").json()
        held = sorted(season.tickets.values(), reverse=True)
        days = [candle for (width, _), candle in season.candles.items() if width == 86_400]

        assert told["players"] == len(held)
        assert told["holders"] == len(season.order)
        assert int(told["total_tickets"]) == sum(held)
        assert told["trades"] == len(season.times)
        assert int(told["volume_tickets"]) == sum(candle.tickets for candle in days)
        assert told["herfindahl_bps"] == sum(one**2 for one in held) * 10_000 // sum(held) ** 2
        assert told["top_1_bps"] == held[0] * 10_000 // sum(held)
        assert told["top_10_bps"] == sum(held[:10]) * 10_000 // sum(held)
        assert (told["first_trade_block"], _seconds(told["first_trade_time"])) == season.times[0]
        assert (told["last_trade_block"], _seconds(told["last_trade_time"])) == season.times[-1]


@pytest.mark.slow
def test_participants_and_the_snapshot_stand_in_the_contracts_order(
    seasons: dict[int, Season], client: httpx.Client
) -> None:
    """Page by page, places counted from 0; what the snapshot lists hashes to what was logged."""
    for number, season in seasons.items():
        rows = read_all(client, f"/v1/seasons/{number}/participants", limit=3)
        assert [row["place"] for row in rows] == [*range(len(season.order))]
        assert [row["player"] for row in rows] == season.order
        assert [int(row["tickets"]) for row in rows] == [season.tickets[p] for p in season.order]

    number = next(number for number, season in seasons.items() if season.snapshots)
    said, participants, tickets = seasons[number].snapshots[-1]
    taken = client.get(f"/v1/seasons/{number}/snapshot").json()
    rows = read_all(client, f"/v1/seasons/{number}/snapshot", limit=3)
    assert taken["snapshot_hash"] == said
    assert taken["participants"] == len(rows) == len(participants)
    assert [(row["player"], int(row["tickets"])) for row in rows] == [
        *zip(participants, tickets, strict=True)
    ]
    listed = ([row["player"] for row in rows], [int(row["tickets"]) for row in rows])
    assert snapshot_hash(*listed) == said


@pytest.mark.slow
@pytest.mark.usefixtures("seasons")
def test_answers_are_as_described(client: httpx.Client) -> None:
    """Checked against their JSON schemas, large numbers included."""
    description = client.get("/schema").json()
    chances = "/v1/seasons/{season}/players/{player}/probabilities"
    for path in [chances, *(f"/v1/seasons/{{season}}/{name}" for name in _NAMES)]:
        content = description["paths"][path]["get"]["responses"]["200"]["content"]
        schema = content["application/json"]["schema"] | {"components": description["components"]}

        answer = client.get(path.format(season=1, player=address_of(1)))

        jsonschema.validate(answer.json(parse_float=Decimal), schema)


_NAMES = ("candles", "participants", "snapshot", "statistics")


def test_a_chance_changes_with_what_others_do(world: World, client: httpx.Client) -> None:
    """One point an interval in which anybody traded: own tickets over all, at its end."""
    a, b = address_of(1), address_of(2)
    world.trade(1, a, 5)
    world.trade(1, b, 5)
    _end_interval(world, minute=0, total=10)
    world.trade(1, b, 10)
    _end_interval(world, minute=1, total=20)
    world.trade(1, a, -5)
    world.trade(1, b, -15)
    _end_interval(world, minute=9, total=0)

    path = f"/v1/seasons/1/players/{a}/probabilities"
    rows = read_all(client, path, limit=2, interval="1m")

    assert [_seconds(row["start"]) % 3_600 // 60 for row in rows] == [9, 1, 0]
    assert [(row["tickets"], row["total_tickets"]) for row in rows] == [(0, 0), (5, 20), (5, 10)]
    assert [row["probability_bps"] for row in rows] == [None, 2_500, 5_000]


def _end_interval(world: World, *, minute: int, total: int) -> None:
    prices = dict.fromkeys(("open_wei", "high_wei", "low_wei", "close_wei"), 1)
    world.insert(
        "candle",
        season_key=1,
        interval_seconds=60,
        start=datetime(2026, 1, 1, 0, minute, tzinfo=UTC),
        volume_tickets=1,
        volume_wei=1,
        trades=1,
        total_tickets=total,
        position=world.log_position,
        **prices,
    )


def test_a_wallet_and_its_smart_account_have_one_chance(world: World, client: httpx.Client) -> None:
    """Asked by either address, the tickets of both count."""
    wallet, account = address_of(1), address_of(2)
    world.insert("account", chain_id=31337, account=account, owner=wallet, block_number=1)
    world.trade(1, wallet, 2)
    world.trade(1, account, 3)
    world.trade(1, address_of(3), 5)
    _end_interval(world, minute=0, total=10)

    for one in (wallet, account):
        path = f"/v1/seasons/1/players/{one}/probabilities?interval=1m"
        (row,) = client.get(path).json()["items"]
        assert (row["tickets"], row["probability_bps"]) == (5, 5_000)


@pytest.mark.usefixtures("world")
def test_a_season_without_trades_has_figures_all_the_same(client: httpx.Client) -> None:
    """Nothing is divided by nothing, and lists are empty."""
    told = client.get("/v1/seasons/1/statistics").json()

    assert (told["players"], told["holders"], told["volume_wei"]) == (0, 0, "0")
    assert told["herfindahl_bps"] is told["top_1_bps"] is told["first_trade_time"] is None
    assert client.get("/v1/seasons/1/candles").json()["items"] == []
    assert client.get("/v1/seasons/1/participants").json()["items"] == []


@pytest.mark.usefixtures("world")
def test_a_season_that_was_not_locked_has_no_snapshot(client: httpx.Client) -> None:
    """It is a problem that says what there is instead."""
    answer = client.get("/v1/seasons/1/snapshot")

    assert answer.status_code == httpx.codes.NOT_FOUND
    assert "participants" in answer.json()["detail"]


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("asked", ["interval=2m", "since=yesterday", "cursor=nobody"])
def test_what_no_chart_has_is_refused(client: httpx.Client, asked: str) -> None:
    """Other widths, times that are none, and cursors of other lists."""
    answer = client.get(f"/v1/seasons/1/candles?{asked}")

    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert asked.partition("=")[0] in answer.json()["detail"]
