"""Contracts that are configured later are back-filled into the same log, beside its head."""

import threading
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

import indexer
from schema.errors import ConfigurationError
from schema.log.chain import Proof
from schema.settings import Settings
from scripts.simulate.chain import GeneratedChain, Setting, generate
from scripts.simulate.node import Limits, Node
from tests.indexer.growing import REQUIRED, assert_whole, growth, indexed, required, wait_until
from tests.indexer.indexing import (
    deployments_for,
    index_to_head,
    indexing,
    query,
    settings_for,
    stored_logs,
    wait_for,
)
from tests.indexer.nodes import node_answer, serving
from tests.indexer.test_kill import Killing
from tests.indexer.truth import followed_logs
from tests.indexer.twins import TwinChain


@pytest.fixture(scope="module")
def world() -> GeneratedChain:
    """A world with a market; tests must not let it grow."""
    chain = generate(Setting(seed=21, seasons=3, players=12, trades=120))
    while not chain.is_over:
        chain.advance()
    return chain


@pytest.mark.parametrize("proof", ["receipts", "bloom", "none"])
@pytest.mark.parametrize("depth", [0, 20, 10_000])
def test_contracts_added_to_an_indexed_chain_are_back_filled(
    world: GeneratedChain, database_url: str, proof: Proof, depth: int
) -> None:
    """Given a chain indexed without them, then the log ends as if they had been there."""
    configurations = [required(world.contracts), world.contracts]
    indexed(world, database_url, *configurations, depth=depth, proof=proof)
    assert_whole(database_url, world, world.contracts)
    covered = growth(database_url)
    assert covered[0]["first"] == 0
    assert covered[-1]["last"] == world.blocks.head.number
    assert all(later["first"] == earlier["last"] + 1 for earlier, later in pairwise(covered))


def test_what_the_log_holds_is_not_read_again(world: GeneratedChain, database_url: str) -> None:
    """Given a market manager added, then nothing else is asked for, nor the markets it announces.

    The market factory announced them before.
    """
    late = world.contracts["market_manager"]
    fewer = {kind: at for kind, at in world.contracts.items() if at != late}
    asked: list[set[str]] = []

    def listen(method: str, parameters: list[Any], result: Any) -> Any:
        if method == "eth_getLogs":
            asked.append(set(parameters[0]["address"]))
        return result

    node = Node(world, limits=Limits(0), calls={})
    with serving(node_answer(node, listen)) as url:
        index_to_head(settings_for(url, fewer, proof="none"), database_url)
        asked.clear()
        index_to_head(settings_for(url, world.contracts, proof="none"), database_url)
    assert set().union(*asked) == {late}
    assert query(database_url, "SELECT FROM log.fpmm_market_created") != []
    assert_whole(database_url, world, world.contracts)


def test_a_second_addition_follows_the_first(world: GeneratedChain, database_url: str) -> None:
    """Given one addition after another, then both are back-filled, each from the start."""
    first = {**required(world.contracts), "market_factory": world.contracts["market_factory"]}
    indexed(world, database_url, required(world.contracts), first, world.contracts)
    assert_whole(database_url, world, world.contracts)
    assert [fact["first"] for fact in growth(database_url)].count(0) == 2


def test_an_addition_to_an_unfinished_one_is_back_filled_after_it(
    world: GeneratedChain, database_url: str
) -> None:
    """Given a back-fill that was stopped, when more is added, then both come to their end."""
    first = {**required(world.contracts), "market_factory": world.contracts["market_factory"]}
    indexed(world, database_url, required(world.contracts))
    stop_in_growth(world, database_url, first)
    assert growth(database_url) == []
    assert len(query(database_url, "SELECT FROM log.contract_discovered WHERE late")) == 1
    indexed(world, database_url, world.contracts)
    assert_whole(database_url, world, world.contracts)


def stop_in_growth(world: GeneratedChain, database_url: str, contracts: Mapping[str, str]) -> None:
    """Index with these contracts, and stop when the node is asked for an old block again."""
    stop = threading.Event()

    def stopping(method: str, parameters: list[Any], result: Any) -> Any:
        if method == "eth_getBlockByNumber" and parameters[0] == "0x3":
            stop.set()
        return result

    with serving(node_answer(Node(world, limits=Limits(20), calls={}), stopping)) as url:
        settings = settings_for(url, contracts)
        indexer.index(settings, database_url, until_head=True, stop=stop, report=lambda _: None)


