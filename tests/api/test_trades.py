"""`/v1/seasons/{season}/trades` and `/v1/players/{address}/trades`."""

from itertools import count

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.reading import read_all
from tests.api.world import SOF, World, address_of

_seasons = count(1)
_property = settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def test_a_trade_shows_what_was_paid_to_the_wei(world: World, client: httpx.Client) -> None:
    """Amounts are exact strings in wei, and numbers in SOF with every digit beside them."""
    world.trade(1, address_of(1), 7, sof_wei=1234567890123456789)

    body = client.get("/v1/seasons/1/trades").text
    (trade,) = client.get("/v1/seasons/1/trades").json()["items"]

    assert trade["sof_wei"] == "1234567890123456789"
    assert '"sof":1.234567890123456789' in body
    assert trade["price_per_ticket_wei"] == str(1234567890123456789 // 7)
    assert (trade["kind"], trade["tickets"]) == ("BUY", 7)
    assert (trade["tickets_before"], trade["tickets_after"]) == (0, 7)
    assert trade["block_time"] == "2026-01-01T00:03:22Z"


def test_numbers_beyond_2_53_are_strings(world: World, client: httpx.Client) -> None:
    """A JavaScript number would change them: the largest uint256 survives."""
    most = 2**256 - 1
    world.trade(1, address_of(1), 2**53, sof_wei=most)
    world.trade(1, address_of(2), 2**53 + 1)

    second, first = client.get("/v1/seasons/1/trades").json()["items"]

    assert first["tickets"] == 2**53
    assert second["tickets"] == str(2**53 + 1)
    assert first["sof_wei"] == str(most)
    assert f'"sof":{most // SOF}.{most % SOF}' in client.get("/v1/seasons/1/trades").text


@_property
@given(
    log_indexes=st.lists(st.integers(0, 3), max_size=10),
    limit=st.integers(1, 4),
)
def test_pages_put_together_are_the_whole_history_while_it_grows(
    empty_world: World, client: httpx.Client, log_indexes: list[int], limit: int
) -> None:
    """Trades that come between two pages shift nothing: newest first, they are before the first."""
    # given: blocks with several trades, some of them alike but for their place
    season = next(_seasons)
    empty_world.add_season(season)
    block_number = empty_world.log_position + 1_000
    for at, log_index in enumerate(log_indexes):
        block_number += log_index == 0
        empty_world.trade(
            season, address_of(1), 1, block_number=block_number, log_index=10 * at + log_index
        )
    known = client.get(f"/v1/seasons/{season}/trades?limit=200").json()["items"]
    newer = count(block_number + 1)
    # when: another trade comes after every page
    items = read_all(
        client,
        f"/v1/seasons/{season}/trades",
        limit=limit,
        between=lambda: empty_world.trade(season, address_of(2), 1, block_number=next(newer)),
    )
    # then
    assert items == known
    assert len(items) == len(log_indexes)


@_property
@given(seasons=st.lists(st.integers(0, 2), max_size=8), limit=st.integers(1, 3))
def test_a_players_pages_run_through_all_seasons_in_the_logs_order(
    empty_world: World, client: httpx.Client, seasons: list[int], limit: int
) -> None:
    """One history, over every season, newest first, whole for any page size."""
    keys = [next(_seasons) for _ in range(3)]
    for key in keys:
        empty_world.add_season(key)
    player = address_of(1_000_000 + keys[0])
    for at in seasons:
        empty_world.trade(keys[at], player, 1)

    trades = read_all(client, f"/v1/players/{player}/trades", limit=limit)

    assert [trade["season_id"] for trade in trades] == [keys[at] for at in reversed(seasons)]
    assert [t["position"] for t in trades] == sorted((t["position"] for t in trades), reverse=True)


def test_a_players_trades_of_one_season(world: World, client: httpx.Client) -> None:
    """`season` leaves the others out."""
    world.add_season(2)
    world.trade(1, address_of(1), 1)
    world.trade(2, address_of(1), 1)

    trades = client.get(f"/v1/players/{address_of(1)}/trades?season=2").json()["items"]

    assert [trade["season_id"] for trade in trades] == [2]


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("cursor", ["x", "AAAA", "ü", "k61zZWFzb24tdHJhZGVzaATD"])
def test_a_broken_cursor_is_refused(client: httpx.Client, cursor: str) -> None:
    """A cursor is passed on as it came, or not at all."""
    answer = client.get("/v1/seasons/1/trades", params={"cursor": cursor})

    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert answer.json()["type"] == "urn:daybook:bad-cursor"


def test_a_cursor_of_another_list_is_refused(world: World, client: httpx.Client) -> None:
    """Lists have keys of their own."""
    world.trade(1, address_of(1), 1)
    world.trade(1, address_of(2), 1)
    cursor = client.get("/v1/seasons/1/leaderboard?limit=1").json()["next"]

    answer = client.get("/v1/seasons/1/trades", params={"cursor": cursor})

    assert answer.json()["type"] == "urn:daybook:bad-cursor"
