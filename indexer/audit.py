"""Compares what the log holds with what the chain says now: a sample of ranges, or all of them.

Every endpoint is asked, by the strongest proof that it gives. What the log has of a range's
blocks, orphaned ones left out, must be what a fresh look finds, byte for byte.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import Literal, NamedTuple

import msgspec
from psycopg import Connection
from psycopg.rows import DictRow

from indexer.endpoint import Endpoint
from indexer.errors import EndpointError
from indexer.fetch import Fetched, as_many_as_fit, fetch, fetch_headers, proved
from indexer.node import Node
from indexer.sample import Chosen, FinalRange, NothingFinalError, Sample
from schema.database import Role, connect
from schema.events import Event, UndecodedLog
from schema.log.chain import Chain, Proof
from schema.log.digest import split_row
from schema.log.mapper import STORED_AS, load_event
from schema.log.scan import UnreadableRowError, read, scan_blocks
from schema.log.store import LogDatastore, load_chain
from schema.log.streams import LOG_INDEX_BITS, chain_ordinal
from schema.progress import Progress, Report

_ROLE: Role = "daybook_api"
_ROUNDS = 3
_SHOWN_CHARACTERS_MAX = 1_000

# A log by its block's number and hash, and its index there.
Place = tuple[int, str, int]
LoggedEvent = Event | UndecodedLog
Difference = Literal["missing", "added", "changed", "block"]


class Discrepancy(msgspec.Struct, frozen=True):
    """Something that the log and an endpoint do not agree on.

    Attributes:
        endpoint: alias of the endpoint.
        position: of the event in the log, or of the range where the log has none.
        what: "missing" in the log, "added" to it, "changed", or another "block".
        chain: what the endpoint proved.
        log: what stands in the log.
    """

    endpoint: str
    position: int
    block_number: int
    log_index: int | None
    what: Difference
    chain: str
    log: str


class Audited(msgspec.Struct, frozen=True):
    """One range as one endpoint sees it.

    Attributes:
        endpoint: its alias.
        proof: how it showed its answer complete.
        events: how many events it proved.
    """

    endpoint: str
    first: int
    last: int
    proof: Proof
    events: int
    discrepancies: list[Discrepancy]


class Logged(NamedTuple):
    """An event of the log, and its position."""

    position: int
    event: LoggedEvent


def audit(node: Node, database_url: str, sample: Sample, report: Report) -> Iterator[Audited]:
    """Compare ranges of the log with the chain: each of them with what every endpoint proves.

    Args:
        node: the chain's endpoints.
        database_url: where the log is.
        sample: which ranges.
        report: told how many of them are done.

    Raises:
        NothingFinalError: the log has no final range of this chain.
        EndpointError: no endpoint gave a proved answer.
        StoppedError: we were asked to stop.
        ConfigurationError: all endpoints are of another chain.
        DatabaseUnavailableError: nothing answers.
    """
    chain = _load(database_url, node.settings.id)
    node.check()
    events = 0
    with closing(connect(database_url, role=_ROLE, application_name="daybook-audit")) as session:
        chosen = Chosen(session, chain, sample)
        if not chosen.total:
            raise NothingFinalError(node.settings.name)
        for done, each in enumerate(chosen, 1):
            logged = _logged(session, chain, each)
            for alias, parts in _look(node, chain, each):
                theirs = _events(parts)
                last_hash = parts[-1].headers[-1].hash
                found = [
                    *_compare_last(alias, each, last_hash),
                    *_compare(alias, each, logged, theirs),
                ]
                events += len(theirs)
                yield Audited(alias, each.first, each.last, parts[-1].proof, len(theirs), found)
            name = f"audit {node.settings.name}"
            report(Progress(name, "ranges", min(done, chosen.total), chosen.total, events))


def _load(database_url: str, chain_id: int) -> Chain:
    datastore = LogDatastore(database_url, role=_ROLE, application_name="daybook-audit")
    with closing(datastore), datastore.cursor() as cursor:
        return load_chain(cursor, chain_id)


def _look(node: Node, chain: Chain, each: FinalRange) -> list[tuple[str, list[Fetched]]]:
    """The range as each endpoint has it that answers, by alias; in parts, if it is too large."""
    contracts = {a: f for a, f in chain.contracts.items() if f.block <= each.last}
    if chain.growth is not None and each.last <= chain.growth.covered.number:
        contracts |= chain.growth.contracts
    wanted: Proof = "none" if node.settings.proof == "none" else "receipts"

    def part(endpoint: Endpoint, first: int, blocks: int) -> Fetched:
        headers = fetch_headers(endpoint, first, first + blocks - 1, proof=wanted)

        def read_by(proof: Proof) -> Fetched:
            return fetch(endpoint, headers, contracts, chain=chain, proof=proof)

        return proved(endpoint, wanted, read_by)

    def unit(endpoint: Endpoint) -> list[Fetched]:
        parts: list[Fetched] = []
        first = each.first
        while first <= each.last:
            parts.append(as_many_as_fit(each.last - first + 1, partial(part, endpoint, first)))
            first = parts[-1].headers[-1].number + 1
        return parts

    for attempt in range(1, _ROUNDS):
        try:
            return node.ask_each(unit)
        except EndpointError:
            node.wait(attempt)
    return node.ask_each(unit)


def _logged(session: Connection[DictRow], chain: Chain, each: FinalRange) -> dict[Place, Logged]:
    """The events that the log has of these blocks, as the chain has them."""
    assert chain.opened is not None
    left = session.execute(_LEFT, [chain.chain_id, each.first, each.last]).fetchall()
    orphaned = {(row["hash"], row["attempt"]) for row in left}
    growth = chain.growth
    coming = growth.contracts if growth and each.last > growth.covered.number else {}
    logged: dict[Place, Logged] = {}
    for row in scan_blocks(session, first=each.first, last=each.last):
        if chain_ordinal(row.stream) != chain.opened.ordinal:
            continue
        try:
            event, _ = read(row)
        except UnreadableRowError:
            continue  # the log lacks what nobody can read
        assert isinstance(event, LoggedEvent)
        attempt = row.version >> LOG_INDEX_BITS
        if (event.block_hash, attempt) not in orphaned and event.contract not in coming:
            place = (event.block_number, event.block_hash, event.log_index)
            logged[place] = Logged(row.position, event)
    return logged


def _events(parts: Sequence[Fetched]) -> dict[Place, LoggedEvent]:
    """The events that an endpoint proved."""
    blocks = [rows for fetched in parts for rows in fetched.rows.values()]
    events = [_event(row) for rows in blocks for row, _ in rows]
    return {(event.block_number, event.block_hash, event.log_index): event for event in events}


def _event(row: bytes) -> LoggedEvent:
    _, _, topic, state = split_row(row)
    event = load_event(topic, state)
    assert isinstance(event, Event | UndecodedLog)
    return event


def _compare_last(alias: str, each: FinalRange, last_hash: str) -> Iterator[Discrepancy]:
    """Whether the range ends with the block that the log says."""
    if last_hash != each.last_hash:
        place = (each.position, each.last, None)
        yield Discrepancy(alias, *place, "block", last_hash, each.last_hash)


def _compare(
    alias: str,
    each: FinalRange,
    logged: dict[Place, Logged],
    proved_events: dict[Place, LoggedEvent],
) -> Iterator[Discrepancy]:
    """The events that are not the same, in the order of the chain."""
    for place in sorted(logged.keys() | proved_events.keys()):
        ours, theirs = logged.get(place), proved_events.get(place)
        if ours is None or ours.event != theirs:
            position = each.position if ours is None else ours.position
            number, _, index = place
            shown = _differing(theirs, ours.event if ours else None)
            yield Discrepancy(alias, position, number, index, *shown)


def _differing(theirs: LoggedEvent | None, ours: LoggedEvent | None) -> tuple[Difference, str, str]:
    """How two events differ: the kind of it, and what to show of each."""
    if ours is None or theirs is None:
        return "missing" if ours is None else "added", _shown(theirs), _shown(ours)
    if type(theirs) is not type(ours):
        return "changed", _shown(theirs), _shown(ours)
    differing = [
        field for field in ours.__struct_fields__ if getattr(ours, field) != getattr(theirs, field)
    ]
    return "changed", _shown(theirs, differing), _shown(ours, differing)


def _shown(event: LoggedEvent | None, fields: Sequence[str] = ()) -> str:
    """Name and fields of an event; all of them unless some are named."""
    if event is None:
        return "no such event"
    values = msgspec.structs.asdict(event)
    told = {field: values[field] for field in fields or values}
    text = f"{STORED_AS[type(event)]} {msgspec.json.encode(told).decode()}"
    return text[:_SHOWN_CHARACTERS_MAX]


# Blocks that the chain left. Index: stored_event_rare_facts.
_LEFT = """
    SELECT hash, attempt FROM log.orphaned_block
    WHERE chain_id = %s AND number BETWEEN %s AND %s
"""
