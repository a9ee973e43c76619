"""Examines a whole log, row by row: every position, and every chain's rows among them."""

from uuid import UUID

import msgspec
from psycopg import Connection
from psycopg.rows import DictRow

from schema.log.chain import ChainFact, ChainOpened
from schema.log.mapper import LogEvent
from schema.log.scan import ScannedRow, UnreadableRowError, read, scan
from schema.log.streams import chain_ordinal, chain_stream_id
from schema.log.verify.chain import ChainSummary, ChainVerifier
from schema.log.verify.findings import Finding, Findings, What
from schema.log.verify.holes import Holes
from schema.progress import Progress, Report

_ROWS_A_REPORT = 20_000  # a few times a second


class LogSummary(msgspec.Struct, frozen=True):
    """What an examination came to.

    Attributes:
        rows: how many were read.
        chains: those of the log, in the order of their first rows.
        differences: how many were found.
        findings: the differences, but no more than a thousand of a kind.
    """

    rows: int
    chains: list[ChainSummary]
    differences: int
    findings: list[Finding]


class LogVerifier:
    """Takes the rows of a log, in order.

    Attributes:
        rows: how many it took.
    """

    def __init__(self, *, is_whole: bool = True) -> None:
        """Begin; `is_whole` unless the rows of other chains were left out."""
        self.rows = 0
        self._is_whole = is_whole
        self._position = 0
        self._findings = Findings()
        self._holes = Holes()
        self._chains: dict[int, ChainVerifier] = {}
        self._by_stream: dict[UUID, ChainVerifier] = {}
        self._by_ordinal: dict[int, ChainVerifier] = {}

    def take(self, row: ScannedRow) -> None:
        """Take the next row."""
        self.rows += 1
        if row.position != self._position + 1:
            self._check_position(row.position)
        self._position = row.position
        try:
            event, canonical = read(row)
        except UnreadableRowError as error:
            self._exclude(row, "unreadable", "an event", str(error))
            return
        chain = self._chain_of(row, event)
        if chain is None:
            self._exclude(row, "inserted", "rows of this log's chains", f"stream {row.stream}")
        elif isinstance(event, ChainFact):
            chain.take_fact(row, event, canonical)
            if isinstance(event, ChainOpened):
                self._by_ordinal.setdefault(event.ordinal, chain)
        else:
            chain.take_event(row, event, canonical)

    def finish(self) -> LogSummary:
        """Take the log's end; what was found."""
        chains = [chain.finish() for chain in self._chains.values()]
        return LogSummary(self.rows, chains, self._findings.count, self._findings.all())

    def _check_position(self, position: int) -> None:
        first, last = self._position + 1, position - 1
        if position <= self._position:
            expected = f"one row at each position, and position {first} next"
            self._findings.add("duplicated", position, expected=expected, found="another row")
        elif self._is_whole:
            missing = "a row" if first == last else f"{last - first + 1} rows"
            self._findings.add("deleted", first, last=last, expected=missing, found="nothing")
            self._holes.add(first, last)

    def _chain_of(self, row: ScannedRow, event: LogEvent) -> ChainVerifier | None:
        """The chain that the row says it belongs to; None if the log has none such."""
        if isinstance(event, ChainFact):
            chain = self._by_stream.get(row.stream)
            if chain is None and row.stream == chain_stream_id(event.chain_id):
                chain = ChainVerifier(event.chain_id, self._findings, self._holes)
                self._by_stream[row.stream] = self._chains[event.chain_id] = chain
        else:
            chain = self._by_ordinal.get(chain_ordinal(row.stream))
        return chain or self._chains.get(event.chain_id)

    def _exclude(self, row: ScannedRow, what: What, expected: str, found: str) -> None:
        """Note a row that belongs to no chain."""
        self._findings.add(what, row.position, expected=expected, found=found)
        self._holes.add(row.position, row.position)


def verify_log(session: Connection[DictRow], *, last: int, report: Report) -> LogSummary:
    """Examine the log up to a position.

    Args:
        session: that may read the log.
        last: the position.
        report: told now and then how many rows are read.
    """
    verifier = LogVerifier()
    for row in scan(session, last=last):
        verifier.take(row)
        if verifier.rows % _ROWS_A_REPORT == 0:
            report(Progress("verify log", "rows", verifier.rows, last, verifier.rows))
    report(Progress("verify log", "rows", verifier.rows, verifier.rows, verifier.rows))
    return verifier.finish()
