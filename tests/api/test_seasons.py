"""`/v1/seasons`, `/v1/seasons/{season}` and `/v1/status`."""

import httpx

from tests.api.reading import read_all
from tests.api.world import CHAIN_ID, RAFFLE, World, address_of


def test_seasons_come_newest_first(world: World, client: httpx.Client) -> None:
    """In the order of their creation in the log, page by page."""
    world.add_season(2)
    world.add_season(3)

    seasons = read_all(client, "/v1/seasons", limit=1)

    assert [season["season_id"] for season in seasons] == [3, 2, 1]


def test_a_season_tells_its_life(world: World, client: httpx.Client) -> None:
    """With the block and position that the answer reflects."""
    world.update("season", {"season_key": 1}, status=5, winners=[address_of(1)], closed_block=99)

    season = client.get("/v1/seasons/1").json()

    assert (season["status"], season["status_name"]) == (5, "completed")
    assert (season["start_time"], season["end_time"]) == (
        "2026-01-01T00:00:00Z",
        "2026-01-02T00:00:00Z",
    )
    assert (season["raffle"], season["winners"]) == (RAFFLE, [address_of(1)])
    assert season["block"] == {
        "chain_id": CHAIN_ID,
        "number": 100,
        "hash": "0x" + "0b" * 32,
        "finalized": 90,
    }
    assert season["position"] == 0


def test_a_time_that_is_no_date_is_null(world: World, client: httpx.Client) -> None:
    """A season may be told to end at the largest uint256."""
    world.update("season", {"season_key": 1}, end_time=2**256 - 1)

    assert client.get("/v1/seasons/1").json()["end_time"] is None


def test_with_several_deployments_a_season_is_named_with_its_own(
    world: World, client: httpx.Client
) -> None:
    """A bare number could mean either; the refusal lists both."""
    world.add_chain(8453, "base")
    world.add_raffle("other", address_of(0xA1), 8453)
    world.add_season(2, deployment="other", season_id=1, chain_id=8453, name="Other")

    bare = client.get("/v1/seasons/1")

    assert bare.status_code == httpx.codes.BAD_REQUEST
    assert "main:1, other:1" in bare.json()["detail"]
    assert client.get("/v1/seasons/other:1").json()["name"] == "Other"
    assert client.get("/v1/seasons/main:1").json()["name"] == "Season 1"


def test_a_list_over_several_chains_names_the_block_of_each(
    world: World, client: httpx.Client
) -> None:
    """`blocks` has them all; a list of one chain names that one alone."""
    world.add_chain(8453, "base")
    world.add_raffle("other", address_of(0xA1), 8453)
    world.add_season(2, deployment="other", season_id=1, chain_id=8453)

    every = client.get("/v1/seasons").json()
    one = client.get("/v1/seasons/main:1/trades").json()

    assert [block["chain_id"] for block in every["blocks"]] == [8453, CHAIN_ID]
    assert every["block"]["chain_id"] == 8453
    assert one["block"]["chain_id"] == CHAIN_ID
    assert "blocks" not in one


def test_the_status_tells_how_far_the_read_models_are(world: World, client: httpx.Client) -> None:
    """Generation, positions, and the newest block of every chain."""
    world.trade(1, address_of(1), 1)

    status = client.get("/v1/status").json()

    assert (status["generation"], status["position"]) == (world.generation, 1)
    assert (status["log_position"], status["lag"]) == (0, 0)
    (chain,) = status["chains"]
    assert (chain["name"], chain["block_number"], chain["finalized"]) == ("local", 100, 90)


def test_a_stopped_read_model_shows_in_the_status(world: World, client: httpx.Client) -> None:
    """It is served as it stood, and everybody can see why."""
    world.connection.execute(
        "INSERT INTO daybook.stopped_read_model VALUES (1, 'trade', 7, 'paired_trade', 'no pair')"
    )

    (stopped,) = client.get("/v1/status").json()["stopped"]

    assert stopped == {
        "read_model": "trade",
        "position": 7,
        "culprit": "paired_trade",
        "reason": "no pair",
    }
