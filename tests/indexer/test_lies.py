"""A node that lies by omission, by alteration or by mixing blocks is found out."""

from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from indexer.endpoint import Endpoint
from indexer.errors import BadAnswerError
from indexer.fetch import Fetched, fetch, fetch_headers
from indexer.proof import Header
from schema.log.chain import Chain, ChainOpened, Followed, Proof
from scripts.simulate.chain import GeneratedChain
from scripts.simulate.node import METHOD_NOT_FOUND, Limits, Node, RpcError
from tests.indexer.indexing import index_to_head, query, settings_for, stored_logs
from tests.indexer.nodes import Spoil, honest, node_answer, serving
from tests.indexer.truth import followed_logs

_OTHER = "0x" + "11" * 32


def without_logs(method: str, _parameters: list[Any], result: Any) -> Any:
    """A node that forgets every log."""
    return [] if method == "eth_getLogs" else result


def without_every_third_log(method: str, _parameters: list[Any], result: Any) -> Any:
    """A node that forgets some logs."""
    if method != "eth_getLogs":
        return result
    return [log for at, log in enumerate(result) if at % 3]


def without_receipts_method(method: str, _parameters: list[Any], result: Any) -> Any:
    """An honest node that does not have `eth_getBlockReceipts`."""
    if method == "eth_getBlockReceipts":
        raise RpcError(METHOD_NOT_FOUND, "the method does not exist")
    return result


@pytest.mark.parametrize("finality_depth", [0, 10_000])
def test_logs_that_a_node_omits_are_got_from_its_receipts(
    world: GeneratedChain, database_url: str, finality_depth: int
) -> None:
    """Given a node without logs, when the bloom promises some, then the receipts give them."""
    node = Node(world, limits=Limits(finality_depth), calls={})
    with serving(node_answer(node, without_logs)) as url:
        index_to_head(settings_for(url, world.contracts, proof="bloom"), database_url)
    assert stored_logs(database_url) == followed_logs(world.blocks, world.contracts)


def test_a_part_of_the_logs_is_no_proof_by_receipts(
    world: GeneratedChain, database_url: str
) -> None:
    """Given a node that forgets some logs, when receipts are the proof, then none is lost."""
    node = Node(world, limits=Limits(0), calls={})
    with serving(node_answer(node, without_every_third_log)) as url:
        index_to_head(settings_for(url, world.contracts, proof="receipts"), database_url)
    assert stored_logs(database_url) == followed_logs(world.blocks, world.contracts)


def test_a_node_without_receipts_is_followed_by_bloom_and_that_is_recorded(
    world: GeneratedChain, database_url: str
) -> None:
    """Given a node that lacks the method, when following, then ranges say how they were proved."""
    node = Node(world, limits=Limits(10_000), calls={})
    with serving(node_answer(node, without_receipts_method)) as url:
        index_to_head(settings_for(url, world.contracts), database_url)
    assert stored_logs(database_url) == followed_logs(world.blocks, world.contracts)
    proofs = query(database_url, "SELECT DISTINCT proof FROM log.range_indexed WHERE events > 0")
    assert proofs == [{"proof": "bloom"}]


def test_a_lying_endpoint_is_passed_over_for_an_honest_one(
    world: GeneratedChain, database_url: str
) -> None:
    """Given headers that do not hash, when another endpoint is named, then that one is used."""

    def forged(method: str, _parameters: list[Any], result: Any) -> Any:
        if method == "eth_getBlockByNumber" and result is not None:
            return {**result, "stateRoot": _OTHER}
        return result

    node = Node(world, limits=Limits(0), calls={})
    with serving(node_answer(node, forged)) as liar, serving(node_answer(node)) as url:
        settings = settings_for(url, world.contracts, rpc=[liar, url])
        index_to_head(settings, database_url)
    assert stored_logs(database_url) == followed_logs(world.blocks, world.contracts)


def altered(method: str, change: Callable[[Any], Any]) -> Spoil:
    """Changes the results of one method."""

    def spoil(asked: str, _parameters: list[Any], result: Any) -> Any:
        return change(result) if asked == method and result else result

    return spoil


def first_log(receipts: list[Any]) -> Any:
    """The first log of a block's receipts."""
    return next(log for receipt in receipts for log in receipt["logs"])


