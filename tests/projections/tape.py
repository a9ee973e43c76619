"""Puts the recorded chain into a log, block by block, as the indexer does."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from indexer.discovery import announced
from schema.events import ContractKind, Event, UndecodedLog, decode
from schema.log.appendix import Appendix
from schema.log.chain import (
    BlocksOrphaned,
    Chain,
    ChainFact,
    ChainOpened,
    ContractDiscovered,
    RangeIndexed,
)
from schema.log.digest import checked
from schema.log.store import LogDatastore, LogRecorder, store_block_events

CHAIN_ID = 31337

_SINGLETONS: dict[str, ContractKind] = {
    "Raffle": "raffle",
    "SeasonFactory": "season_factory",
    "SOFToken": "token",
    "Distributor": "prize_distributor",
    "RolloverEscrow": "rollover_escrow",
    "SmartAccountFactory": "account_factory",
    "InfoFiFactory": "market_factory",
    "FPMMManager": "market_manager",
    "OracleAdapter": "oracle_adapter",
    "PriceOracle": "price_oracle",
}


class Block(NamedTuple):
    """A block as the indexer hands it over."""

    number: int
    hash: str
    parent_hash: str
    time: int
    events: tuple[Event | UndecodedLog, ...]
    announces: tuple[tuple[ContractKind, str], ...]


class Tape(NamedTuple):
    """A chain's blocks in the order in which a node's head saw them, and its singletons."""

    chain_id: int
    blocks: tuple[Block, ...]
    singletons: dict[str, ContractKind]

    @property
    def canonical(self) -> list[Block]:
        """The blocks that are left at the end, by number."""
        return list({block.number: block for block in self.blocks}.values())


def read_tape(recording: Path, chain_id: int = CHAIN_ID) -> Tape:
    """The recording's tape, as if it were of this chain."""
    addresses = json.loads((recording / "addresses.json").read_text())
    singletons = {addresses[name]: kind for name, kind in _SINGLETONS.items()}
    kinds = dict(singletons)
    with gzip.open(recording / "tape.jsonl.gz", "rt") as lines:
        blocks = tuple(read_block(json.loads(line), kinds, chain_id) for line in lines)
    return Tape(chain_id, blocks, singletons)


def read_block(line: dict[str, Any], kinds: dict[str, ContractKind], chain_id: int) -> Block:
    """A block of a recorded chain, as if it were of this one; adds what it announces to `kinds`."""
    header, receipts = line["block"], line["receipts"]
    number, time = int(header["number"], 16), int(header["timestamp"], 16)
    logs = [log for receipt in receipts for log in receipt["logs"]]

    def decoded() -> list[Event | UndecodedLog]:
        return [
            decode(
                kinds[log["address"]],
                (
                    chain_id,
                    number,
                    header["hash"],
                    time,
                    log["transactionHash"],
                    int(log["transactionIndex"], 16),
                    int(log["logIndex"], 16),
                    log["address"],
                ),
                log["topics"],
                log["data"],
            )
            for log in logs
            if log["address"] in kinds
        ]

    # A new contract's first logs stand before its announcement, in the same block.
    announces = tuple(pair for event in decoded() for pair in announced(event))
    kinds.update((address, kind) for kind, address in announces)
    events = tuple(decoded())
    return Block(number, header["hash"], header["parentHash"], time, events, announces)


class Indexer:
    """Writes one chain into the log; use as a context manager.

    Attributes:
        chain: as the log has it.
    """

    def __init__(self, database_url: str, tape: Tape, *, deployment: str = "secondorder") -> None:
        self.chain = Chain(tape.chain_id)
        self._tape = tape
        self._deployment = deployment
        self._datastore = LogDatastore(
            database_url, role="daybook_indexer", application_name="test indexer"
        )
        self._recorder = LogRecorder(self._datastore)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._datastore.close()

    def open(self, *, ordinal: int = 0) -> None:
        """Append the chain's first facts."""
        first = self._tape.blocks[0]
        opened = ChainOpened(self.chain.chain_id, ordinal, "local", first.number, first.parent_hash)
        discovered = [
            self._discovered(kind, address, first.number)
            for address, kind in self._tape.singletons.items()
        ]
        appendix = Appendix(self.chain)
        appendix.add_facts([opened, *discovered])
        self._append(appendix)

    def follow(self, block: Block, *, finality: int) -> None:
        """Append one block as it appears at the head, orphaning what it replaces.

        Args:
            block: the next that the node's head saw.
            finality: how many blocks below the head are final.
        """
        orphaned = None
        if self.chain.head and block.number <= self.chain.head.number:
            orphaned = self.chain.orphan_above(block.number - 1)
        assert (orphaned.fork_hash if orphaned else self.chain.next_parent) == block.parent_hash
        self._append_range([block], finalized=block.number - finality, orphaned=orphaned)

    def leave(self, fork_number: int) -> None:
        """Append that the chain left everything above a block, and nothing of what comes now."""
        appendix = Appendix(self.chain)
        appendix.add_facts([self.chain.orphan_above(fork_number)])
        self._append(appendix)

    def backfill(self, blocks: Sequence[Block], *, width: int, finalized: int) -> None:
        """Append blocks in ranges of a width, each in a transaction."""
        for at in range(0, len(blocks), width):
            self._append_range(blocks[at : at + width], finalized=finalized)

    def _append_range(
        self,
        blocks: Sequence[Block],
        *,
        finalized: int,
        orphaned: BlocksOrphaned | None = None,
    ) -> None:
        facts: list[ChainFact] = [orphaned] if orphaned else []
        facts += [fact for block in blocks for fact in self._newly_announced(block)]
        rows = self._event_rows(blocks, orphaned)
        indexed = RangeIndexed(
            self.chain.chain_id,
            first=blocks[0].number,
            last=blocks[-1].number,
            last_hash=blocks[-1].hash,
            last_time=blocks[-1].time,
            events=len(rows),
            digest="",
            proof="receipts",
            finalized=finalized,
        )
        appendix = Appendix(self.chain)
        appendix.add_facts(facts)
        appendix.add_events(checked(rows))
        appendix.seal(indexed)
        self._append(appendix)

    def _event_rows(self, blocks: Sequence[Block], orphaned: BlocksOrphaned | None) -> list[Any]:
        assert self.chain.opened is not None
        ordinal = self.chain.opened.ordinal
        attempts = {block.hash: block.attempt + 1 for block in orphaned.blocks} if orphaned else {}
        rows: list[Any] = []
        for block in blocks:
            attempt = attempts.get(block.hash, self.chain.attempt(block.hash))
            rows += store_block_events(block.events, ordinal=ordinal, attempt=attempt)
        return rows

    def _append(self, appendix: Appendix) -> None:
        with self._datastore.transaction(commit=True) as cursor:
            self._recorder.append(cursor, appendix.rows)
        self.chain.apply(appendix.facts)

    def _newly_announced(self, block: Block) -> list[ContractDiscovered]:
        return [
            self._discovered(kind, address, block.number)
            for kind, address in dict.fromkeys(block.announces)
            if address not in self.chain.contracts
        ]

    def _discovered(self, kind: ContractKind, address: str, block: int) -> ContractDiscovered:
        return ContractDiscovered(self.chain.chain_id, self._deployment, kind, address, block)
