"""What a comparison of two generations of read models looks like to people."""

from collections.abc import Iterator, Mapping

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from projections.compare import Comparison, Example, ReadModelComparison

_LARGEST_MAX = 5
_HEX_SHOWN = 8  # digits of a digest, here; --json has them all


def print_comparison(console: Console, comparison: Comparison) -> None:
    """Print a row for each read model, and of those that differ, how."""
    console.print(_table(comparison))
    for each in comparison.differing:
        for line in _details(each):
            console.print(f"{each.read_model}  {line}", highlight=False, soft_wrap=True)


def _table(comparison: Comparison) -> Table:
    title = (
        f"Generations {comparison.before} (serving) and {comparison.after} (replayed) at position "
        f"{comparison.position:,}: {len(comparison.differing)} of {len(comparison.read_models)} "
        "read models differ. Rows:"
    )
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("read model", no_wrap=True)
    for heading in ("before", "after", "gone", "new", "changed"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("digest", no_wrap=True)
    for each in comparison.read_models:
        table.add_row(
            each.read_model,
            _number(each.rows_before),
            _number(each.rows_after),
            *(f"{count:,}" for count in (each.only_before, each.only_after, each.differing)),
            _verdict(each),
        )
    return table


def _verdict(each: ReadModelComparison) -> str:
    before, after = (
        (value or "–")[:_HEX_SHOWN] for value in (each.digest_before, each.digest_after)
    )
    stopped = " (stopped)" if each.stopped_before or each.stopped_after else ""
    if each.is_equal:
        return f"{before} equal{stopped}"
    return f"[bold red]{before} → {after}[/]{stopped}"


def _details(each: ReadModelComparison) -> Iterator[str]:
    if each.rows_before is None:
        yield "is new"
    if each.rows_after is None:
        yield "is gone"
    for name, columns in (("before", each.columns_before), ("after", each.columns_after)):
        if columns:
            yield f"columns only {name}, or of another type there: {', '.join(columns)}"
    for example in each.examples:
        yield _example(example)
    largest = [column for column in each.columns if column.largest is not None]
    for column in largest[:_LARGEST_MAX]:
        assert column.largest is not None
        yield (
            f"largest difference of {column.column}, in {column.rows:,} rows: "
            f"{_example(column.largest)}"
        )


def _example(example: Example) -> str:
    changes = ", ".join(
        f"{column}: {_value(before)} → {_value(after)}"
        for column, (before, after) in example.changes.items()
    )
    key = escape(_key(example.key))
    return f"{key}  {changes}" if changes else f"{key}  {example.what}"


def _key(key: Mapping[str, str | None]) -> str:
    return " ".join(f"{name}={value}" for name, value in key.items())


def _value(text: str | None) -> str:
    return "null" if text is None else escape(text)


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"
