"""Blocks with every log of the followed contracts in them: fetched, proved, decoded and encoded.

All of it is done at one endpoint, as one unit. Contracts that the events announce are followed
from their block on, in the same blocks, until nothing new is announced.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import NamedTuple, TypeVar

import structlog

from indexer.discovery import ANNOUNCING, announced
from indexer.endpoint import Endpoint, lacks_method
from indexer.errors import NotYetError, RangeTooLargeError, RpcError
from indexer.logs import LogSource
from indexer.proof import Header, verify_header, verify_links
from indexer.roster import Contracts, Roster, is_new
from indexer.spare import Spare
from indexer.wire import Log
from schema.events import Event, UndecodedLog, decode
from schema.log.chain import Chain, ContractDiscovered, Followed, Proof
from schema.log.digest import CheckedRow, checked
from schema.log.store import store_block_events

_log = structlog.get_logger()
_T = TypeVar("_T")

Events = list[Event | UndecodedLog]


class Fetched(NamedTuple):
    """Contiguous blocks and all logs of some contracts in them.

    Attributes:
        headers: of every block.
        roster: the contracts that are followed.
        seen: so many of the roster's contracts were known when the logs were fetched.
        own: contracts whose logs are here although they came later, by address.
        rows: of their events, by block number, without empty blocks.
        size: bytes of these rows.
        discovered: contracts that the events announce, as not known before.
        proof: how it was shown that nothing is missing.
        spare: other logs of these blocks too, for contracts that are announced late.
    """

    headers: Sequence[Header]
    roster: Roster
    seen: int
    own: Contracts
    rows: dict[int, list[CheckedRow]]
    size: int
    discovered: list[ContractDiscovered]
    proof: Proof
    spare: Spare

    @property
    def missing(self) -> dict[str, Followed]:
        """Contracts whose logs are not here, although they may have some."""
        last = self.headers[-1].number
        return {
            address: followed
            for address, followed in self.roster.since(self.seen).items()
            if followed.block <= last and is_new(self.own, address, followed)
        }


def fetch_headers(endpoint: Endpoint, first: int, last: int, *, proof: Proof) -> list[Header]:
    """The verified headers of blocks `first` to `last`, each linked to the one before it.

    Raises:
        EndpointError: the endpoint failed, does not have one of them, or gave a wrong one.
    """
    blocks = endpoint.blocks(range(first, last + 1))
    headers = []
    for number, block in zip(range(first, last + 1), blocks, strict=True):
        if block is None:
            raise NotYetError(endpoint.alias, block=number)
        headers.append(verify_header(endpoint.alias, block, proof=proof))
    verify_links(endpoint.alias, headers, first=first)
    return headers


def fetch(
    endpoint: Endpoint,
    headers: Sequence[Header],
    contracts: Contracts,
    *,
    chain: Chain,
    proof: Proof,
) -> Fetched:
    """All logs of these contracts, and of those they announce, in these blocks.

    Raises:
        EndpointError: the endpoint failed, or its answer is not proved.
    """
    return fetch_listed(endpoint, headers, Roster(contracts), chain=chain, proof=proof)


def fetch_listed(
    endpoint: Endpoint,
    headers: Sequence[Header],
    roster: Roster,
    *,
    chain: Chain,
    proof: Proof,
) -> Fetched:
    """All logs of a roster's contracts, and of those they announce, in these blocks.

    Raises:
        EndpointError: the endpoint failed, or its answer is not proved.
    """
    fetched = Fetched(headers, roster, len(roster), {}, {}, 0, [], proof, Spare())
    source = LogSource(endpoint, Spare())
    return _with_logs(source, fetched, dict(roster.contracts), chain)


def extend(endpoint: Endpoint, fetched: Fetched, missing: Contracts, *, chain: Chain) -> Fetched:
    """The same blocks with the logs of contracts that were missing.

    Raises:
        EndpointError: the endpoint failed, or its answer is not proved.
    """
    source = LogSource(endpoint, fetched.spare)
    return _with_logs(source, fetched._replace(own={**fetched.own, **missing}), missing, chain)


def _with_logs(source: LogSource, fetched: Fetched, wanted: Contracts, chain: Chain) -> Fetched:
    """The same blocks with the logs of wanted contracts, and of those they announce."""
    own, rows, discovered = dict(fetched.own), dict(fetched.rows), list(fetched.discovered)
    headers = fetched.headers
    while wanted:
        found: dict[str, ContractDiscovered] = {}
        for header, events in _new_events(source, headers, fetched.proof, wanted, chain):
            rows[header.number] = _merge(rows.get(header.number), _encode(events, chain, header))
            for fact in _announced(events, wanted):
                followed = Followed(fact.deployment, fact.kind, fact.block)
                if fetched.roster.is_new(fact.address, followed) and is_new(
                    own, fact.address, followed
                ):
                    found.setdefault(fact.address, fact)  # of two announcements the first stays
        discovered += found.values()
        wanted = {
            address: Followed(fact.deployment, fact.kind, fact.block)
            for address, fact in found.items()
        }
        own |= wanted
        first = min([followed.block for followed in wanted.values()], default=0)
        headers = [header for header in headers if header.number >= first]
    size = sum([len(row) for block in rows.values() for row, _ in block])
    return fetched._replace(
        own=own, rows=rows, size=size, discovered=discovered, spare=source.spare.bounded()
    )


def _new_events(
    source: LogSource,
    headers: Sequence[Header],
    proof: Proof,
    wanted: Contracts,
    chain: Chain,
) -> Iterable[tuple[Header, Events]]:
    """The events of wanted contracts, block by block, without empty blocks."""
    blocks = source.logs(headers, wanted.keys(), proof)
    for header in headers:
        if events := _decode(chain.chain_id, header, blocks.get(header.number, ()), wanted):
            yield header, events


def _encode(events: Events, chain: Chain, header: Header) -> list[CheckedRow]:
    """The rows of a block's events, as this chain's log takes them."""
    assert chain.opened is not None
    attempt = chain.attempt(header.hash)
    return checked(store_block_events(events, ordinal=chain.opened.ordinal, attempt=attempt))


def proved(endpoint: Endpoint, proof: Proof, read: Callable[[Proof], Fetched]) -> Fetched:
    """What `read` gives with this proof; or by bloom, at an endpoint without receipts.

    The range says by which it was.
    """
    if proof == "receipts" and endpoint.has_receipts:
        try:
            return read(proof)
        except RpcError as error:
            if not lacks_method(error):
                raise
            endpoint.has_receipts = False
            _log.warning("endpoint_without_receipts", endpoint=endpoint.alias, proved_by="bloom")
    return read("bloom" if proof == "receipts" else proof)


def as_many_as_fit(blocks: int, take: Callable[[int], _T]) -> _T:
    """What `take` gives of this many blocks, or of half as many, as often as they are too large."""
    while True:
        try:
            return take(blocks)
        except RangeTooLargeError:
            blocks //= 2


def _announced(events: Events, contracts: Contracts) -> Iterable[ContractDiscovered]:
    """The facts that events of these contracts announce others."""
    for event in [event for event in events if type(event) in ANNOUNCING]:
        deployment = contracts[event.contract].deployment
        for kind, address in announced(event):
            fact = (event.chain_id, deployment, kind, address, event.block_number)
            yield ContractDiscovered(*fact)


def _decode(chain_id: int, header: Header, logs: Iterable[Log], contracts: Contracts) -> Events:
    number, block_hash, time = header.number, header.hash, header.time
    events: Events = []
    for log in logs:
        address = log.address
        followed = contracts[address]
        # Before its announcement an address is nobody's: else ranges cut otherwise would differ.
        if followed.block <= number:
            place = (
                chain_id,
                number,
                block_hash,
                time,
                log.transaction_hash,
                int(log.transaction_index, 16),
                int(log.log_index, 16),
                address,
            )
            events.append(decode(followed.kind, place, log.topics, log.data))
    return events


def _merge(rows: list[CheckedRow] | None, added: list[CheckedRow]) -> list[CheckedRow]:
    """Both, each once: the rows of one block sort by their log index."""
    if rows is None:
        return added
    # Of two sorted lists this is a merge; a set would hash every byte.
    return [row for row, _ in groupby(sorted(rows + added))]