def change_log(**fields: Any) -> Callable[[Any], Any]:
    """Changes fields of the first log, of receipts or of logs."""

    def change(result: list[Any]) -> list[Any]:
        log = first_log(result) if "logs" in result[0] else result[0]
        log.update(fields)
        return result

    return change


def fetched(world: GeneratedChain, spoil: Spoil, proof: Proof) -> Fetched:
    """The whole world, fetched from a node that spoils its answers."""
    headers_proof: Proof = "receipts"
    with serving(node_answer(Node(world, limits=Limits(0), calls={}), spoil)) as url:
        settings = settings_for(url, world.contracts, proof=proof)
        contracts = {
            address: Followed("raffles", kind, 0)
            for address, kind in settings.deployment[0].contracts.by_address().items()
        }
        chain = Chain(settings.chain[0].id)
        chain.apply([ChainOpened(chain.chain_id, 0, "local", 0, "0x" + "00" * 32)])
        endpoint = Endpoint(url, "local-1")
        last = world.blocks.head.number
        headers: list[Header] = fetch_headers(endpoint, 0, last, proof=headers_proof)
        return fetch(endpoint, headers, contracts, chain=chain, proof=proof)


def test_an_honest_world_is_believed(world: GeneratedChain) -> None:
    """Given nothing spoilt, when fetched by each proof, then all proofs find the same events."""
    by_receipts, by_bloom = (fetched(world, honest, proof) for proof in ("receipts", "bloom"))
    assert by_receipts.rows == by_bloom.rows
    assert by_receipts.discovered == by_bloom.discovered


@pytest.mark.parametrize(
    "change",
    [
        change_log(data="0x"),
        change_log(topics=[]),
        change_log(address="0x" + "22" * 20),
        change_log(logIndex="0x7"),
        change_log(transactionIndex="0x9"),
        change_log(transactionHash=_OTHER),
        change_log(blockHash=_OTHER),
        lambda receipts: receipts[1:],
        lambda receipts: receipts[::-1] if len(receipts) > 1 else [],
    ],
)
def test_receipts_that_are_not_the_blocks_are_refused(
    world: GeneratedChain, change: Callable[[Any], Any]
) -> None:
    """Given receipts altered anywhere, when fetched, then the answer is refused."""
    with pytest.raises(BadAnswerError):
        fetched(world, altered("eth_getBlockReceipts", change), "receipts")


@pytest.mark.parametrize(
    "change",
    [
        change_log(topics=["0x" + "99" * 32]),
        change_log(address="0x" + "22" * 20),
        change_log(blockHash=_OTHER),
        change_log(blockNumber="0xffffff"),
        change_log(removed=True),
        lambda logs: [*logs, logs[-1]],
        lambda logs: logs[::-1],
    ],
)
def test_logs_that_cannot_be_the_blocks_are_refused(
    world: GeneratedChain, change: Callable[[Any], Any]
) -> None:
    """Given logs altered where header or bloom can tell, when fetched, then they are refused."""
    with pytest.raises(BadAnswerError):
        fetched(world, altered("eth_getLogs", change), "bloom")


@pytest.mark.parametrize(
    "field", ["parentHash", "number", "logsBloom", "receiptsRoot", "timestamp"]
)
def test_a_header_that_does_not_hash_is_refused(world: GeneratedChain, field: str) -> None:
    """Given one header field altered, when fetched, then the header is refused."""

    def change(block: Any) -> Any:
        return {**block, field: block[field][:-1] + ("0" if block[field][-1] != "0" else "1")}

    with pytest.raises(BadAnswerError, match="does not hash"):
        fetched(world, altered("eth_getBlockByNumber", change), "receipts")


def test_an_endpoint_that_omits_logs_is_told_and_others_are_asked(
    world: GeneratedChain, database_url: str
) -> None:
    """Given one of two endpoints without logs, when indexing, then nothing is lost, and told."""
    node = Node(world, limits=Limits(0), calls={})
    with (
        serving(node_answer(node, without_logs)) as liar,
        serving(node_answer(node)) as url,
        capture_logs() as logs,
    ):
        settings = settings_for(url, world.contracts, rpc=[url, liar], proof="bloom")
        index_to_head(settings, database_url)
    assert stored_logs(database_url) == followed_logs(world.blocks, world.contracts)
    told = {entry["endpoint"] for entry in logs if entry["event"] == "endpoint_lied"}
    assert told == {"local-2"}
