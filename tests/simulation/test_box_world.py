"""The simulated box raffles: the order of their logs, and worlds of several families."""

import gzip
from collections import Counter
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec
import pytest
from eth_hash.auto import keccak

from schema.events import CODECS
from schema.events.box_raffle import BoxPurchased, RaffleCreated, WinnerSelected
from schema.families import FAMILIES, contracts_of
from schema.settings import load
from scripts.simulate.chain import GeneratedChain, Setting, generate
from scripts.simulate.tape import TapeChain
from tests.simulation.client import simulated
from tests.simulation.reading import Mined, mined

_CURVES, _BOXES = "curve-raffle", "box-raffle"
_DRAWN = {1: "drawn", 2: "cancelled", 3: "drawn", 4: "cancelled", 5: "drawn", 6: "open"}


def _generate(*families: str, reorgs: bool = False) -> GeneratedChain:
    chain = generate(Setting(5, seasons=6, players=12, trades=300, families=families))
    while not chain.is_over:
        chain.advance()
        if reorgs and chain.blocks.head.number % 25 == 0:
            chain.reorg(1 + chain.blocks.head.number % 17)
    return chain


@cache
def _boxes() -> tuple[list[Mined], dict[str, Any]]:
    chain = _generate(_BOXES, reorgs=True)  # what follows holds whatever reorgs there were
    return mined(chain), chain.truth()


def _events(kind: type[Any]) -> list[Any]:
    transactions, _ = _boxes()
    return [event for each in transactions for event in each.events if type(event) is kind]


def test_every_fate_of_a_raffle_is_there() -> None:
    """Given a whole world, then raffles are drawn, cancelled half sold and full, and open."""
    transactions, truth = _boxes()
    names = {name for each in transactions for name in each.names}
    assert names == {e.__name__ for e in CODECS if e.emitted_by == "box_raffle"}
    raffles = truth["boxRaffles"]

    assert {int(number): raffle["status"] for number, raffle in raffles.items()} == _DRAWN
    half, full = raffles["2"], raffles["4"]
    assert full["boxesSold"] == full["totalBoxes"] > 0
    assert half["totalBoxes"] > half["boxesSold"] >= half["totalBoxes"] // 2


def test_a_raffle_is_full_in_the_transaction_of_its_last_box() -> None:
    """Given the transactions, then RaffleFull follows the purchase that fills the raffle."""
    transactions, truth = _boxes()
    full = [each.names for each in transactions if "RaffleFull" in each.names]

    assert all(names[names.index("RaffleFull") - 1] == "BoxPurchased" for names in full)
    filled = [r for r in truth["boxRaffles"].values() if r["boxesSold"] == r["totalBoxes"]]
    assert len(full) == len(filled) == 4


def test_many_boxes_are_bought_in_one_transaction() -> None:
    """Given the transactions, then some hold several purchases, of several players or raffles."""
    transactions, _ = _boxes()
    purchases = [
        [event for event in each.events if isinstance(event, BoxPurchased)] for each in transactions
    ]

    assert any(len(bought) > 1 for bought in purchases)
    assert any(len({event.buyer for event in bought}) > 1 for bought in purchases)
    assert any(len({event.raffle_id for event in bought}) > 1 for bought in purchases)


def test_no_box_is_sold_twice_and_none_beyond_the_last() -> None:
    """Given the purchases on the chain, then they are the grid that the truth has."""
    _, truth = _boxes()
    sold = Counter((event.raffle_id, event.box_number) for event in _events(BoxPurchased))
    grid = {
        (int(raffle), int(number))
        for raffle, kept in truth["boxRaffles"].items()
        for number in kept["boxes"]
    }

    assert sold == Counter(grid)
    boxes = {int(raffle): kept["totalBoxes"] for raffle, kept in truth["boxRaffles"].items()}
    assert all(1 <= number <= boxes[raffle] for raffle, number in sold)


