"""The read models of a generation as they are in the database, whatever code made them."""

from collections.abc import Mapping
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import DictRow


class Shape(NamedTuple):
    """One read model's table.

    Attributes:
        name: without its schema.
        columns: their types by name, in order.
        key: the columns of its primary key.
    """

    name: str
    columns: Mapping[str, str]
    key: tuple[str, ...]


def read_shapes(connection: Connection[DictRow], schema: str | None = None) -> dict[str, Shape]:
    """The read models of a schema, of the current one if none is named, in order of their names."""
    rows = connection.execute(_SELECT_SHAPES, [schema]).fetchall()
    return {
        row["name"]: Shape(
            row["name"], dict(zip(row["columns"], row["types"], strict=True)), tuple(row["key"])
        )
        for row in rows
    }


# Every table but the partitions of others, and what prior_images keeps.
_SELECT_SHAPES = r"""
    SELECT
        read_model.relname AS name,
        array_agg(field.attname::text ORDER BY field.attnum) AS columns,
        array_agg(format_type(field.atttypid, field.atttypmod) ORDER BY field.attnum) AS types,
        array_agg(
            field.attname::text ORDER BY array_position(identity.indkey::int2[], field.attnum)
        ) FILTER (WHERE field.attnum = ANY(identity.indkey)) AS key
    FROM pg_class AS read_model
    INNER JOIN pg_attribute AS field
        ON field.attrelid = read_model.oid AND field.attnum > 0 AND NOT field.attisdropped
    INNER JOIN pg_index AS identity
        ON identity.indrelid = read_model.oid AND identity.indisprimary
    WHERE
        read_model.relnamespace = to_regnamespace(coalesce(%s, current_schema()))
        AND read_model.relkind IN ('r', 'p')
        AND NOT read_model.relispartition
        AND read_model.relname <> 'posted_unit'
        AND read_model.relname NOT LIKE 'prior\_%%'
    GROUP BY read_model.oid, read_model.relname
    ORDER BY read_model.relname
"""
