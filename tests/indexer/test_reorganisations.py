"""Whatever branches a chain takes, the log ends with the chain as it is, nothing in it twice."""

import random
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from scripts.simulate.chain import Clock, GeneratedChain, Setting, generate
from scripts.simulate.node import Limits, Node
from tests.indexer.indexing import (
    index_to_head,
    indexing,
    query,
    settings_for,
    stored_logs,
    wait_for_head,
)
from tests.indexer.live import LiveNode, live
from tests.indexer.nodes import Reply, Spoil, node_answer, serving
from tests.indexer.truth import followed_logs

_FINALITY_DEPTH = 25
_ORPHANINGS = "SELECT FROM log.blocks_orphaned"


def growing_world(seed: int, clock: Clock | None = None) -> GeneratedChain:
    """A world of 60 blocks, with many more to come."""
    chain = generate(Setting(seed=seed, seasons=3, players=12, trades=300), clock or Clock())
    for _ in range(60):
        chain.advance()
    return chain


def simulated(chain: GeneratedChain) -> Node:
    """A node of this chain."""
    return Node(chain, limits=Limits(_FINALITY_DEPTH), calls={})


def is_whole(database_url: str, chain: GeneratedChain) -> bool:
    """Whether the log holds exactly what the chain does now, each log once."""
    return stored_logs(database_url) == followed_logs(chain.blocks, chain.contracts)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_any_sequence_of_branches_ends_with_the_last_one(seed: int, database_url: str) -> None:
    """Given branches of random depths, when indexed after each, then the log has the last."""
    moments, chain = random.Random(seed), growing_world(seed)
    with serving(node_answer(simulated(chain))) as url:
        settings = settings_for(url, chain.contracts)
        for _ in range(8):
            index_to_head(settings, database_url)
            chain.reorg(moments.randrange(1, _FINALITY_DEPTH - 5))
            for _ in range(moments.randrange(4)):
                chain.advance()
        index_to_head(settings, database_url)
    assert is_whole(database_url, chain)
    assert len(query(database_url, _ORPHANINGS)) == 8


@pytest.mark.slow
@pytest.mark.parametrize("seed", [10, 11])
def test_branches_that_change_while_they_are_read_end_well(seed: int, database_url: str) -> None:
    """Given a chain that forks at any moment, when followed live, then the log has the last."""
    moments, chain = random.Random(seed), growing_world(seed)
    with (
        serving(node_answer(simulated(chain))) as url,
        indexing(settings_for(url, chain.contracts), database_url) as stop,
    ):
        for _ in range(40):
            method = moments.choice(["daybook_reorg", "daybook_mine", "daybook_mine"])
            request = {"jsonrpc": "2.0", "id": 1, "method": method}
            answer = httpx.post(url, json={**request, "params": [moments.randrange(1, 6)]})
            assert "result" in answer.json()
            stop.wait(moments.uniform(0, 0.1))
        wait_for_head(database_url, chain.blocks.head.hash)
    assert is_whole(database_url, chain)


def back_and_forth(chain: GeneratedChain) -> None:
    """A→B→A→B: the very same blocks each time."""
    chain.reorg(7)
    chain.go_back()
    chain.go_back()


@pytest.mark.parametrize(
    "step",
    [
        lambda chain: chain.reorg(_FINALITY_DEPTH),
        lambda chain: chain.reorg(8, length=2),
        lambda chain: chain.reorg(8, length=20),
        lambda chain: chain.reorg(6, is_empty=True),
        back_and_forth,
    ],
    ids=["to the last final block", "to a shorter chain", "to a longer one", "empty", "A→B→A→B"],
)
def test_a_branch_of_any_shape_is_taken(
    step: Callable[[GeneratedChain], None], database_url: str
) -> None:
    """Given an indexed chain, when it goes to that branch and on, then the log does too."""
    chain = growing_world(3)
    with serving(node_answer(simulated(chain))) as url:
        settings = settings_for(url, chain.contracts)
        index_to_head(settings, database_url)
        for _ in range(2):
            step(chain)
            index_to_head(settings, database_url)
            assert is_whole(database_url, chain)
            chain.advance()
            chain.advance()
        index_to_head(settings, database_url)
    assert is_whole(database_url, chain)
    assert len(query(database_url, _ORPHANINGS)) == 2


