"""A simulated chain read back from the JSON that its node serves."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from indexer.wire import Block, Receipt
from schema.events import ContractKind, Event, UndecodedLog, decode
from schema.events.event import Header
from schema.events.markets import MarketCreated
from schema.events.season_factory import SeasonContractsDeployed
from scripts.simulate.blocks import SealedBlock
from scripts.simulate.chain import GeneratedChain, Setting, generate
from scripts.simulate.node import Chain


class Mined(NamedTuple):
    """A transaction as the chain has it: its events, and whether it succeeded."""

    block: int
    hash: str
    succeeded: bool
    events: list[Event | UndecodedLog]

    @property
    def names(self) -> list[str]:
        """The events' names, those of followed contracts that are described."""
        return [type(event).__name__ for event in self.events if isinstance(event, Event)]


def world(
    *, seed: int = 7, seasons: int = 6, players: int = 40, trades: int = 1500
) -> GeneratedChain:
    """A whole generated chain."""
    chain = generate(Setting(seed, seasons, players, trades))
    while not chain.is_over:
        chain.advance()
    return chain


def header_of(block: SealedBlock) -> Block:
    """The header that the node serves."""
    return msgspec.json.decode(block.json, type=Block)


def receipts_of(block: SealedBlock) -> list[Receipt]:
    """The receipts that the node serves."""
    return msgspec.json.decode(block.receipts_json(), type=list[Receipt])


def mined(chain: Chain) -> list[Mined]:
    """Every transaction of the chain, its logs decoded by the kind of their contract."""
    kinds = _kinds(chain)
    return [
        Mined(
            block.number,
            receipt.transaction_hash,
            receipt.status == "0x1",
            list(_events(receipt, kinds)),
        )
        for block in chain.blocks
        for receipt in receipts_of(block)
    ]


def _events(receipt: Receipt, kinds: dict[str, ContractKind]) -> Iterator[Event | UndecodedLog]:
    for log in receipt.logs:
        place: Header = (0, int(log.block_number, 16), "", 0, "", 0, 0, log.address)
        if log.address in kinds:
            yield decode(kinds[log.address], place, log.topics, log.data)
        else:
            yield UndecodedLog(*place, tuple(log.topics), log.data)


def _kinds(chain: Chain) -> dict[str, ContractKind]:
    """The singletons, and what they announce."""
    kinds: dict[str, ContractKind] = {
        address: field  # type: ignore[misc]  # the configuration's keys are kinds
        for field, address in chain.contracts.items()
    }
    announcers = dict(kinds)
    for block in chain.blocks:
        for receipt in receipts_of(block):
            for event in _events(receipt, announcers):
                if isinstance(event, SeasonContractsDeployed):
                    kinds[event.raffle_token] = "raffle_token"
                    kinds[event.bonding_curve] = "curve"
                elif isinstance(event, MarketCreated):
                    kinds[event.fpmm_address] = "market"
    return kinds
