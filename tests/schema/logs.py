"""Logs made by hand, as the indexer appends them, for those who examine logs."""

from collections.abc import Sequence

from schema.events import Event, UndecodedLog
from schema.events.curve import TokensPurchased
from schema.events.raffle import SeasonLocked
from schema.log.appendix import Appendix
from schema.log.chain import (
    Chain,
    ChainFact,
    ChainOpened,
    ContractDiscovered,
    ContractsBackfilled,
    OrphanedBlock,
    RangeIndexed,
)
from schema.log.digest import checked, split_row
from schema.log.scan import ScannedRow
from schema.log.store import store_block_events

CONTRACT = "0x" + "22" * 20


def block_hash(number: int, branch: int = 0) -> str:
    """The hash of a block on a branch."""
    return f"0x{branch:02x}{number:062x}"


def event(chain_id: int, block: int, index: int, branch: int = 0) -> Event | UndecodedLog:
    """The log of this index in a block: events of three classes take turns."""
    place = (
        chain_id,
        block,
        block_hash(block, branch),
        1_700_000_000 + block,
        f"0x{block:032x}{index:032x}",
        index // 2,
        index,
        CONTRACT,
    )
    match index % 3:
        case 0:
            return TokensPurchased(*place, "0x" + "11" * 20, 10**18 + index, block + 1, 7)
        case 1:
            return UndecodedLog(*place, (f"0x{index:064x}",), "0xff, : " + 'é\\"\n')
        case _:
            return SeasonLocked(*place, 2**256 - 1 - index)


class LogOfChain:
    """One chain of a log that is made by hand; several may share one list of rows.

    Attributes:
        chain: as the log has it.
        finalized: the last final block that ranges say.
        rows: of the log, all its chains'.
    """

    def __init__(self, rows: list[ScannedRow], chain_id: int = 1, *, ordinal: int = 0) -> None:
        """Open the chain at block 1, with two contracts."""
        self.rows = rows
        self.chain = Chain(chain_id)
        self.finalized = 0
        self._branch = 0
        contracts = [
            ContractDiscovered(chain_id, "raffles", "curve", f"0x{at:040x}", 1) for at in range(2)
        ]
        self.discover([ChainOpened(chain_id, ordinal, "local", 1, block_hash(0)), *contracts])

    def discover(self, facts: Sequence[ChainFact]) -> None:
        """Append facts that are no seals."""
        appendix = Appendix(self.chain)
        appendix.add_facts(facts)
        self._append(appendix)

    def index(self, events_of_blocks: Sequence[int]) -> None:
        """Append a range: of each of its blocks, so many events."""
        appendix = Appendix(self.chain)
        self._add_range(appendix, self.chain.next_block, events_of_blocks)
        self._append(appendix)

    def replace(self, events_of_blocks: Sequence[int]) -> None:
        """Leave the last range, and append another in its place, in one transaction."""
        self._branch += 1
        fork, left = self.chain.tail[-2].number, self.chain.tail[-1]
        orphaned = self.chain.orphan_above(fork)
        assert orphaned.blocks == (OrphanedBlock(left.number, left.hash, 0),)
        appendix = Appendix(self.chain)
        appendix.add_facts([orphaned])
        self._add_range(appendix, fork + 1, events_of_blocks)
        self._append(appendix)

    def backfill(self, events_of_blocks: Sequence[int]) -> None:
        """Append the logs of a late contract in the first blocks."""
        address = "0x" + "99" * 20
        late = ContractDiscovered(self.chain.chain_id, "raffles", "curve", address, 1, late=True)
        appendix = Appendix(self.chain)
        appendix.add_facts([late])
        last = len(events_of_blocks)
        events = self._add_events(appendix, 1, events_of_blocks, first_index=100)
        appendix.seal(
            ContractsBackfilled(
                self.chain.chain_id, 1, last, block_hash(last), 0, events, "", "receipts"
            )
        )
        self._append(appendix)

    def _add_range(self, appendix: Appendix, first: int, events_of_blocks: Sequence[int]) -> None:
        last = first + len(events_of_blocks) - 1
        events = self._add_events(appendix, first, events_of_blocks)
        hash_ = block_hash(last, self._branch)
        chain_id = self.chain.chain_id
        appendix.seal(
            RangeIndexed(chain_id, first, last, hash_, 0, events, "", "bloom", self.finalized)
        )

    def _add_events(
        self,
        appendix: Appendix,
        first: int,
        events_of_blocks: Sequence[int],
        *,
        first_index: int = 0,
    ) -> int:
        assert self.chain.opened is not None
        for number, count in enumerate(events_of_blocks, first):
            indexes = range(first_index, first_index + count)
            events = [event(self.chain.chain_id, number, i, self._branch) for i in indexes]
            ordinal = self.chain.opened.ordinal
            appendix.add_events(checked(store_block_events(events, ordinal=ordinal, attempt=0)))
        return sum(events_of_blocks)

    def _append(self, appendix: Appendix) -> None:
        position = len(self.rows) + 1
        self.rows += [
            ScannedRow(*split_row(row), at) for at, row in enumerate(appendix.rows, position)
        ]
        self.chain.apply(appendix.facts)
