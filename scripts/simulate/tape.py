"""A recorded chain, played line by line: what a node's head saw, reorgs included."""

import gzip
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from schema.events import CODECS
from scripts.simulate.blocks import Blocks, SealedBlock
from scripts.simulate.deployment import TRANSFER

_CODECS_BY_NAME = {codec.event.__name__: codec for codec in CODECS.values()}
# For each configured contract an event that no other contract emits.
_TELLTALE = {
    "raffle": "SeasonCreated",
    "season_factory": "SeasonContractsDeployed",
    "prize_distributor": "TiersConfigured",
    "rollover_escrow": "CohortOpened",
    "account_factory": "AccountCreated",
    "market_factory": "MarketCreated",
    "market_manager": "FpmmMarketCreated",
    "oracle_adapter": "ConditionPrepared",
    "price_oracle": "WeightsUpdated",
    "box_raffle": "RaffleCreated",
}


class TapeChain:
    """The blocks of a tape up to the line played last.

    Attributes:
        blocks: the canonical ones so far.
        contracts: the singletons, known by what they emit anywhere on the tape.
    """

    def __init__(self, path: Path) -> None:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
            self._lines = [msgspec.json.decode(line) for line in lines]
        self.contracts = _contracts(self._lines)
        self.blocks = Blocks()
        self._played = 0
        self.advance()

    @property
    def is_over(self) -> bool:
        """Whether every line was played."""
        return self._played == len(self._lines)

    def advance(self) -> bool:
        """Play the next line; one whose number is not above its predecessor's replaces."""
        if self.is_over:
            return False
        block = _sealed(self._lines[self._played])
        self._played += 1
        self.blocks.cut(block.number)
        self.blocks.append(block)
        return True


def read_calls(path: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """Recorded `eth_call`s by contract and data; each has a `result` or an `error`."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
        calls = [msgspec.json.decode(line) for line in lines]
    return {(call["to"].lower(), call["data"].lower()): call for call in calls}


def _sealed(line: dict[str, Any]) -> SealedBlock:
    header = line["block"]
    block = SealedBlock(int(header["number"], 16), header["hash"], msgspec.json.encode(header))
    for receipt in line["receipts"]:
        logs = receipt["logs"]
        others = {field: value for field, value in receipt.items() if field != "logs"}
        head = msgspec.json.encode(others)[:-1] + b',"logs":['
        addresses = [sys.intern(log["address"]) for log in logs]
        block.add((receipt["transactionHash"], head), [*map(msgspec.json.encode, logs)], addresses)
    return block


def _contracts(lines: list[dict[str, Any]]) -> dict[str, str]:
    """The singletons that show themselves, by the configuration's keys."""
    emitters: dict[str, str] = {}
    for log in _logs(lines):
        emitters.setdefault(log["topics"][0], log["address"])
    topics = {field: _CODECS_BY_NAME[event].topic0 for field, event in _TELLTALE.items()}
    found = {field: emitters[topic] for field, topic in topics.items() if topic in emitters}
    token = _token(lines)
    if token is None and "box_raffle" not in found:
        raise ValueError("nobody buys anything on this tape")
    return {"token": token, **found} if token else found


def _token(lines: list[dict[str, Any]]) -> str | None:
    """SOF: what the first buyer of tickets pays with, before the raffle token moves."""
    purchased = _CODECS_BY_NAME["TokensPurchased"].topic0
    for line in lines:
        for receipt in line["receipts"]:
            transfers = [log for log in receipt["logs"] if log["topics"][:1] == [TRANSFER]]
            if any(log["topics"][:1] == [purchased] for log in receipt["logs"]):
                return str(transfers[0]["address"])
    return None


def _logs(lines: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for line in lines:
        for receipt in line["receipts"]:
            yield from (log for log in receipt["logs"] if log["topics"])
