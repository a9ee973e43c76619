"""Blocks with every log of the followed contracts in them: fetched, proved, decoded and encoded.

All of it is done at one endpoint, as one unit. Contracts that the events announce are followed
from their block on, in the same blocks, until nothing new is announced.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import structlog

from indexer.discovery import ANNOUNCING, announced
from indexer.endpoint import Endpoint, lacks_method
from indexer.errors import NotYetError, RangeTooLargeError, RpcError
from indexer.logs import LogSource, Verified
from indexer.proof import Header, verify_header, verify_links
from indexer.wire import Log
from schema.events import Event, UndecodedLog, decode
from schema.log.chain import Chain, ContractDiscovered, Followed, Proof
from schema.log.digest import CheckedRow, checked
from schema.log.store import store_block_events

# Verified logs of a range are kept until its turn if their data has no more hex digits than this.
_VERIFIED_DIGITS_MAX = 2 << 20

_log = structlog.get_logger()
_T = TypeVar("_T")

Events = list[Event | UndecodedLog]
Contracts = Mapping[str, Followed]


class Fetched(NamedTuple):
    """Contiguous blocks and all logs of some contracts in them.

    Attributes:
        headers: of every block.
        contracts: whose logs are here, by address.
        rows: of their events, by block number, without empty blocks.
        size: bytes of these rows.
        discovered: contracts that the events announce, as not known before.
        proof: how it was shown that nothing is missing.
        verified: other logs of these blocks too, for contracts that are announced late.
    """

    headers: Sequence[Header]
    contracts: dict[str, Followed]
    rows: dict[int, list[CheckedRow]]
    size: int
    discovered: list[ContractDiscovered]
    proof: Proof
    verified: Verified


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
    return extend(endpoint, unread(headers, {}, proof=proof), contracts, chain=chain)


def unread(headers: Sequence[Header], known: Contracts, *, proof: Proof) -> Fetched:
    """These blocks before anything of them is fetched.

    Logs of `known` contracts are not wanted, whoever announces these: the event log holds them.
    """
    return Fetched(headers, dict(known), {}, 0, [], proof, {})


def extend(endpoint: Endpoint, fetched: Fetched, contracts: Contracts, *, chain: Chain) -> Fetched:
    """The same blocks with the logs of these contracts too.

    Raises:
        EndpointError: the endpoint failed, or its answer is not proved.
    """
    source = LogSource(endpoint, fetched.verified)
    known, rows = dict(fetched.contracts), dict(fetched.rows)
    discovered = list(fetched.discovered)
    wanted = {a: followed for a, followed in contracts.items() if is_new(known, a, followed)}
    while wanted:
        known |= wanted
        found: dict[str, ContractDiscovered] = {}
        for header, events in _new_events(source, fetched, wanted, chain):
            rows[header.number] = _merge(rows.get(header.number), _encode(events, chain, header))
            for fact in _discover(events, known):
                found.setdefault(fact.address, fact)  # of two announcements the first one stays
        discovered += found.values()
        wanted = {
            address: Followed(fact.deployment, fact.kind, fact.block)
            for address, fact in found.items()
        }
    verified = source.verified
    if sum(len(log.data) for logs in verified.values() for log in logs) > _VERIFIED_DIGITS_MAX:
        verified = {}
    size = sum([len(row) for block in rows.values() for row, _ in block])
    return Fetched(fetched.headers, known, rows, size, discovered, fetched.proof, verified)


def _new_events(
    source: LogSource, fetched: Fetched, wanted: Contracts, chain: Chain
) -> Iterable[tuple[Header, Events]]:
    """The events of wanted contracts, block by block, without empty blocks."""
    first = min(followed.block for followed in wanted.values())
    headers = [header for header in fetched.headers if header.number >= first]
    blocks = source.logs(headers, wanted.keys(), fetched.proof)
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


def is_new(known: Contracts, address: str, followed: Followed) -> bool:
    """Whether the contract is not known, or only from a later block on."""
    # A transaction that a reorganisation moved may announce a contract earlier than before.
    return address not in known or followed.block < known[address].block


def _discover(events: Events, known: Contracts) -> list[ContractDiscovered]:
    """The facts that events announce contracts, but those known already."""
    facts = []
    for event in [event for event in events if type(event) in ANNOUNCING]:
        for kind, address in announced(event):
            deployment = known[event.contract].deployment
            if is_new(known, address, Followed(deployment, kind, event.block_number)):
                fact = (event.chain_id, deployment, kind, address, event.block_number)
                facts.append(ContractDiscovered(*fact))
    return facts


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
    return added if rows is None else sorted({*rows, *added})