def test_prices_are_what_is_paid_and_may_be_beyond_64_bits() -> None:
    """Given the purchases, then a raffle's first boxes are cheaper, and some are enormous."""
    offered = {event.raffle_id: event.box_price for event in _events(RaffleCreated)}
    paid = [(event.raffle_id, event.price) for event in _events(BoxPurchased)]

    assert any(price < offered[raffle] for raffle, price in paid)
    assert any(price == offered[raffle] for raffle, price in paid)
    assert max(price for _, price in paid) > 2**64


def test_so_many_different_boxes_win_as_were_promised() -> None:
    """Given a drawn raffle, then each of its winners has a box of its own."""
    promised = {event.raffle_id: event.winner_count for event in _events(RaffleCreated)}
    drawn = sorted(_events(WinnerSelected), key=lambda event: event.raffle_id)

    for raffle, winners in groupby(drawn, key=lambda event: event.raffle_id):
        assert len({winner.box_number for winner in winners}) == promised[raffle]


def test_a_mistake_fails_without_a_log() -> None:
    """Given the transactions, then some fail: a box that was sold already."""
    transactions, _ = _boxes()
    failed = [each for each in transactions if not each.succeeded]

    assert failed
    assert all(each.events == [] for each in failed)


def test_both_families_share_blocks_and_neither_changes_the_other() -> None:
    """Given a chain with both, then what its box raffles hold is as if they were alone."""
    both, alone = _generate(_CURVES, _BOXES), _generate(_BOXES)

    assert both.truth()["boxRaffles"].keys() == alone.truth()["boxRaffles"].keys()
    assert both.contracts.keys() > alone.contracts.keys()
    assert both.truth()["seasons"].keys() == _generate(_CURVES).truth()["seasons"].keys()
    hashes = [each.hash for each in mined(both)]
    assert len(set(hashes)) == len(hashes)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_can_be_simulated(family: str) -> None:
    """Given a family, then its world has its contracts, what numbers its things among them."""
    chain = generate(Setting(5, seasons=1, players=3, trades=9, families=[family]))
    configured = contracts_of(FAMILIES[family]).__struct_fields__

    assert FAMILIES[family].numbered_by in chain.contracts
    assert set(chain.contracts) <= set(configured)


def test_one_seed_is_one_world() -> None:
    """Given the same setting twice, then the chains are the same to the last block."""
    chains = [_generate(_CURVES, _BOXES, reorgs=True) for _ in range(2)]

    assert chains[0].blocks.head.hash == chains[1].blocks.head.hash


def test_a_tape_of_box_raffles_shows_who_their_contract_is(tmp_path: Path) -> None:
    """Given a recording without any season, then it is played, and its contract is known."""
    chain = _generate(_BOXES)
    path = tmp_path / "tape.jsonl.gz"
    with gzip.open(path, "wb") as tape:
        for block in chain.blocks:
            line = {
                "block": msgspec.Raw(block.json),
                "receipts": msgspec.Raw(block.receipts_json()),
            }
            tape.write(msgspec.json.encode(line) + b"\n")

    assert TapeChain(path).contracts == chain.contracts


@pytest.mark.slow
def test_a_configuration_names_a_deployment_of_each_family(tmp_path: Path) -> None:
    """Given --family twice, then daybook can read what is written, and calls are answered."""
    path = tmp_path / "daybook.toml"
    families = ("--family", _BOXES, "--family", _CURVES)
    with simulated("--trades", "50", *families, "--write-config", str(path)) as node:
        curves, boxes = load(path, {}).deployment
        truth = node.call("daybook_truth")
        (box_raffle,), (raffle, *_) = boxes.contracts.by_address(), curves.contracts.by_address()
        status = "0x" + keccak(b"isParticipant(uint256,address)").hex()[:8]
        assert "boxRaffles" in truth
        assert "seasons" in truth
        for contract in (box_raffle, raffle):
            assert node.call("eth_getLogs", {"fromBlock": "0x0", "address": contract})
        assert node.error("eth_call", {"to": box_raffle, "data": status}, "latest")["code"] == 3
        assert node.call("eth_call", {"to": "0x" + "99" * 20, "data": status}, "latest") == "0x"
