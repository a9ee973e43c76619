"""Compares two generations of read models, row by row: what a replay changed, or should not have.

Digests come first, so that what is equal costs little. Of a read model that differs, the keys of
the rows that do are collected once, and everything else is asked of those.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec
from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.sql import SQL, Composable, Composed, Identifier

from projections.digest import digest
from projections.shapes import Shape, read_shapes
from schema.read_models import generation_schema

_EXAMPLES_MAX = 5
_NUMBERS = ("numeric", "bigint", "integer", "smallint")

# A row's columns as PostgreSQL writes them, exact whatever their type; None for null.
Texts = dict[str, str | None]


class Example(msgspec.Struct, frozen=True):
    """A row that differs.

    Attributes:
        key: its primary key.
        what: how.
        changes: of each column that differs, what was before and what is after.
    """

    key: Texts
    what: Literal["only before", "only after", "differs"]
    changes: dict[str, tuple[str | None, str | None]]


class ColumnDifference(msgspec.Struct, frozen=True):
    """A column that differs in rows that both have.

    Attributes:
        rows: in how many.
        largest: the row in which it differs most, where the column is a number.
    """

    column: str
    rows: int
    largest: Example | None


class ReadModelComparison(msgspec.Struct, frozen=True, kw_only=True):
    """One read model in two generations; what belongs to one is null where it has none.

    Attributes:
        rows_before, rows_after: how many there are.
        digest_before, digest_after: over the columns that both have; see `projections.digest`.
        only_before, only_after, differing: how many rows are in one only, or differ.
        columns_before, columns_after: which only that one has, or has as another type.
        stopped_before, stopped_after: whether the read model stands still there.
    """

    read_model: str
    rows_before: int | None = None
    rows_after: int | None = None
    digest_before: str | None = None
    digest_after: str | None = None
    only_before: int = 0
    only_after: int = 0
    differing: int = 0
    columns_before: tuple[str, ...] = ()
    columns_after: tuple[str, ...] = ()
    stopped_before: bool = False
    stopped_after: bool = False
    columns: tuple[ColumnDifference, ...] = ()
    examples: tuple[Example, ...] = ()

    @property
    def differences(self) -> int:
        """How many rows are not the same in both."""
        return self.only_before + self.only_after + self.differing

    @property
    def is_equal(self) -> bool:
        """Whether both have it, with the same columns and rows."""
        same_columns = not self.columns_before and not self.columns_after
        return same_columns and self.digest_before == self.digest_after and not self._is_lone

    @property
    def _is_lone(self) -> bool:
        return self.rows_before is None or self.rows_after is None


class Comparison(msgspec.Struct, frozen=True):
    """Two generations at one position of the log.

    Attributes:
        before: the number of the generation that served; after: of the other one.
    """

    before: int
    after: int
    position: int
    read_models: tuple[ReadModelComparison, ...]

    @property
    def differing(self) -> list[ReadModelComparison]:
        """The read models that are not equal."""
        return [each for each in self.read_models if not each.is_equal]


def compare(
    connection: Connection[DictRow], *, before: int, after: int, position: int
) -> Comparison:
    """Compare two generations that stand at this position in the connection's snapshot."""
    shapes = [read_shapes(connection, generation_schema(number)) for number in (before, after)]
    stopped = [_stopped(connection, number) for number in (before, after)]
    read_models = []
    for name in sorted(shapes[0].keys() | shapes[1].keys()):
        pair = _Pair(connection, name, [generation_schema(n) for n in (before, after)])
        found = pair.compare(shapes[0].get(name), shapes[1].get(name))
        flags = {"stopped_before": name in stopped[0], "stopped_after": name in stopped[1]}
        read_models.append(msgspec.structs.replace(found, **flags))
    return Comparison(before, after, position, tuple(read_models))


def _stopped(connection: Connection[DictRow], generation: int) -> set[str]:
    return {row["read_model"] for row in connection.execute(_SELECT_STOPPED, [generation])}


