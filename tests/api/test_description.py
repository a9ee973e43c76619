"""`/schema`: the OpenAPI description is of what is answered."""

from decimal import Decimal
from typing import Any

import httpx
import jsonschema
import pytest

from tests.api.world import World, address_of

pytestmark = pytest.mark.slow

_PLAYER = address_of(1)


@pytest.fixture
def description(client: httpx.Client) -> dict[str, Any]:
    """The api's own."""
    answer: dict[str, Any] = client.get("/schema").json()
    return answer


def test_every_path_of_the_design_is_described(description: dict[str, Any]) -> None:
    """All of them by GET alone."""
    assert set(description["paths"]) == {
        "/api/curve/{curve}/state",
        "/api/raffle/holders/season/{season}",
        "/api/raffle/positions/{user}",
        "/api/raffle/positions/{user}/{season}",
        "/api/raffle/transactions/season/{season}",
        "/api/raffle/transactions/{user}/{season}",
        "/api/rollover/positions",
        "/api/seasons",
        "/api/seasons/{season}",
        "/health",
        "/ready",
        "/v1/box-raffles",
        "/v1/box-raffles/{raffle}",
        "/v1/box-raffles/{raffle}/boxes",
        "/v1/box-raffles/{raffle}/participants",
        "/v1/box-raffles/{raffle}/winners",
        "/v1/events",
        "/v1/events/{position}",
        "/v1/leaderboards",
        "/v1/markets",
        "/v1/markets/{market}",
        "/v1/markets/{market}/prices",
        "/v1/markets/{market}/trades",
        "/v1/players/{player}",
        "/v1/players/{player}/balances",
        "/v1/players/{player}/box-raffles",
        "/v1/players/{player}/positions",
        "/v1/players/{player}/trades",
        "/v1/players/{player}/transfers",
        "/v1/seasons",
        "/v1/seasons/{season}",
        "/v1/seasons/{season}/candles",
        "/v1/seasons/{season}/leaderboard",
        "/v1/seasons/{season}/market-steps",
        "/v1/seasons/{season}/participants",
        "/v1/seasons/{season}/players/{player}/probabilities",
        "/v1/seasons/{season}/snapshot",
        "/v1/seasons/{season}/sponsorships",
        "/v1/seasons/{season}/statistics",
        "/v1/seasons/{season}/trades",
        "/v1/sellers/{seller}/box-raffles",
        "/v1/sellers/{seller}/sales",
        "/v1/status",
    }
    assert all(set(operations) == {"get"} for operations in description["paths"].values())


@pytest.mark.parametrize(
    ("described", "path"),
    [
        ("/v1/status", "/v1/status"),
        ("/v1/seasons", "/v1/seasons"),
        ("/v1/seasons/{season}", "/v1/seasons/1"),
        ("/v1/seasons/{season}/leaderboard", "/v1/seasons/1/leaderboard"),
        ("/v1/seasons/{season}/trades", "/v1/seasons/1/trades"),
        ("/v1/leaderboards", "/v1/leaderboards?window=week&date=2026-01-01"),
        ("/v1/players/{player}", f"/v1/players/{_PLAYER}"),
        ("/v1/players/{player}/positions", f"/v1/players/{_PLAYER}/positions"),
        ("/v1/players/{player}/trades", f"/v1/players/{_PLAYER}/trades"),
        ("/api/raffle/transactions/{user}/{season}", f"/api/raffle/transactions/{_PLAYER}/1"),
        ("/api/raffle/positions/{user}/{season}", f"/api/raffle/positions/{_PLAYER}/1"),
        ("/api/raffle/holders/season/{season}", "/api/raffle/holders/season/1"),
        ("/api/curve/{curve}/state", f"/api/curve/{address_of(0xC001)}/state"),
    ],
)
def test_an_answer_is_as_described(
    world: World, client: httpx.Client, description: dict[str, Any], described: str, path: str
) -> None:
    """Checked against its JSON schema, large numbers included."""
    world.trade(1, _PLAYER, 2**60, sof_wei=2**255)
    world.settle()
    content = description["paths"][described]["get"]["responses"]["200"]["content"]
    schema = content["application/json"]["schema"] | {"components": description["components"]}

    answer = client.get(path).json(parse_float=Decimal)

    jsonschema.validate(answer, schema)
