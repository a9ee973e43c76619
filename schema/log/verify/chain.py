"""Examines one chain's rows: each in its stream, in its version, between its neighbours."""

from uuid import UUID

import msgspec

from schema.events import Event, UndecodedLog
from schema.log.chain import ChainFact, ChainOpened, Seal
from schema.log.scan import ScannedRow
from schema.log.streams import LOG_INDEX_BITS, block_stream_id, chain_ordinal, chain_stream_id
from schema.log.verify.coverage import CoverageVerifier
from schema.log.verify.findings import Findings
from schema.log.verify.holes import Holes
from schema.log.verify.seals import SealVerifier, unsealed

_LOG_INDEX_MASK = (1 << LOG_INDEX_BITS) - 1


class ChainSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What was examined of a chain, up to its last seal.

    Attributes:
        position: of that seal; 0 before the first.
        start_block: the first block.
        head: the last indexed block.
        head_hash: its hash.
        events: how many events are sealed.
        facts: how many facts of the chain's own stream are, seals included.
        seals: how many of them are seals.
        digest: of the last one.
        unsealed: how many facts stand after it, which the next one will cover.
    """

    chain_id: int
    name: str
    position: int
    start_block: int
    head: int
    head_hash: str
    events: int
    facts: int
    seals: int
    digest: str
    unsealed: int


class ChainVerifier:
    """Takes one chain's rows, in the order of the log.

    Attributes:
        stream: id of the stream of the chain's own facts.
        opened: the first of them; None where it is missing.
    """

    def __init__(self, chain_id: int, findings: Findings, holes: Holes) -> None:
        self.stream = chain_stream_id(chain_id)
        self.opened: ChainOpened | None = None
        self._chain_id = chain_id
        self._findings = findings
        self._holes = holes
        self._coverage = CoverageVerifier(findings)
        self._seals = SealVerifier(findings, holes)
        self._places = _Places()
        self._version = self._fact_position = 0
        self._events = self._facts = self._seal_count = 0
        self._new = _Unsealed()

    def take_event(self, row: ScannedRow, event: Event | UndecodedLog, canonical: bytes) -> None:
        """Take the next row of a block's stream."""
        ordinal = self.opened.ordinal if self.opened else chain_ordinal(row.stream)
        if not self._places.holds(row, event, ordinal):
            place = f"log {event.log_index} of block {event.block_number}, {event.block_hash}"
            self._misplaced(row, f"the stream and version of {place}")
        self._check_neighbour(row.position)
        self._new.add(row.position, event.block_number)
        self._seals.add(row.position, canonical, is_fact=False)

    def take_fact(self, row: ScannedRow, fact: ChainFact, canonical: bytes) -> None:
        """Take the next row of the chain's own stream."""
        if row.stream != self.stream or fact.chain_id != self._chain_id:
            self._misplaced(row, f"the stream {self.stream} of chain {self._chain_id}")
        self._check_version(row)
        self._coverage.take(row.position, fact)
        self._new.facts += 1
        if isinstance(fact, ChainOpened):
            self.opened = fact
        if isinstance(fact, Seal):
            self._close(row, fact)
        else:
            self._seals.add(row.position, canonical, is_fact=True)

    def finish(self) -> ChainSummary:
        """Take the log's end."""
        if self._new.events:
            positions = self._seals.stretch.positions
            # Their seal belongs to the position after them.
            unsealed(self._findings, positions[0], positions[-1] + 1)
        return ChainSummary(
            chain_id=self._chain_id,
            name=self.opened.name if self.opened else "?",
            position=self._seals.position,
            start_block=self.opened.start_block if self.opened else 0,
            head=self._coverage.head,
            head_hash=self._coverage.head_hash,
            events=self._events,
            facts=self._facts,
            seals=self._seal_count,
            digest=self._seals.digest,
            unsealed=self._new.facts,
        )

    def _close(self, row: ScannedRow, seal: Seal) -> None:
        self._check_neighbour(row.position)
        new, self._new = self._new, _Unsealed()
        if self._seals.close(row, seal):
            self._check_content(row, seal, new)
        self._events += new.events
        self._facts += new.facts
        self._seal_count += 1

    def _check_content(self, row: ScannedRow, seal: Seal, new: "_Unsealed") -> None:
        """Note a seal over other blocks than it says, which only a faulty writer makes."""
        is_inside = not new.events or seal.first <= new.lowest <= new.highest <= seal.last
        if new.events != seal.events or not is_inside:
            self._findings.add(
                "miscounted",
                row.position,
                expected=f"{seal.events} events of blocks {seal.first} to {seal.last}",
                found=f"{new.events} events of blocks {new.lowest} to {new.highest}",
            )

    def _check_version(self, row: ScannedRow) -> None:
        expected, before = self._version + 1, self._fact_position
        self._version, self._fact_position = max(self._version, row.version), row.position
        if row.version < expected:
            self._misplaced(row, f"version {expected} of the chain's stream")
        elif row.version > expected and not self._holes.between(before, row.position):
            self._findings.add(
                "deleted",
                before + 1,
                last=row.position,
                expected=f"version {expected} of the chain's stream",
                found=f"version {row.version} next",
            )

    def _check_neighbour(self, position: int) -> None:
        """Events and their seal are appended at once: nothing else stands between them."""
        last = self._new.last_event
        if last and position != last + 1 and not self._holes.between(last, position):
            self._findings.add(
                "misplaced",
                last + 1,
                last=position,
                expected=f"chain {self._chain_id}'s events together with what seals them",
                found="rows of another chain between them",
            )

    def _misplaced(self, row: ScannedRow, expected: str) -> None:
        found = f"version {row.version} of stream {row.stream}"
        self._findings.add("misplaced", row.position, expected=expected, found=found)


class _Unsealed:
    """What came since the last seal: how much, and of which blocks."""

    def __init__(self) -> None:
        self.facts = self.events = 0
        self.lowest = self.highest = 0
        self.last_event = 0

    def add(self, position: int, block_number: int) -> None:
        self.lowest = min(self.lowest, block_number) if self.events else block_number
        self.highest = max(self.highest, block_number)
        self.events += 1
        self.last_event = position


class _Places:
    """Where events belong: the stream of their block, which many of them share."""

    def __init__(self) -> None:
        self._block: tuple[object, ...] = ()
        self._stream: UUID | None = None

    def holds(self, row: ScannedRow, event: Event | UndecodedLog, ordinal: int) -> bool:
        """Whether the row stands in the stream and version of its event."""
        block = (event.chain_id, ordinal, event.block_number, event.block_hash)
        if block != self._block:
            self._block = block
            try:
                self._stream = block_stream_id(*block)
            except (ValueError, OverflowError):
                self._stream = None  # no block has such a number or hash
        return row.stream == self._stream and row.version & _LOG_INDEX_MASK == event.log_index
