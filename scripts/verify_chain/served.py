"""What the read models of one chain say, read in one snapshot, and the block that they reflect."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import psycopg
from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.sql import SQL, Identifier

from indexer.contract_reads import BlockName
from schema.errors import DaybookError
from schema.read_models import generation_schema
from schema.settings import ChainSettings
from scripts.verify_chain.findings import NotCompared
from scripts.verify_chain.readings import Row, Subject
from scripts.verify_chain.sampled import Sampled
from scripts.verify_chain.snapshots import SELECT_SNAPSHOTS, SNAPSHOT_TABLES
from scripts.verify_chain.subjects import SUBJECTS


class NothingServedError(DaybookError):
    """There are no read models of a chain yet."""

    def __init__(self, chain: str) -> None:
        super().__init__(
            f"chain {chain}: the read models reflect no block of it yet. "
            "Index and post it first: daybook run --until-head."
        )


class Counted(NamedTuple):
    """How many players' positions are looked up, and how many there are."""

    looked_up: int
    in_all: int


class Served(NamedTuple):
    """What is compared.

    Attributes:
        generation: that serves.
        position: in the log, up to which it is posted.
        rows: of each subject that can be compared.
        snapshots: every season that announced one, and what is served of it.
        not_compared: what cannot be, and why.
    """

    generation: int
    position: int
    block: BlockName
    rows: Mapping[Subject, Sequence[Row]]
    snapshots: Sequence[Row]
    players: Counted
    not_compared: list[NotCompared]


def read_served(connection: Connection[DictRow], chain: ChainSettings, sampled: Sampled) -> Served:
    """The read models of a chain, in a transaction of its own.

    The session keeps what `repetition` compares in temporary tables; so the transaction is short,
    and a generation that is to be dropped does not wait for it.

    Raises:
        NothingServedError: there are none, or they reflect no block of it.
    """
    wanted = {
        "chain_id": chain.id,
        "start_block": chain.start_block,
        "players": sampled.most,
        "seed": str(sampled.seed),
    }
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    with connection.transaction():
        serving = _enter(connection, chain)
        for statement in (*_CLEAR, _LEFT, _CHOOSE_SEASONS, _SELECT_POSITIONS, _CHOOSE_PLAYERS):
            connection.execute(statement, {**wanted, "position": serving["position"]})
        lacking = _lacking(connection, serving["generation"])
        compared = [each for each in SUBJECTS if lacking.keys().isdisjoint(each.tables)]
        rows = {each: connection.execute(each.select, wanted).fetchall() for each in compared}
        can_compare = lacking.keys().isdisjoint(SNAPSHOT_TABLES)
        snapshots = connection.execute(SELECT_SNAPSHOTS).fetchall() if can_compare else []
        counted = connection.execute(_COUNT_PLAYERS).fetchone()
        left_out = connection.execute(_LEFT_OUT, wanted).fetchall()
    assert counted is not None
    return Served(
        serving["generation"],
        serving["position"],
        BlockName(serving["number"], serving["hash"]),
        rows,
        snapshots,
        Counted(**counted),
        [*lacking.values(), *(NotCompared(**row) for row in left_out)],
    )


@contextmanager
def over_the_log(connection: Connection[DictRow]) -> Iterator[None]:
    """A transaction for statements that read all of the log, in the session of `read_served`.

    How many events of it fit, PostgreSQL has no idea of: a nested loop would read it all again
    for every one.
    """
    with connection.transaction():
        connection.execute("SET LOCAL enable_nestloop = off")
        connection.execute("SET LOCAL jit = off")
        connection.execute("SET LOCAL work_mem = '64MB'")
        yield


def _enter(connection: Connection[DictRow], chain: ChainSettings) -> DictRow:
    """Look at the tables of the generation that serves; what it reflects of the chain."""
    is_installed = connection.execute("SELECT to_regclass('daybook.serving') AS it").fetchone()
    serving = None
    if is_installed and is_installed["it"]:
        serving = connection.execute(_SELECT_SERVING).fetchone()
    if serving is None:
        raise NothingServedError(chain.name)
    schema = Identifier(generation_schema(serving["generation"]))
    # Temporary tables last: an unqualified name is always a read model's.
    connection.execute(SQL("SET search_path = {}, pg_temp").format(schema))
    block = connection.execute(_SELECT_BLOCK, [chain.id]).fetchone()
    if block is None:
        raise NothingServedError(chain.name)
    return {**serving, **block}