def test_a_branch_seen_before_comes_back_with_all_its_logs(database_url: str) -> None:
    """Given A→B→A, each indexed, then A's blocks stand in the log twice, once as orphaned."""
    chain = growing_world(3)
    with serving(node_answer(simulated(chain))) as url:
        settings = settings_for(url, chain.contracts)
        index_to_head(settings, database_url)
        first = followed_logs(chain.blocks, chain.contracts)
        chain.reorg(5)
        index_to_head(settings, database_url)
        second = followed_logs(chain.blocks, chain.contracts)
        chain.go_back()
        index_to_head(settings, database_url)
    assert stored_logs(database_url) == first
    assert stored_logs(database_url, orphaned=True) == (first - second) + (second - first)


@pytest.mark.parametrize("blocks", [6, _FINALITY_DEPTH + 5])
def test_a_lower_head_alone_is_no_reorganisation(blocks: int, database_url: str) -> None:
    """Given a node that lost its newest blocks, when it has them again, then nothing happened."""
    chain = growing_world(4)
    with serving(node_answer(simulated(chain))) as url:
        settings = settings_for(url, chain.contracts)
        index_to_head(settings, database_url)
        chain.reorg(blocks, length=0)
        index_to_head(settings, database_url)
        chain.go_back()
        index_to_head(settings, database_url)
    assert is_whole(database_url, chain)
    assert query(database_url, _ORPHANINGS) == []


def test_a_reorganisation_inside_a_reorganisation_is_taken(database_url: str) -> None:
    """Given a chain that forks again while its branch is read, then the last branch counts."""
    chain = growing_world(5)
    answer, forks_left = node_answer(simulated(chain)), 0

    def forking(body: bytes) -> Reply:
        nonlocal forks_left
        if forks_left and b"eth_getBlockReceipts" in body:
            forks_left -= 1
            chain.reorg(4 + 3 * forks_left)
        return answer(body)

    with serving(forking) as url:
        settings = settings_for(url, chain.contracts)
        index_to_head(settings, database_url)
        chain.reorg(6)
        forks_left = 3
        index_to_head(settings, database_url)
    assert forks_left == 0
    assert is_whole(database_url, chain)


@pytest.mark.slow
@pytest.mark.parametrize("hints", [False, True], ids=["by polling", "by websocket"])
def test_two_reorganisations_800_ms_apart_are_both_taken(hints: bool, database_url: str) -> None:  # noqa: FBT001  a parameter of pytest
    """Given two forks 800 ms apart, when followed live, then both stand in the log in order."""
    with live(growing_world(6)) as node:
        settings = settings_for(node.url, node.chain.contracts, rpc=_rpc(node, hints=hints))
        with indexing(settings, database_url) as stop:
            wait_for_head(database_url, node.chain.blocks.head.hash)
            node.call("daybook_reorg", 5)
            stop.wait(0.8)
            node.call("daybook_reorg", 9)
            node.call("daybook_mine", 2)
            wait_for_head(database_url, node.chain.blocks.head.hash)
        assert is_whole(database_url, node.chain)
    forks = query(database_url, "SELECT fork_number FROM log.blocks_orphaned ORDER BY position")
    assert len(forks) in (1, 2)  # on a slow machine the first may be over before it is seen


