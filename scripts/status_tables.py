"""The tables that `daybook status` prints."""

from typing import TYPE_CHECKING

from rich.console import Console, JustifyMethod
from rich.markup import escape
from rich.table import Table

from scripts.coverage import summed_up
from scripts.status_read_models import print_read_models

if TYPE_CHECKING:
    from scripts.status import ChainStatus, Status


def print_tables(status: "Status", *, each_contract: bool) -> None:
    """Print chains, contracts and read models; contracts one by one, or by deployment and kind."""
    console = Console()
    console.print(_chain_table(status.chains))
    for chain in status.chains:
        for hole in chain.holes:
            console.print(
                f"[bold red]Hole[/] in chain {chain.name}: no range covers blocks "
                f"{hole.first:,} to {hole.last:,}. The log was changed: daybook verify --log"
            )
        console.print(_contract_table(chain, each_contract=each_contract))
    print_read_models(console, status.read_models)
    for alert in status.alerts:
        console.print(
            f"[bold red]Alert[/] since {alert.since}: {alert.name}, "
            f"{escape(alert.subject)}: {escape(alert.detail)}",
            soft_wrap=True,
        )


def _chain_table(chains: list["ChainStatus"]) -> Table:
    headings = ("chain", "state", "block", "time", "final", "events", "reorgs", "proof")
    table = _table("Chains", headings, left={"chain", "state", "proof"})
    for chain in chains:
        proof = ", ".join(f"{name} {count:,}" for name, count in chain.blocks_by_proof.items())
        table.add_row(
            f"{chain.name} ({chain.chain_id})",
            chain.state,
            _number(chain.block_number),
            chain.block_time or "–",
            _number(chain.finalized),
            f"{chain.events:,}",
            f"{chain.reorganisations:,}",
            proof or "–",
        )
    return table


def _contract_table(chain: "ChainStatus", *, each_contract: bool) -> Table:
    headings = ("deployment", "kind", "contracts", "from", "to", "covered")
    table = _table(
        f"Contracts of {chain.name}", headings, left={"deployment", "kind", "contracts", "covered"}
    )
    for each in chain.coverage if each_contract else summed_up(chain.coverage):
        state = each.state if each.state == "complete" else f"{each.state} {each.percent} %"
        table.add_row(
            each.deployment,
            each.kind,
            each.address or f"{each.contracts:,}",
            _number(each.from_block),
            _number(each.covered_block),
            f"{state}, not configured" if each.configured is False else state,
        )
    return table


def _table(title: str, headings: tuple[str, ...], *, left: set[str]) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in headings:
        justify: JustifyMethod = "left" if heading in left else "right"
        table.add_column(heading, justify=justify, overflow="fold")
    return table


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"
