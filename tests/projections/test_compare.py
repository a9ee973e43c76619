"""Comparing two generations: what differs, how much, and where it shows; and their digests."""

from collections.abc import Iterator
from typing import Any

import pytest
from psycopg import Connection
from psycopg.sql import Identifier

from projections.compare import Comparison, ReadModelComparison, compare
from projections.digest import digest
from schema.database import connect
from schema.read_models import generation_schema

_TABLE = "CREATE TABLE {}.score (season integer, player text, tickets numeric(78, 0), at {}, {})"
_KEY = "PRIMARY KEY (season, player)"
_ROWS = [(1, "0xaa", 5), (1, "0xbb", 10**30), (2, "0xaa", 7)]


@pytest.fixture
def owner(url: str) -> Iterator[Connection[Any]]:
    """A session that may make any schema, in a transaction, as comparing needs one."""
    with connect(url, role=None, application_name="test owner") as session, session.transaction():
        yield session


def make(
    owner: Connection[Any],
    generation: int,
    rows: list[tuple[int, str, int]],
    *,
    kind: str = "timestamptz",
    key: str = _KEY,
) -> None:
    """A generation with one read model of these rows."""
    schema = generation_schema(generation)
    owner.execute(f"CREATE SCHEMA {schema}".encode())
    owner.execute(_TABLE.format(schema, kind, key).encode())
    for row in rows:
        owner.execute(f"INSERT INTO {schema}.score VALUES (%s, %s, %s)".encode(), row)


def compared(owner: Connection[Any]) -> Comparison:
    """Generations 1 and 2."""
    return compare(owner, before=1, after=2, position=3)


def only(comparison: Comparison) -> ReadModelComparison:
    """The one read model."""
    (read_model,) = comparison.read_models
    return read_model


def test_the_same_rows_in_another_order_are_equal(owner: Connection[Any]) -> None:
    """Given the same rows inserted in another order, then the digests are the same."""
    make(owner, 1, _ROWS)
    make(owner, 2, _ROWS[::-1])

    found = only(compared(owner))
    assert found.is_equal
    assert found.digest_before == found.digest_after
    assert (found.rows_before, found.rows_after, found.differences) == (3, 3, 0)


def test_every_kind_of_difference_is_counted_and_shown(owner: Connection[Any]) -> None:
    """Given a row gone, one new and one changed, then each is told with its key and values."""
    make(owner, 1, _ROWS)
    make(owner, 2, [(1, "0xaa", 6), (1, "0xbb", 10**30), (3, "0xcc", 1)])

    found = only(compared(owner))
    assert not found.is_equal
    assert (found.only_before, found.only_after, found.differing) == (1, 1, 1)
    assert [(each.key["season"], each.what, each.changes) for each in found.examples] == [
        ("1", "differs", {"tickets": ("5", "6")}),
        ("2", "only before", {}),
        ("3", "only after", {}),
    ]


def test_the_largest_difference_is_exact(owner: Connection[Any]) -> None:
    """Given numbers beyond 64 bits, then the row that differs most is told, digit by digit."""
    make(owner, 1, _ROWS)
    make(owner, 2, [(1, "0xaa", 6), (1, "0xbb", 10**30 - 4), (2, "0xaa", 8)])

    (column,) = only(compared(owner)).columns
    assert (column.column, column.rows) == ("tickets", 3)
    assert column.largest is not None
    assert column.largest.key == {"season": "1", "player": "0xbb"}
    assert column.largest.changes == {"tickets": (str(10**30), str(10**30 - 4))}


def test_only_a_few_examples_are_kept(owner: Connection[Any]) -> None:
    """Given many rows that differ, then all are counted, and some shown."""
    rows = [(season, "0xaa", 1) for season in range(100)]
    make(owner, 1, rows)
    make(owner, 2, [(season, player, 2) for season, player, _ in rows])

    found = only(compared(owner))
    assert (found.differing, len(found.examples)) == (100, 5)


def test_a_null_is_not_a_zero(owner: Connection[Any]) -> None:
    """Given a value that is there in one generation only, then that is a difference."""
    make(owner, 1, _ROWS)
    make(owner, 2, _ROWS)
    owner.execute("UPDATE read_2.score SET tickets = NULL WHERE season = 2")

    found = only(compared(owner))
    assert found.examples[0].changes == {"tickets": ("7", None)}
    assert found.columns[0].largest is None


def test_a_column_of_another_type_is_told_and_left_out(owner: Connection[Any]) -> None:
    """Given a column that changed its type, then it is named, and the others are compared."""
    make(owner, 1, _ROWS)
    make(owner, 2, _ROWS, kind="text")

    found = only(compared(owner))
    assert (found.columns_before, found.columns_after) == (("at",), ("at",))
    assert (found.differences, found.is_equal) == (0, False)


def test_rows_of_another_key_are_other_rows(owner: Connection[Any]) -> None:
    """Given another primary key and other rows, then none is said to be the same."""
    make(owner, 1, _ROWS)
    make(owner, 2, _ROWS[:2], key="PRIMARY KEY (player)")

    found = only(compared(owner))
    assert (found.only_before, found.only_after) == (3, 2)


def test_a_read_model_of_one_generation_only_is_told(owner: Connection[Any]) -> None:
    """Given a read model that is new, then it is counted and has no counterpart."""
    make(owner, 1, _ROWS)
    owner.execute("CREATE SCHEMA read_2")
    owner.execute("CREATE TABLE read_2.rank (player text PRIMARY KEY)")

    gone, new = sorted(compared(owner).read_models, key=lambda each: each.rows_after is not None)
    assert (gone.read_model, gone.rows_before, gone.rows_after) == ("score", 3, None)
    assert (new.read_model, new.rows_before, new.rows_after) == ("rank", None, 0)
    assert not gone.is_equal
    assert not new.is_equal


def test_a_digest_in_two_levels_tells_the_same(owner: Connection[Any]) -> None:
    """Given more rows than one level takes, then equal rows are equal, and others are not."""
    rows = [(season, "0xaa", 1) for season in range(600)]
    make(owner, 1, rows)
    make(owner, 2, rows[::-1])
    columns = ["season", "player", "tickets"]

    def digests(generation: int) -> list[str]:
        table = Identifier(generation_schema(generation), "score")
        return [
            digest(owner, table, columns, one_level_rows_max=rows_max).sha256
            for rows_max in (600, 599)
        ]

    before = digests(1)
    assert before == digests(2)
    assert before[0] != before[1]
    owner.execute("UPDATE read_2.score SET tickets = 2 WHERE season = 599")
    assert all(one != other for one, other in zip(before, digests(2), strict=True))
