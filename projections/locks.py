"""Advisory locks of the projections: one session posts a generation, and one replays at a time."""

from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import DictRow

from schema.read_models.control import POSTING_LOCK


class Lock(NamedTuple):
    """An advisory lock of the database; it ends with the session that holds it."""

    kind: int
    number: int


REPLAYING = Lock(0x6461_7962, 4)  # "dayb": whoever may put another generation in place
CREATING = Lock(POSTING_LOCK, 0)  # generations are numbered from 1


def posting(generation: int) -> Lock:
    """What the only writer of a generation holds."""
    return Lock(POSTING_LOCK, generation)


def try_lock(connection: Connection[DictRow], lock: Lock) -> bool:
    """Take a lock for the session, unless another one holds it."""
    row = connection.execute("SELECT pg_try_advisory_lock(%s, %s) AS taken", lock).fetchone()
    assert row is not None
    taken: bool = row["taken"]
    return taken


def unlock(connection: Connection[DictRow], lock: Lock) -> None:
    """Let a lock of this session go."""
    connection.execute("SELECT pg_advisory_unlock(%s, %s)", lock)


def holder(connection: Connection[DictRow], lock: Lock) -> str | None:
    """Who holds a lock, by its application name; None if nobody does now."""
    row = connection.execute(_SELECT_HOLDER, lock).fetchone()
    return row["application_name"] if row else None


_SELECT_HOLDER = """
    SELECT session.application_name
    FROM pg_locks AS held
    INNER JOIN pg_stat_activity AS session USING (pid)
    WHERE
        held.locktype = 'advisory'
        AND held.granted
        AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND held.classid::bigint = %s
        AND held.objid::bigint = %s
"""
