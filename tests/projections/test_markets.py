"""Prediction markets: the recorded ones are as their contracts say."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from schema.events.markets import Trade
from schema.events.tokens import SofTransfer
from tests.projections.tables import select
from tests.projections.tape import Tape

pytestmark = pytest.mark.slow

_LIQUIDITY_WEI = 100 * 10**18  # what the treasury gives to each market of the recording


@pytest.fixture(scope="session")
def truth(recording: Path) -> dict[str, Any]:
    """By market, what its view functions answer at the last block."""
    markets = json.loads((recording / "truth.json").read_text())["markets"]
    return {market["fpmm"]: market for market in markets}


def test_markets_are_what_their_contracts_say(
    recorded_url: str, tape: Tape, truth: dict[str, Any]
) -> None:
    """Given the tape, then fees are the markets' own, and with their reserves the sums fit too."""
    url = recorded_url
    rows = {row["address"]: row for row in select(url, "SELECT * FROM market")}

    assert set(rows) == set(truth)
    for address, told in truth.items():
        row = rows[address]
        assert (row["season_key"], row["player"]) == (1, told["player"])
        assert row["condition_id"] == told["conditionId"]
        assert row["fees_wei"] == int(told["feesCollected"])
        assert None not in (row["market_type"], row["lp_token"], row["settled_block_number"])
    _assert_reserves_fit(url, truth)
    _assert_directions_fit(url, tape)
    _assert_sums_fit(url, rows)
    _assert_settled(url, truth)
    _assert_steps_fit(url, rows)


def _assert_reserves_fit(url: str, truth: dict[str, Any]) -> None:
    """Undoing all trades leads from today's reserves to the treasury's liquidity.

    An outcome's tokens come from its own reserve and go back to it; the SOF beside the fee goes
    into the other outcome's and comes from there. How the liquidity was split no event says.
    """
    query = """
        SELECT market, outcome,
            sum(CASE kind WHEN 'BUY' THEN amount_out ELSE -amount_in END) AS tokens,
            sum(CASE kind WHEN 'BUY' THEN amount_in - fee_wei ELSE -amount_out - fee_wei END) AS sof
        FROM market_trade GROUP BY market, outcome
    """
    reserves = {at: int(m["yesReserve"]) + int(m["noReserve"]) for at, m in truth.items()}
    for row in select(url, query):
        reserves[row["market"]] += row["tokens"] - row["sof"]
    assert set(reserves.values()) == {_LIQUIDITY_WEI}


def _assert_directions_fit(url: str, tape: Tape) -> None:
    """Every trade is there, and bought where SOF went from the trader to the market."""
    expected = {}
    for block in tape.canonical:
        paid = {
            (event.tx_hash, event.from_address, event.to_address)
            for event in block.events
            if isinstance(event, SofTransfer)
        }
        for event in block.events:
            if isinstance(event, Trade):
                is_buy = (event.tx_hash, event.trader, event.contract) in paid
                kind, outcome = "BUY" if is_buy else "SELL", "YES" if event.buy_yes else "NO"
                amounts = (event.amount_in, event.amount_out)
                expected[block.number, event.log_index] = (event.trader, kind, outcome, *amounts)
    rows = select(url, "SELECT * FROM market_trade")
    assert len(rows) == 67
    assert {
        (row["block_number"], row["log_index"]): tuple(
            row[column] for column in ("trader", "kind", "outcome", "amount_in", "amount_out")
        )
        for row in rows
    } == expected
    assert {kind for _, kind, *_ in expected.values()} == {"BUY", "SELL"}


def _assert_sums_fit(url: str, rows: dict[str, Any]) -> None:
    sums: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for trade in select(url, "SELECT * FROM market_trade"):
        of_market, outcome = sums[trade["market"]], trade["outcome"].lower()
        of_market["trades"] += 1
        of_market["fees_wei"] += trade["fee_wei"]
        if trade["kind"] == "BUY":
            of_market["spent_wei"] += trade["amount_in"]
            of_market[f"{outcome}_bought"] += trade["amount_out"]
        else:
            of_market["received_wei"] += trade["amount_out"]
            of_market[f"{outcome}_sold"] += trade["amount_in"]
    for address, row in rows.items():
        for column in ("trades", "fees_wei", "spent_wei", "received_wei"):
            assert row[column] == sums[address][column]
        for column in ("yes_bought", "yes_sold", "no_bought", "no_sold"):
            assert row[column] == sums[address][column]


def _assert_settled(url: str, truth: dict[str, Any]) -> None:
    """The recording's grand winner had no market: NO won all of them."""
    rows = select(url, "SELECT * FROM market_condition")
    assert {row["condition_id"] for row in rows} == {m["conditionId"] for m in truth.values()}
    for row in rows:
        assert (row["player_won"], [int(part) for part in row["payouts"]]) == (False, [0, 1])
        assert row["question_id"] is not None
        assert row["resolved_block_number"] == 466


def _assert_steps_fit(url: str, rows: dict[str, Any]) -> None:
    """Every market went through three steps, priced once, after a chance that was told."""
    steps = select(url, "SELECT * FROM market_step ORDER BY block_number, log_index")
    by_player = defaultdict(list)
    for step in steps:
        by_player[step["player"]].append((step["kind"], step["status"]))
    created = [("PROBABILITY", None), *(("STATUS", status) for status in (1, 2, 3))]
    assert {at for at, taken in by_player.items() if taken == created} == {
        row["player"] for row in rows.values()
    }
    assert len(by_player) == 12
    chances = {step["player"]: step["probability_bps"] for step in steps if step["status"] is None}
    prices = select(url, "SELECT * FROM market_price")
    assert {price["market"] for price in prices} == set(rows)
    assert all(chances[rows[p["market"]]["player"]] == p["raffle_bps"] for p in prices)
