"""`/v1/markets…`, sponsorships, balances and transfers, over the recorded chain."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from schema.events.tokens import RaffleTokenTransfer, SofTransfer
from tests.api.reading import read_all
from tests.projections.tape import Tape

pytestmark = pytest.mark.slow

_TREASURY = "0x90f79bf6eb2c4f870365e785982e1f101e93b906"


def test_markets_sponsors_and_tokens_are_answered(
    recorded_client: httpx.Client, recorded_tape: Tape, recording: Path
) -> None:
    """Given the recorded chain, then every list has what the contracts say, page by page."""
    truth = json.loads((recording / "truth.json").read_text())
    _assert_markets(recorded_client, truth)
    _assert_sponsorships(recorded_client)
    _assert_balances(recorded_client, truth)
    _assert_transfers(recorded_client, recorded_tape)
    _assert_problems(recorded_client)


def _assert_markets(client: httpx.Client, truth: dict[str, Any]) -> None:
    expected = {told["fpmm"]: told for told in truth["markets"]}
    markets = read_all(client, "/v1/markets", limit=3, season="1")
    assert markets == read_all(client, "/v1/markets", limit=200)
    assert {market["address"] for market in markets} == set(expected)
    assert read_all(client, "/v1/markets", limit=3, season="2") == []
    numbers = [market["block_number"] for market in markets]
    assert numbers == sorted(numbers, reverse=True)
    for market in markets:
        assert market["fees_wei"] == expected[market["address"]]["feesCollected"]
        assert (market["status"], market["player_won"], market["payouts"]) == (3, False, [0, 1])
        assert market["hybrid_bps"] is not None
        _assert_market(client, market)


def _assert_market(client: httpx.Client, market: dict[str, Any]) -> None:
    path = f"/v1/markets/{market['address'].upper().replace('0X', '0x')}"
    alone = client.get(path).json()
    assert alone["block"]["number"] == 749
    assert {key: alone[key] for key in market} == market
    trades = read_all(client, f"{path}/trades", limit=2)
    assert len(trades) == market["trades"]
    for kind, total in (("BUY", "spent_wei"), ("SELL", "received_wei")):
        of_kind = [int(trade["sof_wei"]) for trade in trades if trade["kind"] == kind]
        assert sum(of_kind) == int(market[total])
    for trade in trades:
        price_wei = int(trade["sof_wei"]) * 10**18 // int(trade["tokens"])
        assert trade["price_wei"] == str(price_wei)
    (price,) = read_all(client, f"{path}/prices", limit=2)
    assert price["hybrid_bps"] == market["hybrid_bps"]
    steps = read_all(client, "/v1/seasons/1/market-steps", limit=9)
    of_player = [step for step in steps if step["player"] == market["player"]]
    assert [step["status"] for step in of_player] == [3, 2, 1, None]
    assert of_player[-1]["probability_bps"] == price["raffle_bps"]


def _assert_sponsorships(client: httpx.Client) -> None:
    """1,501 of a token with six decimals were given, and taken by three winners."""
    given = read_all(client, "/v1/seasons/1/sponsorships", limit=1)
    assert [row["amount"] for row in given] == ["501000000", "1000000000"]
    for row in given:
        assert (row["kind"], row["tiers"], row["winners"], row["locked"]) == ("ERC20", 2, 3, True)
        assert row["claimed"] == "1501000000"
        assert len(row["claimed_by"]) == 3
    assert read_all(client, "/v1/seasons/2/sponsorships", limit=1) == []


def _assert_balances(client: httpx.Client, truth: dict[str, Any]) -> None:
    for holder, wei in truth["sofBalances"].items():
        balances = read_all(client, f"/v1/players/{holder}/balances", limit=2)
        mine = [row for row in balances if row["holder"] == holder]
        held = {row["season_id"]: row["amount"] for row in mine}
        expected = {
            int(number): amount
            for number, season in truth["seasons"].items()
            if int(amount := season["tokenBalances"].get(holder, "0"))
        }
        assert held == expected | ({None: wei} if int(wei) else {})
        linked = truth["players"].get(holder, {}).get("owner")
        assert {row["holder"] for row in balances} <= {holder, linked} or linked is None


def _assert_transfers(client: httpx.Client, tape: Tape) -> None:
    """Newest first, those of both sides, once each, and of one token."""
    events = [
        event
        for block in tape.canonical
        for event in block.events
        if isinstance(event, SofTransfer | RaffleTokenTransfer)
    ]
    sof = next(event.contract for event in events if isinstance(event, SofTransfer))
    for holder in (_TREASURY, events[-1].to_address, events[-1].from_address):
        balances = read_all(client, f"/v1/players/{holder}/balances", limit=90)
        linked = {row["holder"] for row in balances}
        for token in (None, sof, events[-1].contract):
            path = f"/v1/players/{holder}/transfers"
            listed = (
                read_all(client, path, limit=90, token=token)
                if token
                else read_all(client, path, limit=90)
            )
            assert [_place(row) for row in listed] == [
                (event.block_number, event.log_index, event.contract, str(event.value))
                for event in reversed(events)
                if linked & {event.from_address, event.to_address}
                and token in {None, event.contract}
            ]


def _place(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["block_number"], row["log_index"], row["token"], row["amount"]


def _assert_problems(client: httpx.Client) -> None:
    unknown = client.get(f"/v1/markets/0x{'99' * 20}")
    assert unknown.status_code == httpx.codes.NOT_FOUND
    assert unknown.json()["type"] == "urn:daybook:unknown-market"
    assert client.get("/v1/markets/7").json()["type"] == "urn:daybook:bad-address"
    nobody = f"/v1/players/0x{'99' * 20}"
    assert client.get(f"{nobody}/balances").json()["items"] == []
    assert client.get(f"{nobody}/transfers").json()["items"] == []
    refused = client.get(f"{nobody}/transfers?token=SOF").json()
    assert (refused["type"], refused["detail"][:6]) == ("urn:daybook:bad-address", "token:")
    cursor = client.get("/v1/markets?limit=1").json()["next"]
    strange = client.get(f"{nobody}/transfers", params={"cursor": cursor})
    assert strange.json()["type"] == "urn:daybook:bad-cursor"
