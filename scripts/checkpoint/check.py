"""Compares a checkpoint with a log: one's own, or the rows that came with the checkpoint."""

from contextlib import closing
from pathlib import Path

from rich.console import Console

from schema.database import connect
from schema.errors import DaybookError
from schema.log.rowfile import read_rows
from schema.log.verify import ChainSummary, LogSummary, LogVerifier, verify_log
from schema.progress import Progress, Report
from scripts.checkpoint.signed import Checkpoint
from scripts.verify import DifferenceFoundError, print_log

_ROWS_A_REPORT = 20_000


class CheckpointMismatchError(DaybookError):
    """A log is not the one that was signed."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"the log is not the one that was signed: {problem}. It was changed after the "
            "checkpoint was made, or it is a log of its own, cut into other ranges."
        )


def check_database(checkpoint: Checkpoint, url: str, report: Report) -> None:
    """Examine one's own log up to the checkpoint's position, and compare.

    Raises:
        DifferenceFoundError: the log contradicts itself; how, was printed.
        CheckpointMismatchError: it contradicts the checkpoint.
    """
    with closing(
        connect(url, role="daybook_api", application_name="daybook-checkpoint")
    ) as session:
        _compare(checkpoint, verify_log(session, last=checkpoint.position, report=report))


def check_rows(checkpoint: Checkpoint, path: Path, report: Report) -> None:
    """Examine the rows in a file, and compare: without database and node.

    Raises:
        RowFileError: the file is none of rows, or not whole.
        DifferenceFoundError, CheckpointMismatchError: as for one's own log.
    """
    verifier = LogVerifier(is_whole=False)
    total = checkpoint.events + checkpoint.facts
    for row in read_rows(path):
        verifier.take(row)
        if verifier.rows % _ROWS_A_REPORT == 0:
            report(Progress("verify rows", "rows", verifier.rows, total, verifier.rows))
    _compare(checkpoint, verifier.finish())


def _compare(checkpoint: Checkpoint, log: LogSummary) -> None:
    if log.differences:
        print_log(Console(), log)
        raise DifferenceFoundError(log.differences)
    for chain in log.chains:
        if chain.chain_id == checkpoint.chain_id:
            _compare_chain(checkpoint, chain)
            return
    raise CheckpointMismatchError(f"it holds nothing of chain {checkpoint.chain_id}")


def _compare_chain(checkpoint: Checkpoint, chain: ChainSummary) -> None:
    ours = Checkpoint.of(chain, created=checkpoint.created)
    if ours.position < checkpoint.position:
        raise CheckpointMismatchError(
            f"up to position {checkpoint.position} it is sealed only up to {ours.position}; "
            "rows after that are missing"
        )
    differing = [
        f"{field} is {getattr(ours, field)}, signed was {getattr(checkpoint, field)}"
        for field in Checkpoint.__struct_fields__
        if getattr(ours, field) != getattr(checkpoint, field)
    ]
    if differing:
        raise CheckpointMismatchError("; ".join(differing))
