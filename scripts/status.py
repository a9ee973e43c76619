"""`daybook status`: what is indexed, how it was proved, and what the read models reflect."""

from typing import Any

import msgspec
from psycopg import Connection
from psycopg.rows import DictRow
from rich.console import Console, JustifyMethod
from rich.table import Table

from schema.database import connect
from schema.log.streams import chain_stream_id
from schema.settings import ChainSettings, Settings
from scripts.database import install_read_models, open_database


class ChainStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What the log holds of a chain; numbers are None before the first range.

    Attributes:
        blocks_by_proof: how many indexed blocks were shown complete by what.
        events: in the log, those of orphaned blocks included.
        reorganisations: how often blocks were orphaned.
    """

    chain_id: int
    name: str
    block_number: int | None
    block_hash: str | None
    block_time: str | None
    finalized: int | None
    events: int
    blocks_by_proof: dict[str, int]
    contracts: int
    reorganisations: int


class ReadModelStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What the read models reflect; `generation` is None before the first one serves."""

    generation: int | None
    position: int
    log_position: int
    behind: int
    stopped_fold: str | None
    stopped_reason: str | None


class Status(msgspec.Struct, frozen=True):
    """Everything that `daybook status` tells."""

    chains: list[ChainStatus]
    read_models: ReadModelStatus


def show_status(settings: Settings, *, as_json: bool) -> None:
    """Print the status, as a table or as one JSON object."""
    with open_database(settings) as url:
        install_read_models(url)
        with connect(url, role="daybook_api", application_name="daybook-status") as session:
            status = read_status(session, settings.chain)
    if as_json:
        print(msgspec.json.encode(status).decode())
    else:
        _print_tables(status)


def read_status(session: Connection[DictRow], chains: list[ChainSettings]) -> Status:
    """Ask the log and the control tables."""
    with session.transaction():
        return Status(
            [_chain_status(session, chain) for chain in chains], _read_model_status(session)
        )


def _chain_status(session: Connection[DictRow], chain: ChainSettings) -> ChainStatus:
    stream = chain_stream_id(chain.id)
    last = session.execute(_LAST_RANGE, [stream]).fetchone() or {}
    proofs = session.execute(_PROOFS, [stream]).fetchall()
    rare = session.execute(_RARE, [stream]).fetchone()
    assert rare is not None
    return ChainStatus(
        chain_id=chain.id,
        name=chain.name,
        block_number=last.get("last"),
        block_hash=last.get("last_hash"),
        block_time=last.get("last_time"),
        finalized=last.get("finalized"),
        events=sum(row["events"] for row in proofs),
        blocks_by_proof={row["proof"]: row["blocks"] for row in proofs},
        contracts=rare["contracts"],
        reorganisations=rare["reorganisations"],
    )


def _read_model_status(session: Connection[DictRow]) -> ReadModelStatus:
    row: dict[str, Any] | None = session.execute(_READ_MODELS).fetchone()
    assert row is not None
    return ReadModelStatus(**row)


def _print_tables(status: Status) -> None:
    console = Console()
    table = Table(title="Chains", title_justify="left")
    for heading in ("chain", "block", "time", "final", "events", "contracts", "reorgs", "proof"):
        justify: JustifyMethod = "left" if heading in {"chain", "proof"} else "right"
        table.add_column(heading, justify=justify, overflow="fold")
    for chain in status.chains:
        proof = ", ".join(f"{name} {count:,}" for name, count in chain.blocks_by_proof.items())
        table.add_row(
            f"{chain.name} ({chain.chain_id})",
            _number(chain.block_number),
            chain.block_time or "–",
            _number(chain.finalized),
            f"{chain.events:,}",
            f"{chain.contracts:,}",
            f"{chain.reorganisations:,}",
            proof or "–",
        )
    console.print(table)
    models = status.read_models
    console.print(
        f"Read models: generation {models.generation or '–'} at position {models.position:,}"
        f" of {models.log_position:,} ({models.behind:,} behind)"
    )
    if models.stopped_fold is not None:
        console.print(
            f"[bold red]Stopped[/] at fold {models.stopped_fold}: {models.stopped_reason}"
        )


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


# Index of the three: primary key (originator_id, originator_version).
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
        state ->> 'proof' AS proof,
        sum((state -> 'last')::bigint - (state -> 'first')::bigint + 1)::bigint AS blocks,
        sum((state -> 'events')::bigint)::bigint AS events
    FROM log.stored_event
    WHERE originator_id = %s AND topic = 'RangeIndexed/1'
    GROUP BY 1
    ORDER BY 1
"""
_RARE = """
    SELECT
        count(*) FILTER (WHERE topic = 'ContractDiscovered/1') AS contracts,
        count(*) FILTER (WHERE topic = 'BlocksOrphaned/1') AS reorganisations
    FROM log.stored_event
    WHERE originator_id = %s
      AND topic IN ('ChainOpened/1', 'ContractDiscovered/1', 'BlocksOrphaned/1')
"""
_READ_MODELS = """
    SELECT
        serving.generation,
        coalesce(serving.position, 0) AS position,
        log.position AS log_position,
        log.position - coalesce(serving.position, 0) AS behind,
        newest.stopped_fold,
        newest.stopped_reason
    FROM
        (SELECT coalesce(max(notification_id), 0) AS position FROM log.stored_event) AS log
        LEFT JOIN daybook.serving ON true
        LEFT JOIN (
            SELECT stopped_fold, stopped_reason FROM daybook.generation
            ORDER BY number DESC LIMIT 1
        ) AS newest ON true
"""
