"""`daybook verify`: whether the log is what was appended, and what the chains say of it."""

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console
from rich.table import Table

from schema.database import connect
from schema.errors import DaybookError
from schema.log.scan import last_position
from schema.log.verify import ChainSummary, Finding, LogSummary, verify_log
from schema.progress import Report
from schema.settings import Settings
from scripts.database import open_database
from scripts.progress import Display

if TYPE_CHECKING:
    from indexer.sample import Sample

_SHOWN_MAX = 50


class DifferenceFoundError(DaybookError):
    """Something is not as it should be; what it is was printed."""

    def __init__(self, count: int) -> None:
        differences = "1 difference" if count == 1 else f"{count:,} differences"
        super().__init__(
            f"{differences} found, and nothing was changed. What was there before, a backup says, "
            "or the chain itself: index it into a fresh database."
        )


class Verification(msgspec.Struct, frozen=True):
    """Everything that `daybook verify --json` tells.

    Attributes:
        ok: whether there is no difference.
        log: what examining the log came to.
        audits: what comparing it with the chains came to; empty if that was not asked for.
    """

    ok: bool
    log: LogSummary
    audits: list[Any]


def verify(settings: Settings, *, sample: "Sample | None", as_json: bool) -> None:
    """Examine the log; given a sample, compare these ranges of it with the chains too.

    Raises:
        DifferenceFoundError: there is a difference.
    """
    with nullcontext() if as_json else Display() as display, open_database(settings) as url:
        report: Report = display.report if display else lambda _: None
        with connect(url, role="daybook_api", application_name="daybook-verify") as session:
            log = verify_log(session, last=last_position(session), report=report)
        audits = []
        if sample is not None:
            from scripts.audit import audit_chains  # noqa: PLC0415  it takes a second to load

            audits = audit_chains(settings, url, sample, report)
    count = log.differences + sum(each.differences for each in audits)
    if as_json:
        print(msgspec.json.encode(Verification(not count, log, audits)).decode())
    else:
        console = Console()
        print_log(console, log)
        if audits:
            from scripts.audit import print_audits  # noqa: PLC0415  as above

            print_audits(console, audits)
    if count:
        raise DifferenceFoundError(count)


def print_log(console: Console, log: LogSummary) -> None:
    """Say what was examined, and show what is wrong with it."""
    for chain in log.chains:
        verdict = "" if log.differences else "ok: "
        console.print(verdict + _examined(chain), highlight=False, soft_wrap=True)
    if log.differences:
        console.print(_table(log))
        hidden = log.differences - min(len(log.findings), _SHOWN_MAX)
        if hidden > 0:
            console.print(f"and {hidden:,} more; --json tells up to a thousand of a kind")
    elif not log.chains:
        console.print("ok: the log is empty")


def _examined(chain: ChainSummary) -> str:
    unsealed = f", facts not sealed yet: {chain.unsealed:,}" if chain.unsealed else ""
    return (
        f"{chain.name} ({chain.chain_id}): {chain.events:,} events, {chain.seals:,} ranges up to "
        f"block {chain.head:,}, digest {chain.digest} at position {chain.position:,}{unsealed}"
    )


def _table(log: LogSummary) -> Table:
    title = f"Differences in {log.rows:,} rows of the log: {log.differences:,}"
    table = Table(title=title, title_justify="left")
    for heading in ("position", "what", "expected", "found"):
        table.add_column(heading, overflow="fold")
    for finding in log.findings[:_SHOWN_MAX]:
        table.add_row(_positions(finding), finding.what, finding.expected, finding.found)
    return table


def _positions(finding: Finding) -> str:
    first, last = f"{finding.position:,}", f"{finding.last:,}"
    return first if first == last else f"{first} to {last}"
