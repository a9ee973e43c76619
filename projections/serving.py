"""Which generation serves: the one row that says so, held still, and changed in a moment."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import DictRow

SWAPPED = "daybook_swapped"  # NOTIFY with the number of the generation that serves from then on


class Serving(NamedTuple):
    """The generation that serves.

    Attributes:
        generation: its number.
        position: what it reflects.
        previous: the number of the one before it, if that is kept.
        settled: whether it once caught up with the log.
    """

    generation: int
    position: int
    previous: int | None
    settled: bool


def read_serving(connection: Connection[DictRow]) -> Serving | None:
    """The generation that serves; None before the first."""
    row = connection.execute(_SELECT_SERVING).fetchone()
    return Serving(**row) if row else None


@contextmanager
def held_still(connection: Connection[DictRow]) -> Iterator[Serving]:
    """The generation that serves, at its position until the block is left; one must serve.

    Whoever posts it waits meanwhile, so the block must be short; readers do not wait.
    """
    with connection.transaction():
        connection.execute(_HOLD_BRIEFLY)
        row = connection.execute(_SELECT_SERVING + "FOR UPDATE OF serving").fetchone()
        assert row is not None
        yield Serving(**row)


def put_in_place(
    connection: Connection[DictRow], held: Serving, generation: int, *, rolls_back: bool
) -> None:
    """Let another generation serve, in the transaction that holds the one before it still.

    Args:
        connection: of that transaction.
        held: the one before it.
        generation: the other one, which is as far.
        rolls_back: whether the one before is never to be put in place again by itself.
    """
    both = {"before": held.generation, "after": generation, "rolls_back": rolls_back}
    connection.execute(_END_SERVING, both)
    connection.execute(_BEGIN_SERVING, both)
    row = connection.execute(_SWAP, both).fetchone()
    assert row is not None, "it would take readers back"
    connection.execute("SELECT pg_notify(%s, %s)", [SWAPPED, str(generation)])


_SELECT_SERVING = """
    SELECT serving.generation, serving.position, serving.previous, generation.settled
    FROM daybook.serving
    INNER JOIN daybook.generation ON generation.number = serving.generation
"""
# Where our process is frozen, the server ends the session, and posting goes on.
_HOLD_BRIEFLY = "SET LOCAL idle_in_transaction_session_timeout = '60s'"
_END_SERVING = """
    UPDATE daybook.generation
    SET served_until = clock_timestamp(), rolled_back = %(rolls_back)s
    WHERE number = %(before)s
"""
_BEGIN_SERVING = """
    UPDATE daybook.generation SET served_until = NULL, rolled_back = FALSE
    WHERE number = %(after)s
"""
_SWAP = """
    UPDATE daybook.serving
    SET generation = generation.number, position = generation.position, previous = %(before)s
    FROM daybook.generation
    WHERE generation.number = %(after)s AND generation.position >= serving.position
    RETURNING serving.generation
"""
