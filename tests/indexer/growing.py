"""A chain indexed with some contracts, then with more."""

import time
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from scripts.simulate.node import Limits, Node
from tests.indexer.indexing import index_to_head, query, settings_for, stored_logs
from tests.indexer.nodes import node_answer, serving
from tests.indexer.truth import followed_logs

REQUIRED = ("raffle", "season_factory", "token")


def required(contracts: Mapping[str, str]) -> dict[str, str]:
    """What every deployment has."""
    return {kind: contracts[kind] for kind in REQUIRED}


def indexed(
    chain: Any, database_url: str, *configurations: Mapping[str, str], depth: int = 20, **keys: Any
) -> None:
    """Index a chain up to its head with one configuration after another."""
    with serving(node_answer(Node(chain, limits=Limits(depth), calls={}))) as url:
        for contracts in configurations:
            index_to_head(settings_for(url, contracts, **keys), database_url)


def assert_whole(database_url: str, chain: Any, contracts: Mapping[str, str]) -> None:
    """The log holds every log of these contracts, and its ranges are without a hole."""
    assert stored_logs(database_url) == followed_logs(chain.blocks, contracts)
    ranges = query(database_url, "SELECT first, last FROM log.range_indexed ORDER BY position")
    assert all(later["first"] == earlier["last"] + 1 for earlier, later in pairwise(ranges))
    assert growth(database_url)[-1]["joined"]


def growth(database_url: str) -> list[dict[str, Any]]:
    """What was back-filled, in order."""
    return query(database_url, "SELECT * FROM log.contracts_backfilled ORDER BY position")


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait until this is so."""
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.02)
