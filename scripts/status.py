"""`daybook status`: what is indexed, how it was proved, and what the read models reflect."""

from contextlib import closing
from typing import Literal

import msgspec
from psycopg import Connection
from psycopg.rows import DictRow

from schema.database import connect
from schema.log.chain import Chain
from schema.log.store import LogDatastore, load_chain
from schema.settings import Settings
from scripts.coverage import ContractCoverage, coverage_of
from scripts.database import install_read_models, open_database
from scripts.status_read_models import ReadModelStatus, read_model_status
from scripts.status_tables import print_tables


class Hole(msgspec.Struct, frozen=True):
    """Blocks that no range of the log covers."""

    first: int
    last: int


class ChainStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What the log holds of a chain; numbers are None before the first range.

    Attributes:
        state: `back-filling` while final blocks are missing, of all contracts or of late ones.
        blocks_by_proof: how many indexed blocks were shown complete by what.
        late_blocks_by_proof: the same of what was back-filled for late contracts.
        holes: which should never be.
        events: in the log, those of orphaned blocks included.
        reorganisations: how often blocks were orphaned.
    """

    chain_id: int
    name: str
    state: Literal["not begun", "back-filling", "following"]
    block_number: int | None
    block_hash: str | None
    block_time: str | None
    finalized: int | None
    events: int
    blocks_by_proof: dict[str, int]
    late_blocks_by_proof: dict[str, int]
    holes: list[Hole]
    contracts: int
    coverage: list[ContractCoverage]
    reorganisations: int


class AlertStatus(msgspec.Struct, frozen=True):
    """Something that operators were told of, since it is so; `detail` is what was seen last."""

    name: str
    subject: str
    since: str
    detail: str


class Status(msgspec.Struct, frozen=True):
    """Everything that `daybook status` tells."""

    chains: list[ChainStatus]
    read_models: ReadModelStatus
    alerts: list[AlertStatus]


def show_status(settings: Settings, *, as_json: bool, each_contract: bool = False) -> None:
    """Print the status, as tables or as one JSON object, which names each contract."""
    with open_database(settings) as url:
        install_read_models(url)
        status = read_status(settings, url)
    if as_json:
        print(msgspec.json.encode(status).decode())
    else:
        print_tables(status, each_contract=each_contract)


def read_status(settings: Settings, database_url: str) -> Status:
    """Ask the log and the control tables."""
    name = "daybook-status"
    chains = _load_chains(settings, database_url)
    with connect(database_url, role="daybook_api", application_name=name) as session:
        return Status(
            [_chain_status(session, settings, chain) for chain in chains],
            read_model_status(session),
            [AlertStatus(**row) for row in session.execute(_ALERTS).fetchall()],
        )


def _load_chains(settings: Settings, database_url: str) -> list[Chain]:
    log = LogDatastore(database_url, role="daybook_api", application_name="daybook-status")
    with closing(log), log.cursor() as cursor:
        return [load_chain(cursor, chain.id) for chain in settings.chain]


def _chain_status(session: Connection[DictRow], settings: Settings, chain: Chain) -> ChainStatus:
    stream = chain.id
    last = session.execute(_LAST_RANGE, [stream]).fetchone() or {}
    proofs = session.execute(_PROOFS, [stream]).fetchall()
    rare = session.execute(_RARE, [stream]).fetchone()
    assert rare is not None
    coverage = coverage_of(chain, settings.deployments_of(chain.chain_id))
    return ChainStatus(
        chain_id=chain.chain_id,
        name=next(each.name for each in settings.chain if each.id == chain.chain_id),
        state=_state(chain, coverage),
        block_number=last.get("last"),
        block_hash=last.get("last_hash"),
        block_time=last.get("last_time"),
        finalized=last.get("finalized"),
        events=sum(row["events"] for row in proofs),
        blocks_by_proof=_blocks_by_proof(proofs, late=False),
        late_blocks_by_proof=_blocks_by_proof(proofs, late=True),
        holes=_holes(session, chain),
        contracts=len(coverage),
        coverage=coverage,
        reorganisations=rare["reorganisations"],
    )


def _state(
    chain: Chain, coverage: list[ContractCoverage]
) -> Literal["not begun", "back-filling", "following"]:
    if chain.head is None:
        return "not begun"
    if chain.finalized > chain.head.number or any(c.state != "complete" for c in coverage):
        return "back-filling"
    return "following"


def _blocks_by_proof(rows: list[DictRow], *, late: bool) -> dict[str, int]:
    return {row["proof"]: row["blocks"] for row in rows if row["late"] == late}


def _holes(session: Connection[DictRow], chain: Chain) -> list[Hole]:
    if chain.opened is None:
        return []
    parameters = {"stream": chain.id, "start": chain.opened.start_block}
    return [Hole(**row) for row in session.execute(_HOLES, parameters).fetchall()]


# Index of all: primary key (originator_id, originator_version).
_LAST_RANGE = """
    SELECT
        (state -> 'last')::bigint AS last,
        state ->> 'last_hash' AS last_hash,
        to_char(
            to_timestamp((state -> 'last_time')::bigint) AT TIME ZONE 'UTC',
            'YYYY-MM-DD"T"HH24:MI:SS"Z"'
        ) AS last_time,
        (state -> 'finalized')::bigint AS finalized
    FROM log.stored_event
    WHERE originator_id = %s AND topic = 'RangeIndexed/1'
    ORDER BY originator_version DESC
    LIMIT 1
"""
_PROOFS = """
    SELECT
        topic = 'ContractsBackfilled/1' AS late,
        state ->> 'proof' AS proof,
        sum((state -> 'last')::bigint - (state -> 'first')::bigint + 1)::bigint AS blocks,
        sum((state -> 'events')::bigint)::bigint AS events
    FROM log.stored_event
    WHERE originator_id = %s AND topic IN ('RangeIndexed/1', 'ContractsBackfilled/1')
    GROUP BY 1, 2
    ORDER BY 1, 2
"""
# Where a range begins beyond what was covered before it: where the range before ended, or the fork
# to which the chain went back; a back-fill of late contracts begins at the chain's start.
_HOLES = """
    SELECT covered + 1 AS first, first - 1 AS last
    FROM (
        SELECT
            topic,
            (state -> 'first')::bigint AS first,
            coalesce(
                lag(
                    CASE
                        WHEN state ? 'joined' THEN NULL
                        ELSE coalesce(state -> 'last', state -> 'fork_number')::bigint
                    END
                ) OVER (
                    PARTITION BY topic = 'ContractsBackfilled/1' ORDER BY originator_version
                ),
                %(start)s - 1
            ) AS covered
        FROM log.stored_event
        WHERE
            originator_id = %(stream)s
            AND topic IN ('RangeIndexed/1', 'ContractsBackfilled/1', 'BlocksOrphaned/1')
    ) AS step
    WHERE first > covered + 1
    ORDER BY first
"""
_RARE = """
    SELECT count(*) AS reorganisations
    FROM log.stored_event
    WHERE originator_id = %s
      AND topic IN ('ChainOpened/1', 'ContractDiscovered/1', 'BlocksOrphaned/1')
      AND topic = 'BlocksOrphaned/1'
"""
_ALERTS = """
    SELECT
        name,
        subject,
        to_char(since AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS since,
        detail
    FROM daybook.alert
    ORDER BY alert.since, name, subject
"""
