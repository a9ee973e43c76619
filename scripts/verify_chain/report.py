"""What `daybook verify --chain` prints."""

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from scripts.verify_chain.findings import About, ChainCheck, Difference

_SHOWN_MAX = 50
_EVENTS_SHOWN_MAX = 5


def print_checks(console: Console, checks: Sequence[ChainCheck]) -> None:
    """Say what was compared, show what differs, and what stands behind it."""
    for check in checks:
        verdict = "" if check.differences else "ok: "
        console.print(verdict + _compared(check), highlight=False, soft_wrap=True, markup=False)
        for line in _notes(check):
            console.print(f"  {line}", highlight=False, soft_wrap=True, markup=False)
        if check.differences:
            _print_differences(console, check)


def _compared(check: ChainCheck) -> str:
    calls = sum(check.calls.values())
    endpoints = ", ".join(f"{alias} {count:,}" for alias, count in check.endpoints.items())
    players = f"{check.players:,} of {check.players_in_all:,} positions"
    return (
        f"{check.chain}: generation {check.generation} at block {check.block_number:,} "
        f"({check.block_hash}), position {check.position:,}: {calls:,} contract reads "
        f"({endpoints}), {players}; the raffle's own account of {check.repeated:,} positions; "
        f"{check.snapshots:,} snapshot hashes"
    )


def _notes(check: ChainCheck) -> Iterator[str]:
    if check.players < check.players_in_all:
        yield f"players were chosen by chance: --seed {check.seed} chooses the same ones"
    for left_out in check.not_compared:
        count = f"{left_out.count:,} × " if left_out.count else ""
        yield f"not compared: {count}{left_out.what}: {left_out.reason}"
    for dissent in check.dissents:
        others = ", ".join(dissent.contradicted_by)
        yield (
            f"endpoint {dissent.endpoint} answers {dissent.calls:,} calls otherwise than {others} "
            f"and the read models, as {dissent.call}: {dissent.answer}"
        )


def _print_differences(console: Console, check: ChainCheck) -> None:
    title = f"Differences between read models and chain {check.chain}: {check.differences:,}"
    table = Table(title=title, title_justify="left")
    for heading in ("season", "player", "figure", "read models", "chain", "said by"):
        table.add_column(heading, overflow="fold")
    shown = check.found[:_SHOWN_MAX]
    for (about, *figures), said_by in _merged(shown).items():
        table.add_row(*_named(about), *map(escape, figures), escape("\n".join(said_by)))
    console.print(table)
    if hidden := check.differences - len(shown):
        console.print(f"and {hidden:,} more; --json tells up to a thousand")
    for line in dict.fromkeys(line for each in shown for line in _behind(each)):
        console.print(line, highlight=False, soft_wrap=True, markup=False)


def _merged(differences: Sequence[Difference]) -> dict[tuple[About, str, str, str], list[str]]:
    """Who says so, by what differs: several may say the same."""
    merged: dict[tuple[About, str, str, str], list[str]] = {}
    for each in differences:
        key = (each.about, each.figure, each.served, each.chain)
        merged.setdefault(key, []).append(each.said_by)
    return merged


def _named(about: About) -> tuple[str, str]:
    season = "" if about.season_id is None else f"{about.deployment}:{about.season_id}"
    return season or about.deployment, about.player or ""


def _behind(difference: Difference) -> Iterator[str]:
    """The newest events behind a difference, and the command that tells all of them."""
    season, player = _named(difference.about)
    if difference.events_in_all:
        newest = difference.events[-_EVENTS_SHOWN_MAX:]
        events = ", ".join(
            f"{each.position:,} {each.event} (block {each.block_number:,}, log {each.log_index})"
            for each in newest
        )
        count = f"{difference.events_in_all:,} events, the last at {events}"
        yield f"{season} {player}: {count}"
    if difference.explained_by:
        yield f"  {difference.explained_by}"
