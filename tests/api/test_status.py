"""`/v1/status`: how far each chain, and each kind of contract on it, is."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from projections.generations import install_control
from scripts.simulate.chain import GeneratedChain, Setting, generate
from scripts.simulate.node import Limits, Node
from tests.api.world import CHAIN_ID, World, address_of, open_owner
from tests.indexer.indexing import index_to_head, settings_for
from tests.indexer.nodes import node_answer, serving
from tests.projections.test_growth import post


def status_of(client: httpx.Client) -> dict[str, Any]:
    """The status of the first chain."""
    chain: dict[str, Any] = client.get("/v1/status").json()["chains"][0]
    return chain


def test_contracts_are_told_of_by_deployment_and_kind(
    empty_world: World, client: httpx.Client
) -> None:
    """Given a raffle and thousands of curves, then there are two rows, covered to the head."""
    empty_world.connection.execute(
        f"INSERT INTO read_{empty_world.generation}.contract "
        f"SELECT {CHAIN_ID}, '0x' || n, 'main', 'curve', n "
        "FROM generate_series(10, 5009) AS n"
    )
    chain = status_of(client)

    assert chain["state"] == "following"
    assert [(row["kind"], row["contracts"], row["from_block"]) for row in chain["coverage"]] == [
        ("curve", 5000, 10),
        ("raffle", 1, 0),
    ]
    for row in chain["coverage"]:
        assert (row["is_complete"], row["percent"], row["covered_block"]) == (True, 100.0, 100)


@pytest.mark.parametrize(
    ("late_block", "covered", "percent"), [(None, None, 0.0), (49, 49, 49.5), (99, 99, 99.0)]
)
def test_late_contracts_are_told_of_apart(
    world: World,
    client: httpx.Client,
    late_block: int | None,
    covered: int | None,
    percent: float,
) -> None:
    """Given contracts on their way to block 100, then the status says how far they are."""
    world.insert(
        "contract",
        chain_id=CHAIN_ID,
        address=address_of(7),
        deployment="main",
        kind="market_factory",
        block_number=0,
        late=True,
    )
    world.update("chain", {"chain_id": CHAIN_ID}, late_block_number=late_block)
    chain = status_of(client)

    late, raffle = chain["coverage"]
    assert (chain["state"], raffle["is_complete"]) == ("back-filling", True)
    assert (late["kind"], late["is_complete"]) == ("market_factory", False)
    # Of the blocks 0 to 100, rounded down.
    assert (late["covered_block"], late["percent"]) == (covered, percent)


def test_a_chain_whose_final_blocks_are_missing_is_being_back_filled(
    world: World, client: httpx.Client
) -> None:
    """Given a head below the last final block, then the chain is not followed yet."""
    world.update("chain", {"chain_id": CHAIN_ID}, finalized=2000)

    assert status_of(client)["state"] == "back-filling"


@pytest.fixture
def simulated() -> Iterator[tuple[GeneratedChain, str]]:
    """A small world and where its node is."""
    chain = generate(Setting(seed=11, seasons=2, players=8, trades=40))
    while not chain.is_over:
        chain.advance()
    with serving(node_answer(Node(chain, limits=Limits(10), calls={}))) as url:
        yield chain, url


def test_blocks_are_counted_by_what_shows_them_complete(
    simulated: tuple[GeneratedChain, str], database_url: str, client: httpx.Client
) -> None:
    """Given a world indexed by receipts, reorganised, and grown by bloom, then each counts once."""
    with open_owner(database_url) as owner:
        install_control(owner)
    chain, url = simulated
    kinds = ("raffle", "season_factory", "token")
    index_to_head(settings_for(url, {kind: chain.contracts[kind] for kind in kinds}), database_url)
    chain.reorg(4)
    chain.advance()
    index_to_head(settings_for(url, chain.contracts, proof="bloom"), database_url)
    post(database_url)
    status = status_of(client)

    blocks, final = len(chain.blocks), len(chain.blocks) - 10
    proofs = {row["proof"]: (row["blocks"], row["late_blocks"]) for row in status["proofs"]}
    assert proofs == {"receipts": (blocks, 10), "bloom": (0, final)}
    assert {row["is_complete"] for row in status["coverage"]} == {True}
    assert {"token", "curve", "market_factory"} <= {row["kind"] for row in status["coverage"]}
