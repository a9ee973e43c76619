"""When a request asks about: `at_block` and `as_known_at`, and what an answer then reflects."""

import copy
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from litestar.params import QueryParameter
from msgspec import Struct

from api.cursors import INTEGER_MAX
from api.database import ChainHead, Database, Reading, Statement
from api.history import HAS_BEGUN, KNOWN_POSITION, then
from api.problems import Problem
from schema.log.streams import BLOCK_NUMBER_MAX, block_streams_from

AtBlock = Annotated[
    int | None, QueryParameter(ge=0, lt=BLOCK_NUMBER_MAX, description="The state after this block.")
]
AsKnownAt = Annotated[
    int | None,
    QueryParameter(
        ge=1,
        le=INTEGER_MAX,
        description="What was believed when the log ended at this position, before what was "
        "orphaned later.",
    ),
]


class Moment(NamedTuple):
    """When a request asks about; now, where it says nothing."""

    at_block: int | None
    as_known_at: int | None

    @property
    def is_now(self) -> bool:
        """Whether the read models as they stand answer it."""
        return self == (None, None)

    @property
    def parameters(self) -> dict[str, int | UUID | None]:
        """What the statements of `then` and `FIND_MOMENT` are asked with."""
        block = self.at_block or 0
        return {
            **self._asdict(),
            "first_stream": block_streams_from(block),
            "end_stream": block_streams_from(block + 1),
        }


class Found(Struct, frozen=True):
    """A chain at a moment.

    Attributes:
        start_block: the first block of its history.
        position: up to which the log was known; null before the first range.
        block_number, block_hash: the newest block that was known.
        hash_at: of the block that is asked for, if an event of it, or its being the newest, tells.
    """

    chain_id: int
    start_block: int
    position: int | None
    block_number: int | None
    block_hash: str | None
    hash_at: str | None


class NotYetError(Problem):
    """What is asked about was created after the moment."""

    def __init__(self) -> None:
        super().__init__(
            404,
            "not-yet",
            title="Not there yet",
            detail="This was created later. Ask about a later block or position, or about now.",
        )


# Indexes: stored_event_notification_id backwards from the position to the chain's last range; the
# log's primary key for the events of one block; stored_event_rare_facts.
FIND_MOMENT = Statement(
    Found,
    f"""
    WITH known AS MATERIALIZED (
        SELECT
            CASE WHEN %(as_known_at)s::bigint IS NULL THEN serving.position
                ELSE {KNOWN_POSITION} END AS position
        FROM daybook.serving
    ),
    newest AS MATERIALIZED (
        SELECT chain_id, block_number, block_hash
        FROM {{read}}.chain WHERE %(as_known_at)s::bigint IS NULL
        UNION ALL
        SELECT chain.chain_id, fact.block_number, fact.block_hash
        FROM {{read}}.chain CROSS JOIN LATERAL (
            SELECT
                coalesce(state -> 'last', state -> 'fork_number')::bigint AS block_number,
                coalesce(state ->> 'last_hash', state ->> 'fork_hash') AS block_hash
            FROM log.stored_event
            WHERE %(as_known_at)s::bigint IS NOT NULL
              AND notification_id <= (SELECT position FROM known)
              AND topic IN ('RangeIndexed/1', 'BlocksOrphaned/1')
              AND (state -> 'chain_id')::bigint = chain.chain_id
            ORDER BY notification_id DESC LIMIT 1
        ) AS fact
    )
    SELECT
        chain.chain_id, opened.start_block, known.position, newest.block_number,
        newest.block_hash,
        CASE %(at_block)s::bigint WHEN newest.block_number THEN newest.block_hash ELSE (
            SELECT event.state ->> 'block_hash' FROM log.stored_event AS event
            WHERE event.originator_id >= %(first_stream)s::uuid
              AND event.originator_id < %(end_stream)s::uuid
              AND event.notification_id <= known.position
              AND (event.state -> 'chain_id')::bigint = chain.chain_id
              AND NOT EXISTS (
                  SELECT FROM log.orphaned_block AS gone
                  WHERE gone.chain_id = chain.chain_id
                    AND gone.hash = event.state ->> 'block_hash'
                    AND gone.attempt = event.originator_version >> 32
                    AND gone.position <= known.position
              )
            LIMIT 1
        ) END AS hash_at
    FROM
        {{read}}.chain
        INNER JOIN log.chain_opened AS opened USING (chain_id)
        CROSS JOIN known
        LEFT JOIN newest USING (chain_id)
    ORDER BY chain.chain_id
    """,
)