@pytest.mark.slow
def test_a_loop_of_forks_is_told_once_and_ends_with_the_chain(database_url: str) -> None:
    """Given A→B→A→B→…, when followed live, then one alarm, and in the end the last branch."""
    with live(growing_world(7)) as node, capture_logs() as told:
        settings = settings_for(node.url, node.chain.contracts, rpc=_rpc(node, hints=True))
        with indexing(settings, database_url):
            wait_for_head(database_url, node.chain.blocks.head.hash)
            node.call("daybook_reorg", 3)
            wait_for_head(database_url, node.chain.blocks.head.hash)
            started = time.monotonic()
            for _ in range(6):
                node.call("daybook_return")
                wait_for_head(database_url, node.chain.blocks.head.hash)
            node.call("daybook_mine")
            wait_for_head(database_url, node.chain.blocks.head.hash)
            assert time.monotonic() - started > 1.9  # paused for 0.5, 0.5 and 1 s
        assert is_whole(database_url, node.chain)
    assert [line["times"] for line in told if line["event"] == "reorg_loop"] == [3]
    assert sum(line["event"] == "reorganised" for line in told) == 7


def null_at_first(times: int) -> Spoil:
    """A node that does not have the receipts of the blocks it advertises yet."""
    left = times

    def spoil(method: str, _parameters: list[Any], result: Any) -> Any:
        nonlocal left
        if method == "eth_getBlockReceipts" and left:
            left -= 1
            return None
        return result

    return spoil


def removed_at_first(times: int) -> Spoil:
    """A node that answers with logs which it says a reorganisation removed."""
    left = times

    def spoil(method: str, _parameters: list[Any], result: Any) -> Any:
        nonlocal left
        if method == "eth_getLogs" and result and left:
            left -= 1
            return [{**log, "removed": True} for log in result]
        return result

    return spoil


@pytest.mark.parametrize(
    ("spoil", "proof"),
    [(null_at_first(3), "receipts"), (removed_at_first(2), "bloom")],
    ids=["null blocks", "removed logs"],
)
def test_what_a_node_does_not_have_yet_is_asked_for_again(
    spoil: Spoil, proof: str, database_url: str
) -> None:
    """Given a node that has blocks or logs only later, then they are waited for, not skipped."""
    chain = growing_world(8)
    with serving(node_answer(simulated(chain), spoil)) as url:
        index_to_head(settings_for(url, chain.contracts, proof=proof), database_url)
    assert is_whole(database_url, chain)
    assert query(database_url, _ORPHANINGS) == []


def test_endpoints_25_blocks_apart_make_no_reorganisation(database_url: str) -> None:
    """Given a node 25 blocks behind another, when asked by turns, then the log only grows."""
    ahead, behind = growing_world(9), growing_world(9)
    for _ in range(25):
        ahead.advance()
    with (
        serving(node_answer(simulated(ahead))) as far_url,
        serving(node_answer(simulated(behind))) as near_url,
    ):
        for _ in range(3):
            for rpc in ([far_url, near_url], [near_url, far_url]):
                settings = settings_for(far_url, ahead.contracts, rpc=rpc)
                index_to_head(settings, database_url)
            ahead.advance()
            behind.advance()
        index_to_head(settings_for(far_url, ahead.contracts), database_url)
    assert is_whole(database_url, ahead)
    assert query(database_url, _ORPHANINGS) == []


class _Backwards(Clock):
    """Blocks whose times fall, or stay."""

    def time_of(self, number: int) -> int:
        return self.genesis_time - number // 2


def test_falling_timestamps_change_nothing(database_url: str) -> None:
    """Given blocks whose times fall, when the chain forks, then the log is whole all the same."""
    chain = growing_world(12, _Backwards())
    with serving(node_answer(simulated(chain))) as url:
        settings = settings_for(url, chain.contracts)
        index_to_head(settings, database_url)
        chain.reorg(5)
        index_to_head(settings, database_url)
    assert is_whole(database_url, chain)


def _rpc(node: LiveNode, *, hints: bool) -> list[str]:
    return [node.url, node.websocket_url] if hints else [node.url]
