"""Runs the indexer over a test's node, and reads back what the log then holds."""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import msgspec
import psycopg
from psycopg.rows import dict_row

import indexer
from schema.events import CODECS, UndecodedLog
from schema.families import FAMILIES, AnyDeployment, contracts_of
from schema.log.mapper import load_event
from schema.progress import Progress
from schema.settings import ChainSettings, Settings
from scripts.simulate.deployment import CHAIN_ID

_PATIENCE_SECONDS = 20.0


class StoredLog(NamedTuple):
    """A log as the chain had it, got back from the event that is stored."""

    block_hash: str
    log_index: int
    address: str
    topics: tuple[str, ...]
    data: str


def settings_for(url: str, contracts: Mapping[str, str], **chain: Any) -> Settings:
    """A configuration of one chain at one endpoint, with a deployment a family."""
    values = {"id": CHAIN_ID, "name": "local", "rpc": [url], **chain}
    deployments = deployments_for(contracts, values["id"])
    return Settings(chain=[msgspec.convert(values, ChainSettings)], deployment=deployments)


def deployments_for(
    contracts: Mapping[str, str], chain_id: int = CHAIN_ID, **names: str
) -> list[AnyDeployment]:
    """The deployments that have these contracts, called by what numbers, or as their family."""
    names = {"raffle": "raffles", **names}
    deployments = []
    for tag, family in FAMILIES.items():
        own = {k: at for k, at in contracts.items() if k in contracts_of(family).__struct_fields__}
        if own:
            name = names.get(family.numbered_by, tag)
            values = {"family": tag, "name": name, "chain": chain_id, "contracts": own}
            deployments.append(msgspec.convert(values, AnyDeployment))
    return deployments


def index_to_head(settings: Settings, database_url: str, *, resume: bool = False) -> list[Progress]:
    """Index up to the head; what was reported on the way."""
    reports: list[Progress] = []
    indexer.index(
        settings,
        database_url,
        until_head=True,
        stop=threading.Event(),
        report=reports.append,
        resume=resume,
    )
    return reports


@contextmanager
def indexing(settings: Settings, database_url: str) -> Iterator[threading.Event]:
    """Index in the background until left; gives the event that stops it sooner."""
    stop = threading.Event()
    errors: list[BaseException] = []

    def run() -> None:
        try:
            indexer.index(
                settings, database_url, until_head=False, stop=stop, report=lambda _: None
            )
        except BaseException as error:  # noqa: BLE001  raised below, in the test's thread
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join()
    if errors:
        raise errors[0]


def query(database_url: str, statement: str) -> list[dict[str, Any]]:
    """The rows of a statement."""
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        return connection.execute(statement.encode()).fetchall()


def wait_for(
    database_url: str, statement: str, *, patience_seconds: float = _PATIENCE_SECONDS
) -> list[dict[str, Any]]:
    """The rows of a statement, once there are any."""
    deadline = time.monotonic() + patience_seconds
    while time.monotonic() < deadline:
        if rows := query(database_url, statement):
            return rows
        time.sleep(0.02)
    raise AssertionError(f"never any rows: {statement}")


def wait_for_head(
    database_url: str, block_hash: str, *, patience_seconds: float = _PATIENCE_SECONDS
) -> None:
    """Wait until this block is the last one indexed."""
    wait_for(
        database_url,
        f"SELECT FROM (SELECT * FROM log.range_indexed ORDER BY position DESC LIMIT 1) AS newest "
        f"WHERE last_hash = '{block_hash}'",
        patience_seconds=patience_seconds,
    )


def stored_logs(database_url: str, *, orphaned: bool = False) -> Counter[StoredLog]:
    """Every log in the event log, encoded again; those of orphaned blocks, or all others."""
    rows = query(database_url, _ORPHANED if orphaned else _CANONICAL)
    events = [load_event(row["topic"], row["state"]) for row in rows]
    return Counter(_encode(event) for event in events)


def _encode(event: Any) -> StoredLog:
    place = (event.block_hash, event.log_index, event.contract)
    if isinstance(event, UndecodedLog):
        return StoredLog(*place, event.topics, event.data)
    topics, data = CODECS[type(event)].encode(event)
    return StoredLog(*place, tuple(topics), data)


_EVENTS = """
    SELECT topic, state::text AS state
    FROM log.stored_event AS event
    WHERE state ? 'log_index'
        AND {} (
            SELECT FROM log.orphaned_block AS orphan
            WHERE orphan.hash = event.state ->> 'block_hash'
                AND orphan.attempt = event.originator_version >> 32
        )
"""
_CANONICAL, _ORPHANED = _EVENTS.format("NOT EXISTS"), _EVENTS.format("EXISTS")
