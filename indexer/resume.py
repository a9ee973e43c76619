"""Resuming on a branch that left final blocks, once a person said so and all endpoints agree.

The fork is looked for among the ends of the indexed ranges, as far back as it takes. All blocks
above it that have events are named as orphaned, those that the new branch shares among them: a
range is indexed again as a whole.
"""

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from itertools import islice
from uuid import UUID

import structlog
from psycopg import Connection
from psycopg.rows import DictRow

from indexer.endpoint import Endpoint
from indexer.errors import NotYetError, ResumeRefusedError
from indexer.node import Node
from schema.database import connect
from schema.log.chain import BlocksOrphaned, Chain, IndexedBlock, OrphanedBlock

_log = structlog.get_logger()

_BLOCKS_A_BATCH = 64
# They are all named in one fact.
_ORPHANED_MAX = 100_000


def agreed_fork(node: Node, chain: Chain, database_url: str) -> BlocksOrphaned:
    """What of the log left the chain, given the branch that all endpoints agree on.

    To be appended by itself: blocks that come back are stored as another attempt.

    Raises:
        ResumeRefusedError: the endpoints do not agree, or too much would be orphaned.
        EndpointError: an endpoint failed.
        DatabaseUnavailableError: nothing answers.
    """
    name = node.settings.name
    _check_agreed(node, chain)
    with closing(
        connect(database_url, role="daybook_indexer", application_name="daybook-resume")
    ) as connection:
        fork = _fork(node, connection, chain)
        orphaned = _orphaned(connection, chain, fork)
    if len(orphaned.blocks) > _ORPHANED_MAX:
        problem = f"{len(orphaned.blocks)} blocks would be orphaned, more than {_ORPHANED_MAX}"
        raise ResumeRefusedError(name, f"{problem}; use a fresh database")
    _log.warning("resumed", chain=name, fork_number=fork.number, fork_hash=fork.hash)
    return orphaned


def _check_agreed(node: Node, chain: Chain) -> None:
    """Raise unless every endpoint that answers has the same block in place of our last final one.

    A hash commits to all blocks before it, so this is the branch that they agree on.
    """
    ours = chain.tail[0]
    answers = node.ask_each(lambda endpoint: _hash_at(endpoint, ours.number))
    if len({theirs for _, theirs in answers}) > 1:
        views = ", ".join(f"{alias} has {theirs}" for alias, theirs in answers)
        problem = f"its endpoints do not agree on block {ours.number}: {views}"
        raise ResumeRefusedError(node.settings.name, problem)


def _hash_at(endpoint: Endpoint, number: int) -> str:
    (block,) = endpoint.blocks([number])
    return block.hash if block else "no such block"


def _fork(node: Node, connection: Connection[DictRow], chain: Chain) -> IndexedBlock:
    """The end of the highest indexed range that the nodes have too, or the chain's start.

    That they have its start was checked when indexing began.
    """
    ends = _range_ends(connection, chain)
    while batch := list(islice(ends, _BLOCKS_A_BATCH)):
        for ours, theirs in zip(batch, node.ask(partial(_hashes, blocks=batch)), strict=True):
            if theirs == ours.hash:
                return ours
    return chain.start


def _hashes(endpoint: Endpoint, blocks: list[IndexedBlock]) -> list[str]:
    hashes = []
    numbers = [block.number for block in blocks]
    for number, block in zip(numbers, endpoint.blocks(numbers), strict=True):
        if block is None:
            raise NotYetError(endpoint.alias, block=number)
        hashes.append(block.hash)
    return hashes


def _range_ends(connection: Connection[DictRow], chain: Chain) -> Iterator[IndexedBlock]:
    """Ends of the ranges that belong to the chain as the log has it, newest first."""
    highest: int | None = None
    with connection.transaction(), connection.cursor(name="moves") as moves:
        for row in moves.execute(_MOVES, [chain.id]):
            if highest is not None and row["number"] > highest:
                continue  # a later orphaning left it
            highest = row["number"]
            if row["hash"] is not None:
                yield IndexedBlock(row["number"], row["hash"])


def _orphaned(connection: Connection[DictRow], chain: Chain, fork: IndexedBlock) -> BlocksOrphaned:
    assert chain.head is not None
    bounds = [UUID(int=number + 1 << 80) for number in (fork.number, chain.head.number)]
    rows = connection.execute(_BLOCKS_WITH_EVENTS, [*bounds, chain.chain_id]).fetchall()
    blocks = {row["hash"]: row["number"] for row in rows}
    blocks |= {block.hash: block.number for block in chain.tail if block.number > fork.number}
    return BlocksOrphaned(
        chain.chain_id,
        fork.number,
        fork.hash,
        tuple(
            OrphanedBlock(number, hash_, chain.attempt(hash_))
            for hash_, number in sorted(blocks.items(), key=lambda block: block[1])
        ),
    )


# What moved the chain's head, newest first; `hash` is null where it went back.
# Index: primary key.
_MOVES = """
    SELECT
        (coalesce(state -> 'last', state -> 'fork_number'))::bigint AS number,
        state ->> 'last_hash' AS hash
    FROM log.stored_event
    WHERE originator_id = %s AND topic IN ('RangeIndexed/1', 'BlocksOrphaned/1')
    ORDER BY originator_version DESC
"""
# Streams of blocks are ordered by block number; those of chains lie among them.
# Index: primary key.
_BLOCKS_WITH_EVENTS = """
    SELECT DISTINCT
        (state -> 'block_number')::bigint AS number,
        state ->> 'block_hash' AS hash
    FROM log.stored_event AS event
    WHERE originator_id >= %s
        AND originator_id < %s
        AND (state -> 'chain_id')::bigint = %s
        AND state ? 'log_index'
        AND NOT EXISTS (
            SELECT FROM log.orphaned_block AS orphan
            WHERE orphan.chain_id = (event.state -> 'chain_id')::bigint
                AND orphan.hash = event.state ->> 'block_hash'
                AND orphan.attempt = event.originator_version >> 32
        )
"""
