"""Random reorganisations of a generated world: the log always ends with the chain as it is."""

import random

import httpx
import pytest

from scripts.simulate.chain import GeneratedChain, Setting, generate
from scripts.simulate.node import Limits, Node
from tests.indexer.indexing import (
    index_to_head,
    indexing,
    query,
    settings_for,
    stored_logs,
    wait_for_head,
)
from tests.indexer.nodes import node_answer, serving
from tests.indexer.truth import followed_logs

pytestmark = pytest.mark.slow

_FINALITY_DEPTH = 25


def growing_world(seed: int) -> GeneratedChain:
    """A world of 60 blocks, with many more to come."""
    chain = generate(Setting(seed=seed, seasons=3, players=12, trades=300))
    for _ in range(60):
        chain.advance()
    return chain


@pytest.mark.parametrize("seed", range(4))
def test_any_sequence_of_branches_ends_with_the_last_one(seed: int, database_url: str) -> None:
    """Given branches of random depths, when indexed after each, then the log has the last."""
    moments, chain = random.Random(seed), growing_world(seed)
    with serving(node_answer(Node(chain, limits=Limits(_FINALITY_DEPTH), calls={}))) as url:
        settings = settings_for(url, chain.contracts)
        for _ in range(8):
            index_to_head(settings, database_url)
            chain.reorg(moments.randrange(1, _FINALITY_DEPTH - 5))
            for _ in range(moments.randrange(4)):
                chain.advance()
        index_to_head(settings, database_url)
    assert stored_logs(database_url) == followed_logs(chain.blocks, chain.contracts)
    assert len(query(database_url, "SELECT FROM log.blocks_orphaned")) == 8


@pytest.mark.parametrize("seed", [10, 11])
def test_branches_that_change_while_they_are_read_end_well(seed: int, database_url: str) -> None:
    """Given a chain that forks at any moment, when followed live, then the log has the last."""
    moments, chain = random.Random(seed), growing_world(seed)
    node = Node(chain, limits=Limits(_FINALITY_DEPTH), calls={})
    with (
        serving(node_answer(node)) as url,
        indexing(settings_for(url, chain.contracts), database_url) as stop,
    ):
        for _ in range(40):
            method = moments.choice(["daybook_reorg", "daybook_mine", "daybook_mine"])
            request = {"jsonrpc": "2.0", "id": 1, "method": method}
            answer = httpx.post(url, json={**request, "params": [moments.randrange(1, 6)]})
            assert "result" in answer.json()
            stop.wait(moments.uniform(0, 0.1))
        wait_for_head(database_url, chain.blocks.head.hash)
    assert stored_logs(database_url) == followed_logs(chain.blocks, chain.contracts)
