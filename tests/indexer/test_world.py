"""A generated world is indexed whole: every log of every contract, discovered ones included."""

from itertools import pairwise
from typing import Any, get_args

import pytest

from schema.log.chain import Proof
from scripts.simulate.chain import GeneratedChain
from scripts.simulate.node import METHOD_NOT_FOUND, Limits, Node, RpcError
from tests.indexer.indexing import index_to_head, query, settings_for, stored_logs
from tests.indexer.nodes import Reply, node_answer, serving
from tests.indexer.truth import followed_logs


@pytest.mark.parametrize("proof", get_args(Proof))
@pytest.mark.parametrize("finality_depth", [0, 30])
def test_every_log_of_a_world_is_recorded_once_whatever_the_proof(
    world: GeneratedChain, database_url: str, proof: Proof, finality_depth: int
) -> None:
    """Given a world, when it is indexed, then the log holds its logs, byte for byte."""
    node = Node(world, limits=Limits(finality_depth), calls={})
    with serving(node_answer(node)) as url:
        index_to_head(settings_for(url, world.contracts, proof=proof), database_url)
    assert stored_logs(database_url) == followed_logs(world.blocks, world.contracts)


def test_a_range_limit_of_the_node_only_narrows_the_requests(
    world: GeneratedChain, database_url: str
) -> None:
    """Given a node that refuses more than 7 blocks, when indexing, then nothing is skipped."""
    node = Node(world, limits=Limits(0, range_max=7), calls={})
    with serving(node_answer(node)) as url:
        index_to_head(settings_for(url, world.contracts, proof="none"), database_url)
    assert stored_logs(database_url) == followed_logs(world.blocks, world.contracts)


@pytest.mark.parametrize(
    "refusal",
    [
        Reply(b"Internal Server Error", status=500),
        Reply(b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"no batches"}}'),
    ],
)
def test_a_node_that_refuses_batches_is_asked_one_by_one(
    world: GeneratedChain, database_url: str, refusal: Reply
) -> None:
    """Given a node without batches, when indexing, then nothing is missing."""
    honest = node_answer(Node(world, limits=Limits(30), calls={}))

    def answer(body: bytes) -> Reply:
        return refusal if body.startswith(b"[") else honest(body)

    with serving(answer) as url:
        index_to_head(settings_for(url, world.contracts), database_url)
    assert stored_logs(database_url) == followed_logs(world.blocks, world.contracts)


def test_receipts_are_asked_for_by_number_where_hashes_are_not_known(
    world: GeneratedChain, database_url: str
) -> None:
    """Given a node that finds receipts by number only, then they prove the blocks all the same."""

    def spoil(method: str, parameters: list[Any], result: Any) -> Any:
        by_hash = method == "eth_getBlockReceipts" and len(parameters[0]) > len("0x") + 16
        return None if by_hash else result

    with serving(node_answer(Node(world, limits=Limits(30), calls={}), spoil)) as url:
        index_to_head(settings_for(url, world.contracts), database_url)
    assert stored_logs(database_url) == followed_logs(world.blocks, world.contracts)
    assert query(database_url, "SELECT DISTINCT proof FROM log.range_indexed") == [
        {"proof": "receipts"}
    ]


def test_a_node_without_receipts_is_proved_by_bloom_and_that_is_recorded(
    world: GeneratedChain, database_url: str
) -> None:
    """Given no eth_getBlockReceipts, then blooms prove every range, and each range says so."""

    def spoil(method: str, _parameters: list[Any], result: Any) -> Any:
        if method == "eth_getBlockReceipts":
            raise RpcError(METHOD_NOT_FOUND, "the method does not exist")
        return result

    with serving(node_answer(Node(world, limits=Limits(30), calls={}), spoil)) as url:
        index_to_head(settings_for(url, world.contracts), database_url)
    assert stored_logs(database_url) == followed_logs(world.blocks, world.contracts)
    assert query(database_url, "SELECT DISTINCT proof FROM log.range_indexed") == [
        {"proof": "bloom"}
    ]


def test_contracts_are_discovered_before_the_range_that_announces_them(
    world: GeneratedChain, database_url: str
) -> None:
    """Given seasons and markets, when indexed, then each contract is a fact ahead of its range."""
    with serving(node_answer(Node(world, limits=Limits(0), calls={}))) as url:
        index_to_head(settings_for(url, world.contracts), database_url)
    announced = query(
        database_url,
        "SELECT bonding_curve AS address, block_number FROM log.season_contracts_deployed "
        "UNION SELECT raffle_token, block_number FROM log.season_contracts_deployed "
        "UNION SELECT fpmm_address, block_number FROM log.market_created",
    )
    discovered = query(
        database_url,
        "SELECT address, block AS block_number FROM log.contract_discovered "
        "WHERE kind IN ('curve', 'raffle_token', 'market')",
    )
    in_order = [sorted(map(str, rows)) for rows in (announced, discovered)]
    assert in_order[0] == in_order[1]
    late = query(
        database_url,
        "SELECT FROM log.contract_discovered AS contract JOIN log.range_indexed AS range "
        "ON contract.block BETWEEN range.first AND range.last "
        "WHERE contract.position > range.position",
    )
    assert late == []


def test_indexing_again_changes_nothing(world: GeneratedChain, database_url: str) -> None:
    """Given an indexed world, when the same node is indexed again, then the log is the same."""
    with serving(node_answer(Node(world, limits=Limits(), calls={}))) as url:
        settings = settings_for(url, world.contracts)
        index_to_head(settings, database_url)
        before = query(database_url, "SELECT * FROM log.stored_event ORDER BY notification_id")
        reports = index_to_head(settings, database_url)
    after = query(database_url, "SELECT * FROM log.stored_event ORDER BY notification_id")
    assert after == before
    assert reports == []


def test_ranges_cover_the_chain_without_a_hole(world: GeneratedChain, database_url: str) -> None:
    """Given an indexed world, when its ranges are read, then each begins where one ended."""
    with serving(node_answer(Node(world, limits=Limits(), calls={}))) as url:
        index_to_head(settings_for(url, world.contracts), database_url)
    ranges = query(database_url, "SELECT first, last FROM log.range_indexed ORDER BY position")
    assert ranges[0]["first"] == 0
    assert ranges[-1]["last"] == world.blocks.head.number
    assert all(later["first"] == earlier["last"] + 1 for earlier, later in pairwise(ranges))
