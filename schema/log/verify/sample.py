"""Examines single ranges of a log: the rows that one seal covers, given the seal before it."""

from random import Random
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import DictRow

from schema.log.chain import ContractsBackfilled, RangeIndexed, Seal
from schema.log.mapper import stored_as
from schema.log.scan import ScannedRow, UnreadableRowError, read, scan_chain
from schema.log.store import SCHEMA, TABLE
from schema.log.streams import chain_stream_id
from schema.log.verify.findings import Finding, Findings
from schema.log.verify.holes import Holes
from schema.log.verify.seals import SealVerifier

_SEALS = [stored_as(RangeIndexed), stored_as(ContractsBackfilled)]


class SealedRange(NamedTuple):
    """What a seal of a chain covers.

    Attributes:
        version: of the seal in the chain's stream.
        seal: its row.
        before: the row of the seal before it; None for a chain's first.
    """

    chain_id: int
    version: int
    seal: ScannedRow
    before: ScannedRow | None

    @property
    def after(self) -> int:
        """The position after which it begins."""
        return self.before.position if self.before else 0

    @property
    def positions(self) -> int:
        """How many positions it spans, those of other chains included."""
        return self.seal.position - self.after


def pick_range(
    session: Connection[DictRow], chain_id: int, chosen: int | Random
) -> SealedRange | None:
    """The range sealed at a version of the chain's stream or before it, or one by chance.

    None where there is none.
    """
    stream = chain_stream_id(chain_id)
    if isinstance(chosen, Random):
        newest = session.execute(_SELECT_NEWEST, [stream]).fetchone()
        assert newest is not None
        chosen = chosen.randint(1, max(newest["version"], 1))
    rows = session.execute(_SELECT_SEALS, [stream, chosen, _SEALS]).fetchall()
    seals = [ScannedRow(**row) for row in rows]
    if not seals:
        return None
    return SealedRange(chain_id, seals[0].version, seals[0], seals[1] if len(seals) > 1 else None)


def verify_range(session: Connection[DictRow], sealed: SealedRange) -> list[Finding]:
    """Examine the rows that a seal covers, and the seal; holds none of them."""
    findings = Findings()
    verifier = SealVerifier(findings, Holes())
    if sealed.before is not None:
        try:
            seal = _seal(sealed.before)
        except UnreadableRowError as error:
            findings.add("unreadable", sealed.before.position, expected="a seal", found=str(error))
            return findings.all()
        verifier.begin_after(sealed.before, seal)
    rows = scan_chain(session, sealed.chain_id, after=sealed.after, last=sealed.seal.position)
    for row in rows:
        try:
            event, canonical = read(row)
        except UnreadableRowError as error:
            findings.add("unreadable", row.position, expected="an event", found=str(error))
            continue
        if isinstance(event, Seal):
            verifier.close(row, event)
        else:
            verifier.add(row.position, canonical, is_fact=row.stream == sealed.seal.stream)
    return findings.all()


def _seal(row: ScannedRow) -> Seal:
    event, _ = read(row)
    assert isinstance(event, Seal)
    return event


_SELECT_NEWEST = f"""
    SELECT coalesce(max(originator_version), 0) AS version
    FROM {SCHEMA}.{TABLE}
    WHERE originator_id = %s
"""
# Index: primary key.
_SELECT_SEALS = f"""
    SELECT
        originator_id AS stream,
        originator_version AS version,
        topic,
        state::text::bytea AS state,
        notification_id AS position
    FROM {SCHEMA}.{TABLE}
    WHERE originator_id = %s AND originator_version <= %s AND topic = ANY(%s)
    ORDER BY originator_version DESC
    LIMIT 2
"""
