"""A deployment stays what it was: neither another contract nor another family takes its place."""

import msgspec
import pytest

from schema.errors import ConfigurationError
from scripts.simulate.chain import GeneratedChain, Setting, generate
from scripts.simulate.node import Limits, Node
from tests.indexer.indexing import (
    deployments_for,
    index_to_head,
    query,
    settings_for,
    stored_logs,
)
from tests.indexer.nodes import node_answer, serving
from tests.indexer.truth import followed_logs


@pytest.fixture(scope="module")
def boxes() -> GeneratedChain:
    """A whole world of both families; tests must not let it grow."""
    families = ("curve-raffle", "box-raffle")
    chain = generate(Setting(seed=3, seasons=3, players=8, trades=60, families=families))
    while not chain.is_over:
        chain.advance()
    return chain


@pytest.mark.parametrize("depth", [0, 30])
def test_every_log_of_both_families_is_recorded_once(
    boxes: GeneratedChain, database_url: str, depth: int
) -> None:
    """Given both families on one chain, when indexed, then the log holds all of their logs."""
    with serving(node_answer(Node(boxes, limits=Limits(depth), calls={}))) as url:
        index_to_head(settings_for(url, boxes.contracts), database_url)

    assert stored_logs(database_url) == followed_logs(boxes.blocks, boxes.contracts)
    found = query(database_url, "SELECT DISTINCT deployment FROM log.contract_discovered")
    assert {row["deployment"] for row in found} == {"raffles", "box-raffle"}


@pytest.mark.parametrize("deployment", ["box-raffle", "raffles"])
def test_what_numbers_raffles_is_not_replaced(
    boxes: GeneratedChain, database_url: str, deployment: str
) -> None:
    """Given an indexed deployment of either family, then no other takes its contract's place."""
    with serving(node_answer(Node(boxes, limits=Limits(20), calls={}))) as url:
        settings = settings_for(url, boxes.contracts)
        index_to_head(settings, database_url)
        others = deployments_for({"box_raffle": "0x" + "77" * 20}, box_raffle=deployment)
        with pytest.raises(ConfigurationError, match="takes the place of") as caught:
            index_to_head(msgspec.structs.replace(settings, deployment=others), database_url)

    assert caught.value.key == f"deployment {deployment}: contracts.box_raffle"
    assert "a [[deployment]] of its own" in caught.value.fix
