"""A recording played: what is served is what was recorded, reorgs included."""

import gzip
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from scripts.simulate.node import Limits, Node
from scripts.simulate.tape import TapeChain

Line = dict[str, Any]


@pytest.fixture(scope="module")
def lines(recording: Path) -> list[Line]:
    """The tape, line by line."""
    with gzip.open(recording / "tape.jsonl.gz") as tape:
        return [msgspec.json.decode(line) for line in tape]


@pytest.fixture
def chain(recording: Path) -> TapeChain:
    """The tape, about to be played."""
    return TapeChain(recording / "tape.jsonl.gz")


def _play(chain: TapeChain) -> None:
    while not chain.is_over:
        chain.advance()


def _number(line: Line) -> int:
    return int(line["block"]["number"], 16)


def test_a_tape_played_to_the_end_serves_the_last_line_of_each_number(
    chain: TapeChain, lines: list[Line]
) -> None:
    """Given the whole tape, then blocks, receipts and logs are those recorded last."""
    _play(chain)
    canonical = {_number(line): line for line in lines}
    assert [msgspec.json.decode(block.json) for block in chain.blocks] == [
        canonical[number]["block"] for number in sorted(canonical)
    ]
    for block in chain.blocks:
        receipts = canonical[block.number]["receipts"]
        assert msgspec.json.decode(block.receipts_json()) == receipts
        logs = [log for receipt in receipts for log in receipt["logs"]]
        assert [msgspec.json.decode(log) for log in block.logs] == logs


def test_lines_arrive_one_by_one_with_their_reorgs(chain: TapeChain, lines: list[Line]) -> None:
    """Given each line in turn, then the head is its block, also where it goes back."""
    heads = [chain.blocks.head.hash]
    while chain.advance():
        heads.append(chain.blocks.head.hash)
    assert heads == [line["block"]["hash"] for line in lines]
    assert sum(_number(later) <= _number(line) for line, later in pairwise(lines)) == 3


def test_a_tape_shows_who_its_contracts_are(chain: TapeChain, recording: Path) -> None:
    """Given only the logs, then the singletons are found."""
    addresses = msgspec.json.decode((recording / "addresses.json").read_bytes())
    names = {
        "raffle": "Raffle",
        "season_factory": "SeasonFactory",
        "token": "SOFToken",
        "prize_distributor": "Distributor",
        "rollover_escrow": "RolloverEscrow",
        "account_factory": "SmartAccountFactory",
        "market_factory": "InfoFiFactory",
        "market_manager": "FPMMManager",
        "oracle_adapter": "OracleAdapter",
        "price_oracle": "PriceOracle",
    }
    assert chain.contracts == {key: addresses[name] for key, name in names.items()}


def test_a_tape_makes_no_blocks_of_its_own(chain: TapeChain) -> None:
    """Given a tape at its end, then playing on adds nothing."""
    node = Node(chain, limits=Limits(), calls={})
    assert node.answer("daybook_play", [2000]) == b'"0x2f7"'
    assert node.answer("daybook_play", [1]) == b'"0x0"'
