"""What does not fit node or log is refused in one message; what may pass is waited out."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

import indexer
from indexer.errors import FinalityViolationError
from schema.errors import ConfigurationError
from schema.settings import Settings
from scripts.simulate.chain import GeneratedChain
from scripts.simulate.node import INVALID_PARAMS, Limits, Node, RpcError
from tests.indexer.indexing import (
    index_to_head,
    indexing,
    query,
    settings_for,
    stored_logs,
    wait_for_head,
)
from tests.indexer.nodes import Reply, Spoil, honest, node_answer, serving
from tests.indexer.truth import followed_logs


@contextmanager
def configured(world: GeneratedChain, spoil: Spoil = honest, **chain: Any) -> Iterator[Settings]:
    """A world's node and a configuration that names it."""
    with serving(node_answer(Node(world, limits=Limits(10), calls={}), spoil)) as url:
        yield settings_for(url, world.contracts, **chain)


def elsewhere(method: str, _parameters: list[Any], result: Any) -> Any:
    """A node of another chain."""
    return "0x1" if method == "eth_chainId" else result


def test_a_chain_without_an_endpoint_of_its_own_is_refused(
    world: GeneratedChain, database_url: str
) -> None:
    """Given endpoints that are all of another chain, when indexing, then the key is named."""
    node = Node(world, limits=Limits(10), calls={})
    with (
        serving(node_answer(node, elsewhere)) as url,
        serving(node_answer(node, elsewhere)) as other,
        pytest.raises(ConfigurationError) as caught,
    ):
        index_to_head(settings_for(url, world.contracts, rpc=[url, other]), database_url)
    assert caught.value.key == "chain local: rpc[0]"
    assert "local-1 is of chain 1, not 31337" in str(caught.value)
    assert url not in str(caught.value)
    assert query(database_url, "SELECT FROM log.stored_event") == []


def test_a_finality_tag_that_the_node_does_not_know_is_told_with_its_fix(
    world: GeneratedChain, database_url: str
) -> None:
    """Given a node without the tag, when indexing, then the message says to set a depth."""

    def without_tags(_method: str, parameters: list[Any], result: Any) -> Any:
        if parameters[:1] == ["finalized"]:
            raise RpcError(INVALID_PARAMS, "invalid block tag")
        return result

    with configured(world, without_tags) as settings:
        with pytest.raises(ConfigurationError, match="Set finality to a depth") as caught:
            index_to_head(settings, database_url)
        assert caught.value.key == "chain local: finality"
        chain = msgspec.structs.replace(settings.chain[0], finality=20)
        index_to_head(msgspec.structs.replace(settings, chain=[chain]), database_url)
    assert stored_logs(database_url) == followed_logs(world.blocks, world.contracts)
    newest = query(database_url, "SELECT max(finalized) AS finalized FROM log.range_indexed")
    assert newest == [{"finalized": world.blocks.head.number - 20}]


def test_another_start_block_than_the_logs_is_refused(
    world: GeneratedChain, database_url: str
) -> None:
    """Given an indexed chain, when its start block is changed, then indexing is refused."""
    with configured(world) as settings:
        index_to_head(settings, database_url)
    with configured(world, start_block=5) as settings, pytest.raises(ConfigurationError) as caught:
        index_to_head(settings, database_url)
    assert caught.value.key == "chain local: start_block"


def test_a_chain_that_begins_otherwise_than_the_log_is_refused(
    world: GeneratedChain, database_url: str
) -> None:
    """Given a log from block 5 on, when the node's block 5 has another parent, then it is said."""

    def other_parent(method: str, parameters: list[Any], result: Any) -> Any:
        if method == "eth_getBlockByNumber" and parameters[0] == "0x5":
            return {**result, "parentHash": "0x" + "11" * 32}
        return result

    with configured(world, start_block=5) as settings:
        index_to_head(settings, database_url)
    with (
        configured(world, other_parent, start_block=5) as settings,
        pytest.raises(ConfigurationError, match="does not begin the chain"),
    ):
        index_to_head(settings, database_url)


def test_a_node_that_contradicts_a_final_block_halts_the_chain(
    world: GeneratedChain, database_url: str
) -> None:
    """Given an indexed chain, when the node has another final block, then nothing is changed."""

    def other_branch(method: str, _parameters: list[Any], result: Any) -> Any:
        if method == "eth_getBlockByNumber" and result and int(result["number"], 16):
            return {**result, "hash": "0x" + "11" * 32}
        return result

    with configured(world) as settings:
        index_to_head(settings, database_url)
    before = query(database_url, "SELECT * FROM log.stored_event ORDER BY notification_id")
    with (
        configured(world, other_branch, proof="none") as settings,
        pytest.raises(FinalityViolationError, match=r"finality_violation.*nothing was deleted"),
    ):
        index_to_head(settings, database_url)
    after = query(database_url, "SELECT * FROM log.stored_event ORDER BY notification_id")
    assert after == before


def test_a_lower_head_is_no_reorganisation(world: GeneratedChain, database_url: str) -> None:
    """Given an indexed chain, when the node's head is lower, then nothing is orphaned."""
    late = hex(world.blocks.head.number - 10)
    node = Node(world, limits=Limits(10), calls={})

    def behind(method: str, parameters: list[Any], result: Any) -> Any:
        if method != "eth_getBlockByNumber":
            return result
        if parameters[0] == "latest":
            return msgspec.json.decode(node.answer(method, [late, False]))
        return None if result and int(result["number"], 16) > int(late, 16) else result

    with configured(world) as settings:
        index_to_head(settings, database_url)
    before = query(database_url, "SELECT * FROM log.stored_event ORDER BY notification_id")
    with serving(node_answer(node, behind)) as url:
        index_to_head(settings_for(url, world.contracts), database_url)
    after = query(database_url, "SELECT * FROM log.stored_event ORDER BY notification_id")
    assert after == before


def test_an_unreachable_node_is_waited_for_visibly(
    world: GeneratedChain, database_url: str
) -> None:
    """Given a node that fails at first, when it recovers, then indexing goes on by itself."""
    answer = node_answer(Node(world, limits=Limits(10), calls={}))
    is_up = threading.Event()

    def flaky(body: bytes) -> Reply:
        return answer(body) if is_up.is_set() else Reply(b"", 503)

    with (
        serving(flaky) as url,
        capture_logs() as logs,
        indexing(settings_for(url, world.contracts), database_url),
    ):
        while not any(entry["event"] == "chain_waiting" for entry in logs):
            is_up.wait(0.05)
        is_up.set()
        wait_for_head(database_url, world.blocks.head.hash)
    assert {"endpoint": "local-1", "attempt": 1}.items() <= next(
        entry for entry in logs if entry["event"] == "endpoint_failed" and "attempt" in entry
    ).items()
    assert not any(url in str(entry) for entry in logs)
    assert stored_logs(database_url) == followed_logs(world.blocks, world.contracts)


def test_a_failing_chain_stops_no_other(world: GeneratedChain, database_url: str) -> None:
    """Given two chains of which one is misconfigured, when indexing, then the other is indexed."""
    with configured(world) as settings:
        wrong = msgspec.structs.replace(settings.chain[0], id=1, name="wrong")
        both = msgspec.structs.replace(settings, chain=[wrong, settings.chain[0]])
        with pytest.raises(ConfigurationError, match=r"chain wrong: rpc\[0\]"):
            indexer.index(
                both, database_url, until_head=True, stop=threading.Event(), report=lambda _: None
            )
    assert stored_logs(database_url) == followed_logs(world.blocks, world.contracts)