class _Pair:
    """One read model in two schemas."""

    def __init__(self, connection: Connection[DictRow], name: str, schemas: Sequence[str]) -> None:
        self._connection = connection
        self._name = name
        self._tables = [Identifier(schema, name) for schema in schemas]

    def compare(self, before: Shape | None, after: Shape | None) -> ReadModelComparison:
        if before is None or after is None:
            return self._lone(before, after)
        shared = {
            column: kind
            for column, kind in before.columns.items()
            if after.columns.get(column) == kind
        }
        digests = [digest(self._connection, table, list(shared)) for table in self._tables]
        comparison = ReadModelComparison(
            read_model=self._name,
            rows_before=digests[0].rows,
            rows_after=digests[1].rows,
            digest_before=digests[0].sha256,
            digest_after=digests[1].sha256,
            columns_before=tuple(column for column in before.columns if column not in shared),
            columns_after=tuple(column for column in after.columns if column not in shared),
        )
        if digests[0] == digests[1]:
            return comparison
        if before.key != after.key or not shared.keys() >= set(before.key):
            # Other rows altogether: there is nothing that says which belong together.
            lone = {"only_before": digests[0].rows, "only_after": digests[1].rows}
            return msgspec.structs.replace(comparison, **lone)
        return self._differing(comparison, Shape(self._name, shared, before.key))

    def _lone(self, before: Shape | None, after: Shape | None) -> ReadModelComparison:
        at, shape = (1, after) if before is None else (0, before)
        assert shape is not None
        found = digest(self._connection, self._tables[at], list(shape.columns))
        which = ("before", "after")[at]
        values = {f"rows_{which}": found.rows, f"digest_{which}": found.sha256}
        return ReadModelComparison(read_model=self._name, **values)  # type: ignore[arg-type]

    def _differing(self, comparison: ReadModelComparison, shape: Shape) -> ReadModelComparison:
        """What differs, over the columns of `shape`."""
        names = self._names(shape)
        self._connection.execute(_COLLECT.format(**names))
        counts = self._connection.execute(_COUNT).fetchone()
        assert counts is not None
        examples = self._connection.execute(_SELECT_EXAMPLES.format(**names)).fetchall()
        columns = self._columns(shape, names)
        self._connection.execute("DROP TABLE pg_temp.difference")
        return msgspec.structs.replace(
            comparison,
            **counts,
            columns=columns,
            examples=tuple(_example(row, shape) for row in examples),
        )

    def _columns(self, shape: Shape, names: dict[str, Composable]) -> tuple[ColumnDifference, ...]:
        others = [column for column in shape.columns if column not in shape.key]
        if not others:
            return ()
        counts = SQL(", ").join(
            SQL("count(*) FILTER (WHERE before.{0} IS DISTINCT FROM after.{0}) AS {0}").format(
                Identifier(column)
            )
            for column in others
        )
        row = self._connection.execute(_COUNT_COLUMNS.format(counts=counts, **names)).fetchone()
        assert row is not None
        return tuple(
            ColumnDifference(column, rows, self._largest(column, shape, names))
            for column, rows in row.items()
            if rows
        )

    def _largest(self, column: str, shape: Shape, names: dict[str, Composable]) -> Example | None:
        if not shape.columns[column].startswith(_NUMBERS):
            return None
        select = _SELECT_LARGEST.format(column=Identifier(column), **names)
        row = self._connection.execute(select).fetchone()
        if row is None:
            return None
        narrow = Shape(shape.name, dict.fromkeys((*shape.key, column), ""), shape.key)
        return _example(row, narrow)

    def _names(self, shape: Shape) -> dict[str, Composable]:
        columns = SQL(", ").join(map(Identifier, shape.columns))
        rows = [SQL("SELECT {} FROM {}").format(columns, table) for table in self._tables]
        return {
            "before": rows[0],
            "after": rows[1],
            "key": SQL(", ").join(map(Identifier, shape.key)),
            "first_key": Identifier(shape.key[0]),
            "same_key": _same_key(shape.key),
        }


def _same_key(key: Sequence[str]) -> Composed:
    equal = (SQL("before.{0} = after.{0}").format(Identifier(name)) for name in key)
    return SQL(" AND ").join(equal)


def _example(row: DictRow, shape: Shape) -> Example:
    before, after = row["before"], row["after"]
    present = after if before is None else before
    key = {name: present[name] for name in shape.key}
    if before is None or after is None:
        return Example(key, "only after" if before is None else "only before", {})
    changes = {
        name: (before[name], after[name]) for name in shape.columns if before[name] != after[name]
    }
    return Example(key, "differs", changes)


_SELECT_STOPPED = "SELECT read_model FROM daybook.stopped_read_model WHERE generation = %s"
# The keys of the rows that differ; both sides have the columns that they share, as one type.
_COLLECT = SQL(
    """
    CREATE TEMPORARY TABLE difference ON COMMIT DROP AS
    SELECT
        {key},
        before.{first_key} IS NOT NULL AS is_before,
        after.{first_key} IS NOT NULL AS is_after
    FROM ({before}) AS before
    FULL JOIN ({after}) AS after USING ({key})
    WHERE before IS DISTINCT FROM after
    """
)
_COUNT = """
    SELECT
        count(*) FILTER (WHERE NOT is_after) AS only_before,
        count(*) FILTER (WHERE NOT is_before) AS only_after,
        count(*) FILTER (WHERE is_before AND is_after) AS differing
    FROM pg_temp.difference
"""
_SIDES = ", ".join(
    "(SELECT jsonb_object_agg(field.key, field.value) "
    f"FROM jsonb_each_text(to_jsonb({side})) AS field) AS {side}"
    for side in ("before", "after")
)
_SELECT_EXAMPLES = SQL(
    f"""
    SELECT {_SIDES}
    FROM (SELECT * FROM pg_temp.difference ORDER BY {{key}} LIMIT {_EXAMPLES_MAX}) AS difference
    LEFT JOIN ({{before}}) AS before USING ({{key}})
    LEFT JOIN ({{after}}) AS after USING ({{key}})
    ORDER BY {{key}}
    """
)
_BOTH = """
    FROM pg_temp.difference
    INNER JOIN ({before}) AS before USING ({key})
    INNER JOIN ({after}) AS after USING ({key})
"""
_COUNT_COLUMNS = SQL(f"SELECT {{counts}} {_BOTH}")
_SELECT_LARGEST = SQL(
    f"""
    SELECT {_SIDES}
    {_BOTH}
    WHERE before.{{column}} <> after.{{column}}
    ORDER BY abs(before.{{column}}::numeric - after.{{column}}::numeric) DESC, {{key}}
    LIMIT 1
    """
)
