"""Digests of read models: equal rows in equal columns give equal digests, in whatever order.

The digest of a read model is the SHA-256 over the sorted SHA-256 hashes of its rows, each of which
is a row's text (`ROW(…)::text`, in UTC) of an explicit list of columns. Beyond a million rows it is
the same in two levels, so that no server holds more than a part of the hashes at once: over the
digests of the rows whose hashes begin with the byte 0, 1, … 255.
"""

from collections.abc import Sequence
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.sql import SQL, Identifier

ONE_LEVEL_ROWS_MAX = 1_000_000


class Digest(NamedTuple):
    """What a read model holds: how many rows, and their digest in hex."""

    rows: int
    sha256: str


def digest(
    connection: Connection[DictRow],
    table: Identifier,
    columns: Sequence[str],
    *,
    one_level_rows_max: int = ONE_LEVEL_ROWS_MAX,
) -> Digest:
    """The digest of a table over these columns, as the connection's transaction sees it."""
    connection.execute("SET timezone = 'UTC'")
    row = connection.execute(_COUNT.format(table=table)).fetchone()
    assert row is not None
    rows: int = row["rows"]
    select = _ONE_LEVEL if rows <= one_level_rows_max else _TWO_LEVELS
    names = SQL(", ").join(map(Identifier, columns))
    row = connection.execute(select.format(table=table, columns=names)).fetchone()
    assert row is not None
    return Digest(rows, row["digest"])


_COUNT = SQL("SELECT count(*) AS rows FROM {table}")
_HASHES = "SELECT sha256(convert_to(ROW({columns})::text, 'UTF8')) AS hash FROM {table}"
_ONE_LEVEL = SQL(
    f"""
    SELECT encode(sha256(coalesce(string_agg(hash, '' ORDER BY hash), '')), 'hex') AS digest
    FROM ({_HASHES}) AS hashed
    """
)
_TWO_LEVELS = SQL(
    f"""
    SELECT encode(sha256(string_agg(part, '' ORDER BY first_byte)), 'hex') AS digest
    FROM (
        SELECT
            get_byte(hash, 0) AS first_byte,
            sha256(string_agg(hash, '' ORDER BY hash)) AS part
        FROM ({_HASHES}) AS hashed
        GROUP BY first_byte
    ) AS parted
    """
)
