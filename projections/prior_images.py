"""Prior images: how read models go back to what they were before some block.

A unit is what was posted in one transaction while any of its blocks could still be orphaned; its
number is the position where it begins. Units form a stack: restoring one undoes it and all after.
"""

from collections.abc import Mapping, Sequence

from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.sql import SQL, Composable, Identifier

from projections.batch import Batch, Fork, Heads
from projections.errors import PriorImagesMissingError
from projections.folds import source
from projections.shapes import Shape, read_shapes

TEMPLATE = source("projections", "prior_images")


def install(connection: Connection[DictRow], schema: str) -> None:
    """Make what keeps the images of every read model of a generation, its schema being current."""
    connection.execute(_CREATE_POSTED_UNIT)
    connection.execute(SQL(_REFUSE_KEY_UPDATE).format(schema=Identifier(schema)))
    for shape in read_shapes(connection).values():
        names = _names(shape) | {
            "schema": Identifier(schema),
            "inserted": Identifier(schema, f"keep_inserted_{shape.name}"),
            "changed": Identifier(schema, f"keep_changed_{shape.name}"),
        }
        connection.execute(SQL(TEMPLATE).format(**names))


def begin_unit(connection: Connection[DictRow], batch: Batch, heads: Heads) -> None:
    """Keep images in this transaction, if the batch is a unit; `heads` are those before it."""
    unit = str(batch.first) if batch.is_unit else ""
    connection.execute("SELECT set_config('daybook.unit', %s, TRUE)", [unit], prepare=True)
    if batch.is_unit:
        for chain_id, block_number in batch.heads.items():
            row = [batch.first, chain_id, heads.get(chain_id), block_number]
            connection.execute(_INSERT_POSTED_UNIT, row, prepare=True)


def restore(connection: Connection[DictRow], forks: Sequence[Fork]) -> int:
    """Undo every unit from the first on that holds a block which these forks orphan.

    Returns:
        The position up to which the log is posted then.

    Raises:
        PriorImagesMissingError: it was final, and its images are gone.
    """
    unit = min(_first_unit(connection, fork) for fork in forks)
    connection.execute("SELECT set_config('daybook.unit', '', TRUE)")
    for shape in read_shapes(connection).values():
        for statement in _RESTORE:
            connection.execute(statement.format(**_names(shape)), {"unit": unit}, prepare=True)
    connection.execute("DELETE FROM posted_unit WHERE unit >= %s", [unit])
    return unit - 1


def _first_unit(connection: Connection[DictRow], fork: Fork) -> int:
    row = connection.execute(_SELECT_FIRST_UNIT, fork._asdict()).fetchone()
    if row is None or row["is_above"]:
        raise PriorImagesMissingError(chain_id=fork.chain_id, fork_number=fork.number)
    unit: int = row["unit"]
    return unit


def prune(connection: Connection[DictRow], finalized: Mapping[int, int]) -> None:
    """Drop the images of the oldest units, as long as all their blocks are final."""
    chains, numbers = list(finalized.keys()), list(finalized.values())
    with connection.transaction():
        row = connection.execute(_FIRST_UNFINAL, [chains, numbers]).fetchone()
        assert row is not None
        for shape in read_shapes(connection).values():
            connection.execute(_PRUNE.format(**_names(shape)), row)
        connection.execute("DELETE FROM posted_unit WHERE unit < %(unit)s", row)


def _names(shape: Shape) -> dict[str, Composable]:
    return {
        "table": Identifier(shape.name),
        "prior": Identifier(f"prior_{shape.name}"),
        "columns": SQL(", ").join(map(Identifier, shape.columns)),
        "key": SQL(", ").join(map(Identifier, shape.key)),
        "same_key": SQL(" AND ").join(
            SQL("held.{0} = touched.{0}").format(Identifier(name)) for name in shape.key
        ),
    }


# The units whose images are kept, and the last block of each chain before and after them.
_CREATE_POSTED_UNIT = """
    CREATE TABLE posted_unit (
        unit bigint NOT NULL,
        chain_id bigint NOT NULL,
        block_before bigint,
        block_after bigint NOT NULL,
        PRIMARY KEY (unit, chain_id)
    )
"""
_INSERT_POSTED_UNIT = "INSERT INTO posted_unit VALUES (%s, %s, %s, %s)"
# The first unit that went beyond a fork, and whether it began beyond it already.
_SELECT_FIRST_UNIT = """
    SELECT
        unit,
        coalesce(block_before > %(number)s, FALSE) AS is_above
    FROM posted_unit
    WHERE chain_id = %(chain_id)s AND block_after > %(number)s
    ORDER BY unit
    LIMIT 1
"""
_REFUSE_KEY_UPDATE = """
    CREATE FUNCTION {schema}.refuse_key_update() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'a fold may not update the primary key of %', TG_TABLE_NAME;
    END
    $$
"""
_RESTORE = (
    SQL(
        """
        DELETE FROM {table} AS held
        USING (SELECT DISTINCT {key} FROM {prior} WHERE unit >= %(unit)s) AS touched
        WHERE {same_key}
        """
    ),
    SQL(
        """
        INSERT INTO {table} ({columns})
        SELECT {columns}
        FROM (
            SELECT DISTINCT ON ({key}) * FROM {prior}
            WHERE unit >= %(unit)s
            ORDER BY {key}, seq
        ) AS earliest
        WHERE present
        """
    ),
    SQL("DELETE FROM {prior} WHERE unit >= %(unit)s"),
)
# The first unit that holds an unfinal block; beyond the last if there is none.
_FIRST_UNFINAL = """
    SELECT coalesce(
        min(posted.unit) FILTER (WHERE posted.block_after > coalesce(known.finalized, -1)),
        max(posted.unit) + 1,
        0
    ) AS unit
    FROM posted_unit AS posted
    LEFT JOIN unnest(%s::bigint[], %s::bigint[]) AS known (chain_id, finalized)
        USING (chain_id)
"""
_PRUNE = SQL("DELETE FROM {prior} WHERE unit < %(unit)s")
