"""Compares what the api answers with the truth of a chain, figure by figure."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx


def read_truth(folder: Path) -> dict[str, Any]:
    """The truth of a recording, its expected figures under `expected`."""
    truth: dict[str, Any] = json.loads((folder / "truth.json").read_text())
    truth["expected"] = json.loads((folder / "expected.json").read_text())
    return truth


def read_trades(folder: Path) -> list[dict[str, Any]]:
    """The trades of a recording, in the chain's order."""
    with gzip.open(folder / "trades.ndjson.gz", "rt") as lines:
        return [json.loads(line) for line in lines]


def assert_answers(api: httpx.Client, truth: dict[str, Any]) -> None:
    """Every figure of the truth that the api serves is the one that it answers."""
    for season, expected in truth["seasons"].items():
        _assert_season(api, season, expected)
        _assert_tickets(api, season, expected["tickets"])
        _assert_figures(api, season, truth["expected"].get(season, {}))
    _assert_rollover(api, truth["rollover"])
    _assert_accounts(api, truth["players"])


def _assert_season(api: httpx.Client, season: str, truth: dict[str, Any]) -> None:
    answer = get(api, f"/v1/seasons/{season}")
    found = {
        "name": answer["name"],
        "status": answer["status"],
        "raffleToken": answer["raffle_token"],
        "bondingCurve": answer["curve"],
        "totalParticipants": answer["total_participants"],
        "totalTickets": str(answer["total_tickets"]),
        "totalPrizePool": answer["prize_pool_wei"],
        "winners": answer["winners"],
        "lockSnapshot": answer["snapshot_hash"] or "0x" + "00" * 32,
    }
    assert found == {key: truth[key] for key in found}
    curve = get(api, f"/api/curve/{truth['bondingCurve']}/state")
    found = {
        "totalSupply": str(curve["supply"]),
        "sofReserves": curve["reserves_wei"],
        "accumulatedFees": curve["fees_held_wei"],
    }
    assert found == {key: truth["curve"][key] for key in found}


def _assert_tickets(api: httpx.Client, season: str, truth: dict[str, str]) -> None:
    """Who holds tickets, how many, and in which order: the leaderboard and the holders."""
    held = {player: int(tickets) for player, tickets in truth.items() if int(tickets)}
    rows = list(pages(api, f"/v1/seasons/{season}/leaderboard"))

    assert {row["player"]: int(row["tickets"]) for row in rows} == held
    counts = [int(row["tickets"]) for row in rows]
    assert counts == sorted(counts, reverse=True)
    assert [row["rank"] for row in rows] == [1 + sum(c > n for c in counts) for n in counts]
    holders = get(api, f"/api/raffle/holders/season/{season}?limit=500")
    assert holders["totalHolders"] == len(held)
    assert int(holders["totalTickets"]) == sum(held.values())
    assert [row["user_address"] for row in holders["holders"]] == [r["player"] for r in rows][:500]


def _assert_figures(api: httpx.Client, season: str, truth: dict[str, Any]) -> None:
    for player, figures in truth.items():
        answer = get(api, f"/api/raffle/positions/{player}/{season}")["position"]
        found = {
            "tickets": str(answer["current_tickets"]),
            "bought": str(answer["total_bought"]),
            "sold": str(answer["total_sold"]),
            "sofSpent": answer["total_sof_spent_wei"],
        }
        assert found == {key: figures[key] for key in found}, (season, player)
        assert answer["transaction_count"] == figures["buys"] + figures["sells"]
        assert len(answer["transaction_hashes"]) == answer["transaction_count"]
        rows = get(api, f"/v1/players/{player}/positions")["items"]
        (row,) = (r for r in rows if str(r["season_id"]) == season and r["player"] == player)
        found = {"sofReceived": row["received_wei"], "fees": row["fees_wei"]}
        assert found == {key: figures[key] for key in found}, (season, player)


def _assert_rollover(api: httpx.Client, truth: dict[str, Any]) -> None:
    for season, cohort in truth.items():
        for player, figures in cohort["users"].items():
            rows = get(api, f"/api/rollover/positions?wallet={player}")["positions"]
            (row,) = (r for r in rows if str(r["season_id"]) == season)
            assert row["deposited_wei"] == figures["deposited"]
            assert row["spent_wei"] == figures["spent"]
            assert (int(row["refunded_wei"]) > 0) == figures["refunded"]


def _assert_accounts(api: httpx.Client, truth: dict[str, Any]) -> None:
    for address, player in truth.items():
        if player["kind"] == "sma" and player["owner"]:
            assert address in get(api, f"/v1/players/{player['owner']}")["accounts"]
            assert get(api, f"/v1/players/{address}")["owner"] == player["owner"]


def assert_trades(api: httpx.Client, truth: list[dict[str, Any]]) -> None:
    """The trades of every season are these, all of them, in the chain's order."""
    for season in {trade["seasonId"] for trade in truth}:
        expected = [trade for trade in truth if trade["seasonId"] == season]
        rows = list(pages(api, f"/v1/seasons/{season}/trades"))[::-1]
        assert [_as_recorded(row) for row in rows] == [_figures(trade) for trade in expected]
        answer = get(api, f"/api/raffle/transactions/season/{season}?limit=1")
        assert answer["total"] == len(expected)


def _as_recorded(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "kind": row["kind"],
        "player": row["player"],
        "payer": row["payer"],
        "tickets": str(row["tickets"]),
        "sof": row["sof_wei"],
        "fee": row["fee_wei"],
        "oldTickets": str(row["tickets_before"]),
        "newTickets": str(row["tickets_after"]),
        "totalTickets": str(row["total_tickets"]),
        "probabilityBps": int(row["probability_bps"]),
        "block": row["block_number"],
        "logIndex": row["log_index"],
        "tx": row["tx_hash"],
    }


def _figures(trade: dict[str, Any]) -> dict[str, Any]:
    return {key: trade[key] for key in _as_recorded_keys}


_as_recorded_keys = (
    "kind",
    "player",
    "payer",
    "tickets",
    "sof",
    "fee",
    "oldTickets",
    "newTickets",
    "totalTickets",
    "probabilityBps",
    "block",
    "logIndex",
    "tx",
)


def get(api: httpx.Client, path: str) -> Any:
    """A 200 answer."""
    answer = api.get(path)
    assert answer.status_code == httpx.codes.OK, (path, answer.text)
    return answer.json()


def pages(api: httpx.Client, path: str) -> Iterator[dict[str, Any]]:
    """The rows of all pages of a list."""
    cursor: str | None = ""
    while cursor is not None:
        page = api.get(path, params={"limit": 200} | ({"cursor": cursor} if cursor else {})).json()
        yield from page["items"]
        cursor = page["next"]
