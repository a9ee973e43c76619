"""`/v1/seasons/{season}/leaderboard`."""

from itertools import count

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.reading import read_all
from tests.api.world import World, address_of

_seasons = count(1)


def test_ranks_are_1_2_2_4_and_ties_go_to_who_got_there_first(
    world: World, client: httpx.Client
) -> None:
    """Equal tickets share a rank, and the earlier of them stands above."""
    a, b, c, d = map(address_of, range(1, 5))
    # given: b reaches five tickets before c does, though c bought first
    world.trade(1, c, 1)
    world.trade(1, a, 9)
    world.trade(1, b, 5)
    world.trade(1, c, 4)
    world.trade(1, d, 2)
    # when
    holders = client.get("/v1/seasons/1/leaderboard").json()["items"]
    # then
    assert [(h["rank"], h["player"], h["tickets"]) for h in holders] == [
        (1, a, 9),
        (2, b, 5),
        (2, c, 5),
        (4, d, 2),
    ]
    assert [h["probability_bps"] for h in holders] == [4285, 2380, 2380, 952]


def test_who_sold_everything_is_no_holder(world: World, client: httpx.Client) -> None:
    """The last holder selling out leaves an empty board, not an error."""
    world.trade(1, address_of(1), 5)
    world.trade(1, address_of(1), -5)

    page = client.get("/v1/seasons/1/leaderboard").json()

    assert page["items"] == []
    assert page["next"] is None


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(tickets=st.lists(st.integers(1, 4), max_size=9), limit=st.integers(1, 5))
def test_pages_put_together_are_the_whole_board(
    empty_world: World, client: httpx.Client, tickets: list[int], limit: int
) -> None:
    """However it is cut into pages, every holder stands there once, in order, with their rank."""
    # given: a season of its own for each example
    season = next(_seasons)
    empty_world.add_season(season)
    for player, held in enumerate(tickets, 1):
        empty_world.trade(season, address_of(player), held)
    # when
    holders = read_all(client, f"/v1/seasons/{season}/leaderboard", limit=limit)
    # then
    order = sorted(range(len(tickets)), key=lambda at: (-tickets[at], at))
    assert [h["player"] for h in holders] == [address_of(at + 1) for at in order]
    assert [h["rank"] for h in holders] == [
        1 + sum(other > tickets[at] for other in tickets) for at in order
    ]


@pytest.mark.usefixtures("world")
def test_another_ranking_is_refused_by_naming_those_there_are(client: httpx.Client) -> None:
    """`by` is checked before anything is read."""
    answer = client.get("/v1/seasons/1/leaderboard", params={"by": "luck"})

    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert answer.json()["detail"] == (
        "by: players are ranked by tickets, bought, sold, spent, received, net, trades."
    )
