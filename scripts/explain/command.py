"""`daybook explain`: asks, and prints what it hears."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import rich_click as click

from schema.database import connect
from schema.errors import DaybookError
from scripts.database import open_database
from scripts.options import config_option, load_settings

if TYPE_CHECKING:
    from scripts.explain.explanation import Explanation, Step


class DerivedOtherwiseError(DaybookError):
    """The events make other figures than the row has."""

    def __init__(self, explanation: "Explanation") -> None:
        named = ", ".join(
            f"{name} is {found}, the events make {made}"
            for name, (made, found) in explanation.differences.items()
        )
        super().__init__(
            f"{explanation.read_model} {' '.join(explanation.key)}: {named}. Compare all rows with "
            "the log: daybook verify --read-models"
        )


@click.command()
@config_option
@click.argument("read_model", metavar="READ_MODEL", help="Its name: position, trade, season …")
@click.argument(
    "key",
    nargs=-1,
    metavar="KEY…",
    help="What names the row: a season by its number or deployment:number, then the rest.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def explain(config: Path, read_model: str, key: tuple[str, ...], *, as_json: bool) -> None:
    """List the events behind a row of a read model, in the log's order.

    A position is derived from them once more, step by step; exit code 1 if the row says otherwise.

    \b
    daybook explain positions 3 0x637940cafebfb57fb8ed05b5a43884695ba8142a
    daybook explain season secondorder:3
    daybook explain trade 3 270 8
    daybook explain curve 8453 0x5fbdb2315678afecb367f032d93f642f64180aa3 --json
    """  # noqa: D301  the backspace is click's sign not to wrap these lines
    from scripts.explain import explanation as part  # noqa: PLC0415  it takes a second to load

    with open_database(load_settings(config)) as url:
        session = connect(url, role="daybook_api", application_name="daybook-explain")
        with closing(session):
            explained = part.explain(session, read_model, key)
    if as_json:
        print(msgspec.json.encode(explained).decode())
    else:
        _print(explained)
    if explained.differences:
        raise DerivedOtherwiseError(explained)


def _print(explained: "Explanation") -> None:
    print(f"{explained.read_model} {' '.join(explained.key)}, at position {explained.position:,}")
    width = max(map(len, explained.row))
    for name, value in explained.row.items():
        print(f"  {name:{width}}  {value}")
    print(f"events behind it: {len(explained.steps):,}")
    for step in explained.steps:
        print(f"  {_line(step)}")
    if explained.derived is not None:
        verdict = "differ from" if explained.differences else "are those of"
        print(f"figures derived from these events {verdict} the row: {_named(explained.derived)}")


def _line(step: "Step") -> str:
    event = step.event
    place = f"{event.position:>9,}  "
    if event.block_number is not None:
        place += f"block {event.block_number:,} log {event.log_index}  "
    orphaned = "  (orphaned)" if event.orphaned else ""
    tickets = f"  tickets {step.tickets[0]:,} → {step.tickets[1]:,}" if step.tickets else ""
    return f"{place}{event.type}  {_named(event.arguments)}{orphaned}{tickets}"


def _named(values: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in values.items())
