"""Drops what nobody needs any more, where nobody else does it.

Whoever posts a generation prunes its prior images, and a replay drops the generations that are
left. What remains are generations that nobody posts, and those that a lost process left.
"""

from psycopg import Connection, IsolationLevel
from psycopg.rows import DictRow
from psycopg.sql import SQL, Identifier

from projections import generations, prior_images
from projections.ahead import forks_since, read_standing
from projections.locks import REPLAYING, posting, try_lock, unlock
from schema.read_models import generation_schema


def prune(session: Connection[DictRow]) -> None:
    """Drop generations that are left, and the prior images of final blocks in those that stay."""
    _drop_left(session)
    for row in session.execute(_SELECT_UNPOSTED).fetchall():
        lock = posting(row["number"])
        if try_lock(session, lock):
            _prune_images(session, row["number"])
            unlock(session, lock)


def _drop_left(session: Connection[DictRow]) -> None:
    """What a replay posted and compared stays for people to look at, until the next replay."""
    if not try_lock(session, REPLAYING):
        return  # whoever replays does it
    rows = session.execute(_SELECT_LEFT, [generations.KEPT_AFTER_SERVING]).fetchall()
    for row in rows:
        generations.drop(session, row["number"])
    unlock(session, REPLAYING)


def _prune_images(session: Connection[DictRow], number: int) -> None:
    session.isolation_level = IsolationLevel.REPEATABLE_READ
    schema = Identifier(generation_schema(number))
    session.execute(SQL("SET search_path = {}, pg_temp").format(schema))
    with session.transaction():
        standing = read_standing(session, number)
        # Which blocks are final is said of the chain as it is now. Where the generation still has
        # to leave blocks of before, their images are needed, however old they are.
        if not forks_since(session, standing):
            prior_images.prune(session, standing.finalized)


_SELECT_UNPOSTED = """
    SELECT number FROM daybook.generation_status
    WHERE NOT is_posted AND state IN ('serving', 'previous')
"""
_SELECT_LEFT = """
    SELECT number
    FROM daybook.generation_status
    INNER JOIN daybook.generation USING (number)
    WHERE
        generation_status.state = 'left'
        AND CASE
            WHEN generation.served_until IS NULL THEN generation.comparison IS NULL
            ELSE generation.served_until < clock_timestamp() - %s
        END
"""
