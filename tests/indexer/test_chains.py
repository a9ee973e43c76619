"""Several chains in one process and one log: each is whole, and none waits for another."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress

import msgspec
import pytest
from structlog.testing import capture_logs

from indexer.errors import FinalityViolationError
from schema.errors import ConfigurationError
from schema.settings import Settings
from scripts.simulate.chain import GeneratedChain, Setting, generate
from scripts.simulate.node import Limits, Node
from tests.indexer.indexing import (
    StoredLog,
    index_to_head,
    indexing,
    query,
    settings_for,
    stored_logs,
    wait_for,
)
from tests.indexer.live import wait_until_told
from tests.indexer.nodes import Answer, Reply, node_answer, serving
from tests.indexer.truth import followed_logs

_FINALITY_DEPTH = 10
_FIRST, _SECOND = 101, 202


def growing_world(seed: int) -> GeneratedChain:
    """A world of 40 blocks, with many more to come."""
    chain = generate(Setting(seed=seed, seasons=3, players=12, trades=300))
    for _ in range(40):
        chain.advance()
    return chain


def node_of(chain: GeneratedChain, chain_id: int) -> Answer:
    """The answers of a node of this chain, under this id."""
    limits = Limits(_FINALITY_DEPTH)
    return node_answer(Node(chain, limits=limits, calls={}, chain_id=chain_id))


def together(*settings: Settings) -> Settings:
    """One configuration of the chains of several."""
    chains = [chain for each in settings for chain in each.chain]
    deployments = [deployment for each in settings for deployment in each.deployment]
    return Settings(chain=chains, deployment=deployments)


def settings_of(url: str, chain: GeneratedChain, chain_id: int) -> Settings:
    """The configuration of one of the chains."""
    return settings_for(url, chain.contracts, id=chain_id, name=f"chain-{chain_id}")


def wait_for_block(database_url: str, chain_id: int, block_hash: str) -> None:
    """Wait until this block of a chain is indexed."""
    wait_for(
        database_url,
        f"SELECT FROM log.range_indexed WHERE chain_id = {chain_id} AND last_hash = '{block_hash}'",
    )


def logs_of(chain: GeneratedChain) -> Counter[StoredLog]:
    """Every log that is to be in the log for this chain."""
    return followed_logs(chain.blocks, chain.contracts)


@pytest.mark.slow
def test_two_chains_interleave_in_one_log_and_each_is_whole(database_url: str) -> None:
    """Given two chains that grow and fork by turns, then the log holds both, in turns."""
    first, second = growing_world(31), growing_world(32)
    with (
        serving(node_of(first, _FIRST)) as first_url,
        serving(node_of(second, _SECOND)) as second_url,
    ):
        settings = together(
            settings_of(first_url, first, _FIRST), settings_of(second_url, second, _SECOND)
        )
        with indexing(settings, database_url):
            for at in range(4):
                for chain, chain_id in ((first, _FIRST), (second, _SECOND)):
                    if at == 2:
                        chain.reorg(5)
                    chain.advance()
                    wait_for_block(database_url, chain_id, chain.blocks.head.hash)
    assert stored_logs(database_url) == logs_of(first) + logs_of(second)
    order = query(
        database_url,
        "SELECT chain_id FROM log.range_indexed ORDER BY position DESC LIMIT 8",
    )
    assert {row["chain_id"] for row in order} == {_FIRST, _SECOND}


def test_one_world_on_two_chains_stands_twice_in_the_log(database_url: str) -> None:
    """Given the very same blocks under two chain ids, then each chain has all of its logs."""
    chain = growing_world(33)
    with (
        serving(node_of(chain, _FIRST)) as first_url,
        serving(node_of(chain, _SECOND)) as second_url,
    ):
        first, second = (
            settings_of(first_url, chain, _FIRST),
            settings_of(second_url, chain, _SECOND),
        )
        renamed = msgspec.structs.replace(second.deployment[0], name="others")
        second = Settings(chain=second.chain, deployment=[renamed])
        index_to_head(together(first, second), database_url)
    assert stored_logs(database_url) == logs_of(chain) + logs_of(chain)


@contextmanager
def hanging() -> Iterator[Answer]:
    """A node that does not answer before it is left."""
    left = threading.Event()

    def answer(_: bytes) -> Reply:
        left.wait()
        return Reply(b"", status=503)

    try:
        yield answer
    finally:
        left.set()


@contextmanager
def refusing() -> Iterator[Answer]:
    """A node that refuses everything."""
    yield lambda _: Reply(b"no", status=500)


@contextmanager
def talking_nonsense() -> Iterator[Answer]:
    """A node whose answers are no JSON-RPC."""
    yield lambda _: Reply(b'{"jsonrpc":"2.0","id":1,"result":"0x')


@contextmanager
def of_a_third_chain() -> Iterator[Answer]:
    """A node of neither chain."""
    yield node_of(growing_world(34), 303)


@pytest.mark.slow
@pytest.mark.parametrize("stuck", [hanging, refusing, talking_nonsense, of_a_third_chain])
def test_a_stuck_chain_stops_no_other(
    stuck: Callable[[], AbstractContextManager[Answer]], database_url: str
) -> None:
    """Given a chain whose node is of no use, when another grows, then that one is followed."""
    chain = growing_world(35)
    with (
        serving(node_of(chain, _SECOND)) as url,
        ExitStack() as until_left,
        serving(until_left.enter_context(stuck())) as stuck_url,
    ):
        settings = together(
            settings_of(stuck_url, growing_world(34), _FIRST), settings_of(url, chain, _SECOND)
        )
        # What is wrong with the stuck one is raised at the end, if it can be mended by nobody else.
        with suppress(ConfigurationError), indexing(settings, database_url):
            for _ in range(3):
                chain.advance()
                wait_for_block(database_url, _SECOND, chain.blocks.head.hash)
            until_left.close()
    assert stored_logs(database_url) == logs_of(chain)


@pytest.mark.slow
def test_a_halted_chain_stops_no_other(database_url: str) -> None:
    """Given a chain that left final blocks, when another grows, then that one is followed."""
    halted, chain = growing_world(36), growing_world(37)
    with (
        serving(node_of(halted, _FIRST)) as halted_url,
        serving(node_of(chain, _SECOND)) as url,
    ):
        settings = together(
            settings_of(halted_url, halted, _FIRST), settings_of(url, chain, _SECOND)
        )
        index_to_head(settings, database_url)
        before = logs_of(halted)
        halted.reorg(_FINALITY_DEPTH + 3)
        with (
            suppress(FinalityViolationError),
            capture_logs() as told,
            indexing(settings, database_url),
        ):
            wait_until_told(told, "finality_violation")
            for _ in range(3):
                chain.advance()
                wait_for_block(database_url, _SECOND, chain.blocks.head.hash)
        chain.advance()
        with pytest.raises(FinalityViolationError, match="chain-101"):
            index_to_head(settings, database_url)
    assert [line["chain"] for line in told if line["event"] == "chain_stopped"] == ["chain-101"]
    assert stored_logs(database_url) == before + logs_of(chain)
