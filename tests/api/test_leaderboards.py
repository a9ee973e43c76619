"""`/v1/leaderboards`, and the rankings of a season by every figure."""

import random
from datetime import UTC, date, datetime, time, timedelta

import httpx
import pytest

from tests.api.ranks import FIGURES, Done, ranking, rows
from tests.api.reading import read_all
from tests.api.world import CHAIN_ID, RAFFLE, World, address_of

_SUNDAY = date(2026, 3, 1)
_NEWEST = date(2026, 3, 10)  # a Tuesday
_PLAYERS = 9


def _come_many_players(world: World) -> None:
    """There are more players than ranks are counted for one by one."""
    world.insert("player", player=address_of(0xFFFF), player_id=20_000)


def _play(world: World, seed: int, *, many: bool = True, trades: int = 120) -> list[Done]:
    """Random trades of two deployments' seasons over ten days, with many ties; settled."""
    chance = random.Random(seed)
    world.add_raffle("other", RAFFLE.replace("a0", "a1"))
    world.add_season(2, deployment="other", season_id=1)
    held: dict[tuple[int, str], int] = {}
    done = []
    for at in range(trades):
        season, player = chance.choice((1, 2)), address_of(chance.randint(1, _PLAYERS))
        mine = held.get((season, player), 0)
        tickets = (
            -chance.randint(1, mine)
            if mine and chance.random() < 0.4
            else chance.choice((1, 1, 2, 5, 1_234_567))
        )
        sof_wei = chance.choice((1, 10**18, 10**18 + 1, 123_456 * 10**13, 123_457 * 10**13))
        day = _SUNDAY + timedelta(days=10 * at // trades)
        held[season, player] = mine + tickets
        moment = datetime.combine(day, time(23, 59, 59), UTC)
        world.trade(season, player, tickets, sof_wei=sof_wei, block_time=moment)
        done.append(Done(season, player, tickets, sof_wei, day))
    newest = datetime.combine(_NEWEST, time(0, 0, 1), UTC)
    world.update("chain", {"chain_id": CHAIN_ID}, block_time=newest)
    if many:
        _come_many_players(world)
    world.settle()
    return done


@pytest.mark.parametrize("many", [True, False])
def test_players_are_ranked_over_all_seasons_by_every_figure(
    world: World, client: httpx.Client, *, many: bool
) -> None:
    """Given random trades, when read page by page, then each ranking is the plain one."""
    done = _play(world, 1, many=many)

    for by in FIGURES:
        items = read_all(client, "/v1/leaderboards", limit=4, by=by)
        assert rows(items, by) == ranking(done, by), by


@pytest.mark.parametrize("many", [True, False])
def test_players_of_a_season_are_ranked_by_every_figure(
    world: World, client: httpx.Client, *, many: bool
) -> None:
    """Given random trades, when read page by page, then each ranking is the plain one."""
    done = _play(world, 2, many=many)

    for by in FIGURES:
        items = read_all(client, "/v1/seasons/other:1/leaderboard", limit=3, by=by)
        assert rows(items, by) == ranking([trade for trade in done if trade.season == 2], by), by


def test_windows_are_the_day_and_the_week_of_the_newest_block(
    world: World, client: httpx.Client
) -> None:
    """Given ten days of trades, then only those of its UTC day or week from Monday count."""
    done = _play(world, 5)
    monday = _NEWEST - timedelta(days=1)
    assert {trade.day for trade in done} >= {_NEWEST, monday, monday - timedelta(days=1)}

    for window, start in (("day", _NEWEST), ("week", monday)):
        within = [trade for trade in done if trade.day >= start]
        for by in FIGURES:
            answer = client.get("/v1/leaderboards", params={"by": by, "window": window}).json()
            assert (answer["window"], answer["window_start"]) == (window, start.isoformat())
            assert rows(answer["items"], by) == ranking(within, by), (window, by)
    assert client.get("/v1/leaderboards").json()["window_start"] is None


def test_a_date_asks_for_an_earlier_window(world: World, client: httpx.Client) -> None:
    """Given a date, then the window is the day or week that it is in; a cursor stays in it."""
    done = _play(world, 6)
    sunday = [trade for trade in done if trade.day == _SUNDAY]
    assert len({trade.player for trade in sunday}) > 2

    params: dict[str, str | int] = {"by": "net", "window": "week", "limit": 2}
    first = client.get("/v1/leaderboards", params=params | {"date": "2026-02-25"}).json()
    second = client.get("/v1/leaderboards", params=params | {"cursor": first["next"]}).json()

    assert first["window_start"] == second["window_start"] == "2026-02-23"
    assert rows(first["items"] + second["items"], "net") == ranking(sunday, "net")[:4]


def test_a_board_begins_at_a_player_who_is_asked_for(world: World, client: httpx.Client) -> None:
    """Given a player, by wallet or smart account, then the page begins with their own rank."""
    done = _play(world, 7)
    wallet = address_of(0xAA)
    for path, seasons in (("/v1/leaderboards", {1, 2}), ("/v1/seasons/main:1/leaderboard", {1})):
        for by in FIGURES:
            board = ranking([trade for trade in done if trade.season in seasons], by)
            for at, (_, player, _) in enumerate(board):
                params: dict[str, str | int] = {"by": by, "player": player, "limit": 3}
                page = client.get(path, params=params).json()
                assert rows(page["items"], by) == board[at : at + 3], (path, by, player)
    absent = client.get("/v1/leaderboards", params={"player": wallet}).json()
    world.insert("account", chain_id=CHAIN_ID, account=address_of(3), owner=wallet, block_number=1)
    found = client.get("/v1/leaderboards", params={"player": wallet, "by": "net"}).json()

    assert (absent["items"], absent["next"]) == ([], None)
    assert found["items"][0]["player"] == address_of(3)


def test_ranks_are_right_before_they_are_counted(world: World, client: httpx.Client) -> None:
    """Given a season whose buckets are not there yet, then ranks are those of afterwards."""
    for player, tickets in enumerate((5, 7, 5, 1_000_000), 1):
        world.trade(1, address_of(player), tickets)
    before = client.get("/v1/seasons/1/leaderboard", params={"limit": 3}).json()["items"]
    _come_many_players(world)
    world.settle()
    world.serve()
    after = client.get("/v1/seasons/1/leaderboard", params={"limit": 3}).json()["items"]

    assert [row["rank"] for row in before] == [1, 2, 3]
    assert before == after


@pytest.mark.usefixtures("world")
def test_boards_over_all_seasons_are_refused_until_they_are_made(client: httpx.Client) -> None:
    """Given read models that are catching up, then the answer says so, and where to look."""
    answer = client.get("/v1/leaderboards")

    assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert answer.json()["type"] == "urn:daybook:catching-up"


def test_a_cursor_is_of_one_ranking(world: World, client: httpx.Client) -> None:
    """Given a cursor of another figure, window or board, then it is refused."""
    _play(world, 8)
    cursor = client.get("/v1/leaderboards", params={"limit": 1}).json()["next"]

    for path, other in (
        ("/v1/leaderboards", {"by": "net"}),
        ("/v1/leaderboards", {"window": "week"}),
        ("/v1/seasons/main:1/leaderboard", {}),
    ):
        answer = client.get(path, params={"cursor": cursor, **other})
        assert answer.json()["type"] == "urn:daybook:bad-cursor", (path, other)


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    ("parameter", "value"), [("by", "luck"), ("window", "hour"), ("player", "0x12"), ("date", "x")]
)
def test_a_wrong_parameter_is_named(client: httpx.Client, parameter: str, value: str) -> None:
    """Given a ranking, window, player or date that is none, then the answer names it."""
    answer = client.get("/v1/leaderboards", params={parameter: value})

    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert parameter in answer.json()["detail"]
