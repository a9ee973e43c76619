"""`daybook verify`: whether the log is what was appended, and what the chains say of it."""

import secrets
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
from scripts.verify_read_models import post_again, print_posted_again

if TYPE_CHECKING:
    from indexer.sample import Sample
    from scripts.verify_chain import Sampled

_SHOWN_MAX = 50


class DifferenceFoundError(DaybookError):
    """Something is not as it should be; what it is was printed."""

    def __init__(self, count: int) -> None:
        differences = "1 difference" if count == 1 else f"{count:,} differences"
        super().__init__(
            f"{differences} found, and nothing was changed. What was there before, a backup says, "
            "or the chain itself: index it into a fresh database."
        )


class ReadModelsDifferError(DaybookError):
    """The read models say something else than the chain; what it is was printed."""

    def __init__(self, count: int) -> None:
        differences = "1 difference" if count == 1 else f"{count:,} differences"
        super().__init__(
            f"{differences} between read models and chain, and nothing was changed. `daybook "
            "replay` posts the read models from the log again; whether the log is what the chain "
            "says, `daybook verify --log --against-chain` tells."
        )


class ServedRowsDifferError(DaybookError):
    """The read models that serve are not what the log says; what differs was printed."""

    def __init__(self, count: int) -> None:
        models = "1 read model differs" if count == 1 else f"{count:,} read models differ"
        super().__init__(
            f"{models} from what the log says, and nothing was changed. To let what the log says "
            "serve: daybook replay --accept-differences"
        )


class Verification(msgspec.Struct, frozen=True):
    """Everything that `daybook verify --json` tells; what was not asked for is empty.

    Attributes:
        ok: whether there is no difference.
        log: what examining the log came to.
        audits: what comparing it with the chains came to.
        chains: what comparing the read models with the chains came to.
        read_models: what posting them again came to; null too where none serve yet.
    """

    ok: bool
    log: LogSummary | None
    audits: list[Any]
    chains: list[Any]
    read_models: Any = None


def verify(  # noqa: PLR0913  one for each part
    settings: Settings,
    *,
    log: bool = True,
    sample: "Sample | None" = None,
    players: "Sampled | None" = None,
    batches_seed: int | None = None,
    as_json: bool,
) -> None:
    """Compare what is there with what it was made from; change nothing.

    Args:
        settings: which chains, and where the database is.
        log: whether to examine every row of the log.
        sample: the ranges of the log to compare with the chains; None for none.
        players: those of the read models to compare with the chains; None for no comparison.
        batches_seed: cuts the log at random to post the read models again; None not to.
        as_json: print one JSON object and no progress.

    Raises:
        DifferenceFoundError: the log is not what was appended, or not what the chains say.
        ReadModelsDifferError: the read models are not what the chains say.
        ServedRowsDifferError: they are not what the log says.
    """
    with nullcontext() if as_json else Display() as display, open_database(settings) as url:
        report: Report = display.report if display else lambda _: None
        summary = _examine(url, report) if log else None
        audits, chains = [], []
        if sample is not None:
            from scripts.audit import audit_chains  # noqa: PLC0415  it takes a second to load

            audits = audit_chains(settings, url, sample, report)
        if players is not None:
            from scripts.verify_chain import check_chains  # noqa: PLC0415  as above

            chains = check_chains(settings, url, players, report)
        again = None if batches_seed is None else post_again(url, batches_seed, report)
    in_log = (summary.differences if summary else 0) + sum(each.differences for each in audits)
    in_read_models = sum(each.differences for each in chains)
    if as_json:
        is_ok = not (in_log or in_read_models or (again and again.differences))
        print(msgspec.json.encode(Verification(is_ok, summary, audits, chains, again)).decode())
    else:
        _print(summary, audits, chains)
        if batches_seed is not None:
            print_posted_again(Console(), again)
    if in_log:
        raise DifferenceFoundError(in_log)
    if in_read_models:
        raise ReadModelsDifferError(in_read_models)
    if again and again.differences:
        raise ServedRowsDifferError(again.differences)


def any_seed(seed: int | None) -> int:
    """The seed that is given, or one that nobody could foresee."""
    return secrets.randbelow(1 << 32) if seed is None else seed


def _examine(url: str, report: Report) -> LogSummary:
    with connect(url, role="daybook_api", application_name="daybook-verify") as session:
        return verify_log(session, last=last_position(session), report=report)


def _print(log: LogSummary | None, audits: list[Any], chains: list[Any]) -> None:
    console = Console()
    if log is not None:
        print_log(console, log)
    if audits:
        from scripts.audit import print_audits  # noqa: PLC0415  as above

        print_audits(console, audits)
    if chains:
        from scripts.verify_chain import print_checks  # noqa: PLC0415  as above

        print_checks(console, chains)


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
