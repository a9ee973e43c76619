"""The part of `daybook verify` that asks the chains again."""

import secrets
import threading
from collections import Counter

import msgspec
import rich_click as click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from indexer.audit import Discrepancy, audit
from indexer.node import Node
from indexer.sample import Sample
from schema.progress import Report
from schema.settings import ChainSettings, Settings

_KEPT_MAX, _SHOWN_MAX = 1_000, 50


class ChainAudit(msgspec.Struct, frozen=True):
    """What comparing a chain's ranges with its endpoints came to.

    Attributes:
        seed: chooses the same ranges again.
        ranges: by alias of the endpoint, then by how it proved them: how many.
        events: how many events were compared, each once an endpoint.
        differences: how many were found.
        discrepancies: the differences, but no more than a thousand.
    """

    chain: str
    seed: int
    ranges: dict[str, dict[str, int]]
    events: int
    differences: int
    discrepancies: list[Discrepancy]


def parse_sample(text: str, seed: int | None) -> Sample:
    """`20`, `5%` or `all` as a sample, by a seed that nobody could foresee if none is given.

    Raises:
        click.BadParameter: it is none of these.
    """
    seed = secrets.randbelow(1 << 32) if seed is None else seed
    if text == "all":
        return Sample(seed=seed)
    number = text.removesuffix("%")
    is_percentage = number != text
    if not number.isdecimal() or not int(number) or (is_percentage and int(number) > 100):  # noqa: PLR2004
        problem = f"{text} is not a number of ranges, a percentage such as 5%, or all"
        raise click.BadParameter(problem, param_hint="--sample")
    if is_percentage:
        return Sample(percent=int(number), seed=seed)
    return Sample(count=int(number), seed=seed)


def audit_chains(settings: Settings, url: str, sample: Sample, report: Report) -> list[ChainAudit]:
    """Compare a sample of every chain's final ranges with what its endpoints prove."""
    return [_audit(chain, url, sample, report) for chain in settings.chain]


def _audit(chain: ChainSettings, url: str, sample: Sample, report: Report) -> ChainAudit:
    ranges: dict[str, Counter[str]] = {}
    discrepancies: list[Discrepancy] = []
    events = differences = 0
    for audited in audit(Node(chain, threading.Event()), url, sample, report):
        ranges.setdefault(audited.endpoint, Counter())[audited.proof] += 1
        differences += len(audited.discrepancies)
        discrepancies += audited.discrepancies[: _KEPT_MAX - len(discrepancies)]
        events += audited.events
    counted = {alias: dict(proofs) for alias, proofs in ranges.items()}
    return ChainAudit(chain.name, sample.seed, counted, events, differences, discrepancies)


def print_audits(console: Console, audits: list[ChainAudit]) -> None:
    """Say what agreed, and show what did not."""
    for each in audits:
        if not each.differences:
            console.print(f"ok: {_compared(each)}", highlight=False, soft_wrap=True)
            continue
        title = f"Differences between log and chain: {each.differences:,}; {_compared(each)}"
        table = Table(title=title, title_justify="left")
        for heading in ("endpoint", "block", "log", "position", "what", "chain", "log has"):
            table.add_column(heading, overflow="fold")
        for found in each.discrepancies[:_SHOWN_MAX]:
            index = "–" if found.log_index is None else f"{found.log_index}"
            table.add_row(
                found.endpoint,
                f"{found.block_number:,}",
                index,
                f"{found.position:,}",
                found.what,
                escape(found.chain),
                escape(found.log),
            )
        console.print(table)


def _compared(each: ChainAudit) -> str:
    endpoints = ", ".join(
        f"{alias} {count:,} by {proof}"
        for alias, proofs in each.ranges.items()
        for proof, count in proofs.items()
    )
    return f"{each.chain} (seed {each.seed}), ranges: {endpoints}; {each.events:,} events compared"