def _lacking(connection: Connection[DictRow], generation: int) -> dict[str, NotCompared]:
    """Read models that do not reflect the block, by name: they stopped, or are not there."""
    tables = sorted(
        {table for subject in SUBJECTS for table in subject.tables} | set(SNAPSHOT_TABLES)
    )
    rows = connection.execute(_SELECT_LACKING, [generation, tables]).fetchall()
    return {row["table"]: NotCompared(row["table"], row["count"], row["reason"]) for row in rows}


_SELECT_SERVING = "SELECT generation, position FROM daybook.serving"
_SELECT_BLOCK = """
    SELECT block_number AS number, block_hash AS hash
    FROM chain
    WHERE chain_id = %s AND block_number IS NOT NULL
"""
_SELECT_LACKING = """
    SELECT
        wanted.name AS table,
        0 AS count,
        CASE
            WHEN stopped.position IS NOT NULL
                THEN format('it stopped at position %%s: see daybook status', stopped.position)
            ELSE 'the generation that serves does not have it: see daybook replay'
        END AS reason
    FROM (SELECT %s::integer AS generation, unnest(%s::text[]) AS name) AS wanted
    LEFT JOIN daybook.stopped_read_model AS stopped
        ON stopped.generation = wanted.generation AND stopped.read_model = wanted.name
    WHERE
        stopped.position IS NOT NULL
        OR to_regclass(format('read_%%s.%%I', wanted.generation, wanted.name)) IS NULL
"""
_CLEAR = (
    "DROP TABLE IF EXISTS pg_temp.left_block",
    "DROP TABLE IF EXISTS pg_temp.compared_season",
    "DROP TABLE IF EXISTS pg_temp.served_position",
    "DROP TABLE IF EXISTS pg_temp.compared_player",
)
# As of that position an event does not count if a fact between the two orphans its block.
_LEFT = """
    CREATE TEMPORARY TABLE left_block AS
    SELECT hash, position
    FROM log.orphaned_block
    WHERE chain_id = %(chain_id)s AND position <= %(position)s
"""
# Seasons whose events all stand in the log up to the block.
_CHOOSE_SEASONS = """
    CREATE TEMPORARY TABLE compared_season AS
    SELECT season_key, deployment, season_id, raffle, curve, raffle_token,
        ARRAY(
            SELECT contract.address
            FROM contract
            WHERE
                contract.chain_id = season.chain_id
                AND contract.deployment = season.deployment
        ) AS contracts
    FROM season
    WHERE
        chain_id = %(chain_id)s
        AND NOT EXISTS (
            SELECT FROM contract
            WHERE
                contract.chain_id = season.chain_id
                AND contract.address IN (season.raffle, season.curve)
                AND contract.late
        )
"""
_SELECT_POSITIONS = """
    CREATE TEMPORARY TABLE served_position AS
    SELECT position.season_key, position.player, position.tickets
    FROM position
    INNER JOIN compared_season USING (season_key)
"""
_CHOOSE_PLAYERS = """
    CREATE TEMPORARY TABLE compared_player AS
    SELECT season_key, player
    FROM (
        SELECT
            season_key,
            player,
            row_number() OVER (
                PARTITION BY season_key ORDER BY md5(%(seed)s || player), player
            ) AS rank
        FROM served_position
    ) AS ranked
    WHERE %(players)s::bigint IS NULL OR rank <= %(players)s
"""
_COUNT_PLAYERS = """
    SELECT
        (SELECT count(*) FROM compared_player) AS looked_up,
        (SELECT count(*) FROM served_position) AS in_all
"""
_LEFT_OUT = """
    SELECT 'seasons' AS what, count(*) AS count,
        'their contracts are being back-filled: see daybook status' AS reason
    FROM season
    LEFT JOIN compared_season USING (season_key)
    WHERE season.chain_id = %(chain_id)s AND compared_season.season_key IS NULL
    HAVING count(*) > 0
    UNION ALL
    SELECT 'balances of SOF', count(*),
        'the log does not begin with the chain, and the token may be older than the log'
    FROM balance
    INNER JOIN contract
        ON contract.chain_id = balance.chain_id AND contract.address = balance.token
    WHERE
        %(start_block)s > 0
        AND balance.chain_id = %(chain_id)s
        AND contract.kind = 'token'
    HAVING count(*) > 0
"""
