"""Balances and transfers of SOF and raffle tokens, of a recorded chain and of simulated ones."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schema.events.tokens import RaffleTokenTransfer, SofTransfer
from scripts.simulate.chain import Setting, generate
from scripts.simulate.node import Limits, Node
from tests.indexer.indexing import index_to_head, settings_for
from tests.indexer.nodes import node_answer, serving
from tests.projections.tables import select
from tests.projections.tape import Tape

pytestmark = pytest.mark.slow

_ZERO = "0x" + "00" * 20


def _held(url: str) -> dict[tuple[str, str], int]:
    """What is held, by token and holder."""
    rows = select(url, "SELECT * FROM balance")
    return {(row["token"], row["holder"]): int(row["amount"]) for row in rows}


def _raffle_token_balances(truth: dict[str, Any]) -> dict[tuple[str, str], int]:
    return {
        (season["raffleToken"], player): int(amount)
        for season in truth["seasons"].values()
        for player, amount in season["tokenBalances"].items()
    }


def test_balances_are_what_the_tokens_say(recorded_url: str, tape: Tape, recording: Path) -> None:
    """Given the tape, then every balance of SOF and of raffle tokens is the chain's, to the wei."""
    truth = json.loads((recording / "truth.json").read_text())
    (sof,) = (address for address, kind in tape.singletons.items() if kind == "token")
    held = _held(recorded_url)
    expected = {(sof, holder): int(wei) for holder, wei in truth["sofBalances"].items()}
    assert len(expected) == 69
    for at, amount in {**expected, **_raffle_token_balances(truth)}.items():
        assert held.get(at, 0) == amount
    assert held == _plain_fold(tape)
    _assert_transfers_are_found(recorded_url, tape)


def _plain_fold(tape: Tape) -> dict[tuple[str, str], int]:
    held: Counter[tuple[str, str]] = Counter()
    for block in tape.canonical:
        for event in block.events:
            if isinstance(event, SofTransfer | RaffleTokenTransfer):
                held[event.contract, event.to_address] += event.value
                held[event.contract, event.from_address] -= event.value
    return {at: amount for at, amount in held.items() if at[1] != _ZERO}


def _assert_transfers_are_found(url: str, tape: Tape) -> None:
    """As many transfers as the chain has, each by its sender and its recipient."""
    found = select(
        url,
        """
        SELECT moved.contract, moved.from_address, moved.to_address, moved.value
        FROM transfer
        INNER JOIN (
            SELECT * FROM log.sof_transfer
            UNION ALL
            SELECT * FROM log.raffle_token_transfer
        ) AS moved USING (position)
        LEFT JOIN balance AS sent
            ON
                transfer.sender_key
                = hashtextextended(sent.holder, hashtextextended(sent.token, 0))
        LEFT JOIN balance AS received
            ON
                transfer.recipient_key
                = hashtextextended(received.holder, hashtextextended(received.token, 0))
        WHERE
            coalesce(sent.holder, '0x0000000000000000000000000000000000000000')
            = moved.from_address
            AND coalesce(received.holder, '0x0000000000000000000000000000000000000000')
            = moved.to_address
        """,
    )
    transfers = [
        (event.contract, event.from_address, event.to_address, event.value)
        for block in tape.canonical
        for event in block.events
        if isinstance(event, SofTransfer | RaffleTokenTransfer)
    ]
    assert Counter(tuple(row.values()) for row in found) == Counter(transfers)


@pytest.mark.parametrize("seed", [3, 7])
def test_a_simulated_world_is_what_it_knows_of_itself(
    url: str, post: Callable[[], None], seed: int
) -> None:
    """Given a seed's world, then balances, markets and sponsored prizes are those it kept."""
    chain = generate(Setting(seed=seed, seasons=4, players=15, trades=300))
    while not chain.is_over:
        chain.advance()
    with serving(node_answer(Node(chain, limits=Limits(20), calls={}))) as node:
        index_to_head(settings_for(node, chain.contracts), url)
    post()
    truth = chain.truth()

    held = _held(url)
    token = chain.contracts["token"]
    expected = {(token, holder): int(wei) for holder, wei in truth["sofBalances"].items()}
    for at, amount in {**expected, **_raffle_token_balances(truth)}.items():
        assert held.get(at, 0) == amount
    _assert_markets(url, truth)
    _assert_sponsorships(url, truth)


def _assert_markets(url: str, truth: dict[str, Any]) -> None:
    rows = {row["address"]: row for row in select(url, "SELECT * FROM market")}
    expected = {told["fpmm"]: told for told in truth["markets"]}
    assert expected, "nothing to compare"
    assert set(rows) == set(expected)
    for address, told in expected.items():
        row = rows[address]
        assert (row["player"], row["condition_id"]) == (told["player"], told["conditionId"])
        assert row["fees_wei"] == int(told["feesCollected"])
        # In this world each SOF beside the fee becomes a token of both outcomes.
        into = row["spent_wei"] - row["received_wei"] - row["fees_wei"]
        start = 100 * 10**18
        assert start + into - row["yes_bought"] + row["yes_sold"] == int(told["yesReserve"])
        assert start + into - row["no_bought"] + row["no_sold"] == int(told["noReserve"])


def _assert_sponsorships(url: str, truth: dict[str, Any]) -> None:
    rows = select(
        url,
        """
        SELECT sponsorship.*, season.season_id
        FROM sponsorship INNER JOIN season USING (season_key)
        ORDER BY block_number, log_index
        """,
    )
    for number, season in truth["seasons"].items():
        of_season = [row for row in rows if row["season_id"] == int(number)]
        amounts = [str(row["amount"]) for row in of_season if row["kind"] == "ERC20"]
        assert amounts == season["prizes"]["sponsored"]
        token_ids = [row["amount"] for row in of_season if row["kind"] == "ERC721"]
        assert token_ids == season["prizes"]["nfts"]