async def read_at(
    database: Database,
    moment: Moment,
    *statements: Statement[Any],
    seasons: str,
    chain_of: Statement[Any] | None = None,
    **parameters: Any,
) -> Reading:
    """Read statements about a moment; the reading gives their rows, and its block and position.

    `finalized` stays what is final by now, and so says whether the block can still be orphaned.

    Args:
        database: to read from.
        moment: that is asked about.
        statements: about now.
        seasons: SQL that selects the keys of the seasons that they are about.
        chain_of: finds the one thing that all is about, and its `chain_id`, null where there is
            none; read with the others, about now.
        parameters: of the statements.

    Raises:
        Problem: there is no such moment, or there was no such thing yet.
    """
    found_now = (chain_of,) if chain_of else ()
    if moment.is_now:
        return await database.read(*found_now, *statements, **parameters)
    begun = then(HAS_BEGUN, seasons=seasons)
    past = {statement: then(statement, seasons=seasons) for statement in statements}
    reading = await database.read(
        FIND_MOMENT, *found_now, begun, *past.values(), **moment.parameters, **parameters
    )
    chains = {row.chain_id: row for row in reading.rows(FIND_MOMENT)}
    if chain_of is None:
        _check(moment, reading, list(chains.values()))
    elif (thing := reading.first(chain_of)) is not None and thing.chain_id is not None:
        _check(moment, reading, [chains[thing.chain_id]])
        if not reading.rows(begun)[0].has_begun:
            raise NotYetError
    rows = {statement: reading.rows(asked) for statement, asked in past.items()}
    rows |= {statement: reading.rows(statement) for statement in found_now}
    return _reflecting(reading, moment, chains, rows)


def _reflecting(
    reading: Reading,
    moment: Moment,
    chains: dict[int, Found],
    rows: dict[Statement[Any], list[Any]],
) -> Reading:
    """The reading with the moment's blocks and position, and these rows."""
    made = copy.copy(reading)
    made.by_statement = rows
    made.position = next((found.position for found in chains.values() if found.position), 0)
    made.chains = [
        _head_then(head, chains[head.chain_id], moment.at_block) for head in reading.chains
    ]
    return made


def _check(moment: Moment, reading: Reading, found: list[Found]) -> None:
    """Raise the problem with the moment, if there is none such."""
    position = moment.as_known_at
    is_known = bool(found) and found[0].position is not None
    if position is not None and (position > reading.position or not is_known):
        raise Problem(
            400,
            "unknown-position",
            title="Nothing was known at this position",
            detail=f"as_known_at: the log is posted up to position {reading.position}, and says "
            "something from the end of its first range of blocks on.",
        )
    if moment.at_block is not None:
        _check_block(moment.at_block, found)


def _check_block(number: int, found: list[Found]) -> None:
    if len(found) > 1:
        raise Problem(
            400,
            "ambiguous-block",
            title="Several chains could have this block",
            detail="at_block: rows of several chains are listed here, each with blocks of its "
            "own. Ask with as_known_at, a position in the log, which holds them all.",
        )
    for chain in found:
        last = chain.block_number if chain.block_number is not None else chain.start_block - 1
        if not chain.start_block <= number <= last:
            raise Problem(
                400,
                "unknown-block",
                title="No such block",
                detail=f"at_block: of chain {chain.chain_id}, blocks {chain.start_block} to "
                f"{last} are known at that moment, and {number} is not among them.",
            )


def _head_then(head: ChainHead, found: Found, at_block: int | None) -> ChainHead:
    """The head with the number and hash of the moment's block."""
    if at_block is None:
        number, block_hash = found.block_number, found.block_hash
    else:
        number, block_hash = at_block, found.hash_at
    return ChainHead(head.chain_id, head.name, number, block_hash, None, head.finalized)
