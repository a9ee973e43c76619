"""What of the log lies before the runner: read so that it can choose its next batch."""

from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow

from projections.batch import (
    Batch,
    Extent,
    Fork,
    Mark,
    Placed,
    Standing,
    Stretch,
    choose,
    forks_below,
)
from schema.log.chain import BlocksOrphaned, ContractsBackfilled, RangeIndexed
from schema.log.mapper import load_fact, stored_as

_RANGE, _BACKFILLED = stored_as(RangeIndexed), stored_as(ContractsBackfilled)
_ORPHANED = stored_as(BlocksOrphaned)


def read_standing(connection: Connection[DictRow], generation: int) -> Standing:
    """Where the generation stands, in the transaction's snapshot; its schema is current."""
    row: Any = connection.execute(_SELECT_STANDING, [generation], prepare=True).fetchone()
    heads = connection.execute("SELECT chain_id, block_number FROM chain", prepare=True).fetchall()
    finalized = connection.execute(_SELECT_FINALIZED, prepare=True).fetchall()
    return Standing(
        position=row["position"],
        log_position=row["log_position"],
        heads={row["chain_id"]: row["block_number"] for row in heads},
        finalized={row["chain_id"]: row["finalized"] for row in finalized},
        has_units=row["has_units"],
        settled=row["settled"],
        stopped=frozenset(row["stopped"]),
    )


def forks_since(connection: Connection[DictRow], standing: Standing) -> list[Fork]:
    """The forks after the posted position that reach below what is posted."""
    orphanings = _read(connection, _SELECT_ORPHANED, standing.position, standing.log_position)
    return forks_below(orphanings, standing.heads)


def next_batch(connection: Connection[DictRow], standing: Standing, extent: Extent) -> Batch | None:
    """The next batch; there must be something to post. None if it would go beyond the limit."""
    whole, limit = standing.log_position, extent.last(standing)
    end = max(standing.position + extent.events_max, extent.at_least)
    while True:
        end = min(end, limit)
        facts = _read(connection, _SELECT_MARKS, standing.position, end)
        facts += _read(connection, _SELECT_ORPHANED, end, whole)
        batch = choose(facts, Stretch(end, extent), standing)
        if batch.last > limit:
            return None
        if batch.first <= batch.last <= end:
            return batch
        # A range longer than that, or a reorganisation that goes on beyond what was read.
        end = max(batch.last, end + extent.events_max)


def _read(connection: Connection[DictRow], select: str, after: int, last: int) -> list[Placed]:
    if after >= last:
        return []
    rows = connection.execute(select, [after, last], prepare=True).fetchall()
    return [Placed(row["position"], _load(row)) for row in rows]


def _load(row: DictRow) -> Mark:
    fact = load_fact(row["topic"], row["state"])
    assert isinstance(fact, Mark)
    return fact


_SELECT_STANDING = """
    SELECT
        generation.position,
        (SELECT coalesce(max(notification_id), 0) FROM log.stored_event) AS log_position,
        EXISTS (SELECT FROM posted_unit) AS has_units,
        generation.settled,
        ARRAY(
            SELECT stopped.read_model FROM daybook.stopped_read_model AS stopped
            WHERE stopped.generation = generation.number
        ) AS stopped
    FROM daybook.generation
    WHERE generation.number = %s
"""
# The newest range of every chain. Indexes: stored_event_rare_facts, then the primary key.
_SELECT_FINALIZED = f"""
    SELECT
        (newest.state -> 'chain_id')::bigint AS chain_id,
        (newest.state -> 'finalized')::bigint AS finalized
    FROM log.stored_event AS opened
    CROSS JOIN LATERAL (
        SELECT indexed.state
        FROM log.stored_event AS indexed
        WHERE
            indexed.originator_id = opened.originator_id
            AND indexed.topic = '{_RANGE}'
        ORDER BY indexed.originator_version DESC
        LIMIT 1
    ) AS newest
    WHERE opened.topic = 'ChainOpened/1'
"""
# Everything at which a batch may end. Index: stored_event_marks.
_SELECT_MARKS = f"""
    SELECT notification_id AS position, topic, (state - 'checks')::text::bytea AS state
    FROM log.stored_event
    WHERE
        notification_id > %s
        AND notification_id <= %s
        AND topic IN ('{_RANGE}', '{_BACKFILLED}', '{_ORPHANED}')
    ORDER BY notification_id
"""
# Orphanings are few, in a log that may be long. Index: stored_event_rare_facts.
_SELECT_ORPHANED = f"""
    SELECT notification_id AS position, topic, state::text::bytea AS state
    FROM log.stored_event
    WHERE
        topic = '{_ORPHANED}'
        AND notification_id > %s
        AND notification_id <= %s
    ORDER BY notification_id
"""
