"""What a generation lacks until it has caught up: its indexes, and what else is derived.

An index slows every batch of a replay and is made in one go in a fraction of that time; so is a
read model whose fold has a `fill`. Until then readers do without them. From then on they are kept.
"""

import time
from collections.abc import Sequence

import structlog
from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.sql import SQL, Identifier

from projections.folds import Fold
from projections.generations import Generation
from projections.shapes import read_shapes

_log = structlog.get_logger()


def settle(connection: Connection[DictRow], generation: Generation, folds: Sequence[Fold]) -> None:
    """Make what is missing, in a transaction of its own; the generation's schema is current."""
    begun = time.monotonic()
    with connection.transaction():
        connection.execute("SELECT set_config('daybook.unit', '', TRUE)")
        for definition in generation.definition.indexes:
            connection.execute(definition)
        for fold in folds:
            if fold.fill is not None:
                connection.execute(fold.fill)
        for name in read_shapes(connection):
            connection.execute(SQL("ANALYZE {}").format(Identifier(name)))
        connection.execute(_SETTLED, [generation.number])
    seconds = round(time.monotonic() - begun, 2)
    _log.info("generation_settled", generation=generation.number, seconds=seconds)


_SETTLED = "UPDATE daybook.generation SET settled = TRUE WHERE number = %s"