def test_a_deployment_added_to_the_token_of_another_is_back_filled(
    world: GeneratedChain, database_url: str
) -> None:
    """Given a second deployment that shares the token, then the token's logs stand there once."""
    other = generate(Setting(seed=12, seasons=2, players=8, trades=60))
    while not other.is_over or len(other.blocks) < len(world.blocks):
        other.advance()
    twins = TwinChain(world, other)
    with serving(node_answer(Node(twins, limits=Limits(20), calls={}))) as url:
        settings = settings_for(url, twins.contracts)
        index_to_head(settings, database_url)
        (added,) = deployments_for(twins.other_contracts, raffle="other")
        both = msgspec.structs.replace(settings, deployment=[*settings.deployment, added])
        index_to_head(both, database_url)
        assert_whole(database_url, twins, twins.all_contracts)
        assert index_to_head(both, database_url) == []
    late = query(database_url, "SELECT DISTINCT deployment FROM log.contract_discovered WHERE late")
    assert late == [{"deployment": "other"}]


@pytest.mark.slow
def test_killed_while_growing_the_end_is_the_same(world: GeneratedChain, database_url: str) -> None:
    """Given kills at different requests of a back-fill, then nothing is lost or twice."""
    indexed(world, database_url, required(world.contracts))
    node = Killing(node_answer(Node(world, limits=Limits(20), calls={})))
    with serving(node) as url:
        settings = settings_for(url, world.contracts)
        for requests in (6, 8):
            node.index(settings, database_url, requests=requests)
        index_to_head(settings, database_url)
    assert_whole(database_url, world, world.contracts)


def test_blocks_that_are_not_the_logs_are_never_appended(
    world: GeneratedChain, database_url: str
) -> None:
    """Given a node whose first unfinal block is on another branch, then it is looked at again."""
    elsewhere, final = threading.Event(), world.blocks.head.number - 20

    def spoil(method: str, parameters: list[Any], result: Any) -> Any:
        is_first = parameters[:1] == [hex(final + 1)]
        if method == "eth_getBlockByNumber" and is_first and elsewhere.is_set():
            return {**result, "parentHash": "0x" + "11" * 32}
        return result

    node = Node(world, limits=Limits(20), calls={})
    with serving(node_answer(node, spoil)) as url:
        index_to_head(settings_for(url, required(world.contracts), proof="none"), database_url)
        settings = settings_for(url, world.contracts, proof="none")
        elsewhere.set()
        with capture_logs() as logs, indexing(settings, database_url):
            wait_until(lambda: any(entry["event"] == "growth_waiting" for entry in logs))
            assert [fact["last"] for fact in growth(database_url)] == [final]
            elsewhere.clear()
            wait_for(database_url, "SELECT FROM log.contracts_backfilled WHERE joined")
    assert_whole(database_url, world, world.contracts)


def test_what_is_back_filled_is_reported(world: GeneratedChain, database_url: str) -> None:
    """Given contracts added, then a task of its own tells how far they are."""
    indexed(world, database_url, required(world.contracts))
    with serving(node_answer(Node(world, limits=Limits(20), calls={}))) as url:
        reports = index_to_head(settings_for(url, world.contracts), database_url)
    assert {report.task for report in reports} == {"back-fill local"}
    blocks = len(world.blocks)
    assert (reports[-1].done, reports[-1].total) == (blocks, blocks)


def refused(settings: Settings, database_url: str) -> ConfigurationError:
    """The error with which indexing refuses a configuration."""
    with pytest.raises(ConfigurationError) as caught:
        index_to_head(settings, database_url)
    return caught.value


@pytest.mark.parametrize(
    ("kind", "taken", "problem"),
    [
        ("price_oracle", "curve", "is curve of raffles in the log"),
        ("raffle", "", "takes the place of"),
    ],
)
def test_a_contract_that_contradicts_the_log_is_refused(
    world: GeneratedChain, database_url: str, kind: str, taken: str, problem: str
) -> None:
    """Given a curve configured as an oracle, or another raffle, then the key is named."""
    indexed(world, database_url, required(world.contracts))
    found = query(
        database_url, f"SELECT address FROM log.contract_discovered WHERE kind = '{taken}'"
    )
    address = found[0]["address"] if found else "0x" + "77" * 20
    with serving(node_answer(Node(world, limits=Limits(20), calls={}))) as url:
        settings = settings_for(url, {**required(world.contracts), kind: address})
        error = refused(settings, database_url)
    assert error.key == f"deployment raffles: contracts.{kind}"
    assert problem in str(error)
    assert growth(database_url) == []


def test_a_contract_that_is_configured_no_more_stays_followed(database_url: str) -> None:
    """Given contracts taken out of the configuration, then their logs are recorded all the same."""
    chain = generate(Setting(seed=5, seasons=3, players=12, trades=300))
    for _ in range(30):
        chain.advance()
    indexed(chain, database_url, chain.contracts)
    for _ in range(30):
        chain.advance()
    with capture_logs() as logs:
        indexed(chain, database_url, required(chain.contracts))
    warned = {entry["kind"] for entry in logs if entry["event"] == "contract_not_configured"}
    assert warned == chain.contracts.keys() - set(REQUIRED)
    assert stored_logs(database_url) == followed_logs(chain.blocks, chain.contracts)
