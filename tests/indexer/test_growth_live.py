"""Contracts are back-filled while the head goes on, forks, or the node is slow with old blocks."""

import random
import threading
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from scripts.simulate.chain import Setting, generate
from scripts.simulate.node import Limits, Node, RpcError
from tests.indexer.growing import assert_whole, growth, indexed, required, wait_until
from tests.indexer.indexing import (
    index_to_head,
    indexing,
    settings_for,
    stored_logs,
    wait_for,
    wait_for_head,
)
from tests.indexer.nodes import node_answer, serving
from tests.indexer.truth import followed_logs


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1])
def test_growing_through_reorganisations_ends_with_the_last_branch(
    seed: int, database_url: str
) -> None:
    """Given a chain that forks at any moment, when contracts are added, then the log is whole."""
    moments, chain = random.Random(seed), generate(Setting(seed, 3, 12, 300))
    for _ in range(60):
        chain.advance()
    with serving(node_answer(Node(chain, limits=Limits(25), calls={}))) as url:
        index_to_head(settings_for(url, required(chain.contracts)), database_url)
        with indexing(settings_for(url, chain.contracts), database_url) as stop:
            for _ in range(25):
                ask(url, moments.choice(["daybook_reorg", "daybook_mine"]), moments.randrange(1, 6))
                stop.wait(moments.uniform(0, 0.1))
            wait_for_head(database_url, chain.blocks.head.hash)
            wait_for(database_url, "SELECT FROM log.contracts_backfilled WHERE joined")
    assert stored_logs(database_url) == followed_logs(chain.blocks, chain.contracts)


def ask(url: str, method: str, *parameters: Any) -> None:
    """Ask the node, which must not refuse."""
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)}
    assert "result" in httpx.post(url, json=body, timeout=60).json()


class Withheld:
    """Spoils a node: the header of block 3 comes only once it is released."""

    def __init__(self) -> None:
        self.is_asked, self.is_released = threading.Event(), threading.Event()

    def __call__(self, method: str, parameters: list[Any], result: Any) -> Any:
        """The true result, late."""
        if method == "eth_getBlockByNumber" and parameters[0] == "0x3":
            self.is_asked.set()
            self.is_released.wait(20)
        return result


def test_the_head_is_followed_while_old_blocks_are_slow(database_url: str) -> None:
    """Given a back-fill that waits for the node, when blocks come, then they are appended."""
    chain, withheld = generate(Setting(seed=5, seasons=3, players=12, trades=300)), Withheld()
    for _ in range(60):
        chain.advance()
    indexed(chain, database_url, required(chain.contracts))
    node = Node(chain, limits=Limits(20), calls={})
    with (
        serving(node_answer(node, withheld)) as url,
        indexing(settings_for(url, chain.contracts), database_url),
    ):
        assert withheld.is_asked.wait(20)
        for _ in range(3):
            ask(url, "daybook_mine", 1)
            wait_for_head(database_url, chain.blocks.head.hash)
        assert growth(database_url) == []
        withheld.is_released.set()
        wait_for(database_url, "SELECT FROM log.contracts_backfilled WHERE joined")
        ask(url, "daybook_mine", 5)
        wait_for_head(database_url, chain.blocks.head.hash)
    assert_whole(database_url, chain, chain.contracts)


def test_old_blocks_that_cannot_be_read_keep_no_head_waiting(database_url: str) -> None:
    """Given a node that lost its old blocks, when blocks come, then they are appended."""
    chain, lost = generate(Setting(seed=5, seasons=3, players=12, trades=300)), threading.Event()
    for _ in range(60):
        chain.advance()

    def spoil(method: str, parameters: list[Any], result: Any) -> Any:
        if method == "eth_getBlockByNumber" and parameters[0] == "0x3" and lost.is_set():
            raise RpcError(-32000, "missing trie node")
        return result

    with serving(node_answer(Node(chain, limits=Limits(20), calls={}), spoil)) as url:
        index_to_head(settings_for(url, required(chain.contracts)), database_url)
        lost.set()
        with capture_logs() as logs, indexing(settings_for(url, chain.contracts), database_url):
            wait_until(lambda: any(entry["event"] == "growth_waiting" for entry in logs))
            ask(url, "daybook_mine", 1)
            wait_for_head(database_url, chain.blocks.head.hash)
            lost.clear()
            wait_for(database_url, "SELECT FROM log.contracts_backfilled WHERE joined")
    assert_whole(database_url, chain, chain.contracts)
