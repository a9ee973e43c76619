"""`daybook status`: the coverage of every contract, as the log says it."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest

import indexer
from projections.generations import install_control
from schema.database import connect
from schema.log.chain import Chain, ChainFact, ChainOpened, ContractDiscovered, RangeIndexed
from schema.log.store import LogDatastore, LogRecorder, store_chain_facts
from schema.settings import Database
from scripts.coverage import ContractCoverage, summed_up
from scripts.simulate.chain import GeneratedChain, Setting, generate
from scripts.simulate.deployment import CHAIN_ID
from scripts.simulate.node import Limits, Node
from scripts.status import ChainStatus, Hole, read_status, show_status
from tests.indexer.indexing import index_to_head, settings_for
from tests.indexer.nodes import node_answer, serving

_REQUIRED = ("raffle", "season_factory", "token")
_NODE = "http://127.0.0.1:1"  # nobody listens: the log alone is asked


@pytest.fixture(scope="module")
def world() -> GeneratedChain:
    """A world of a few seasons; tests must not let it grow."""
    chain = generate(Setting(seed=11, seasons=3, players=12, trades=60))
    while not chain.is_over:
        chain.advance()
    return chain


def required(contracts: Mapping[str, str]) -> dict[str, str]:
    """What every deployment has."""
    return {kind: contracts[kind] for kind in _REQUIRED}


def index(world: GeneratedChain, url: str, contracts: Mapping[str, str], **keys: Any) -> None:
    """Index the world up to its head."""
    with serving(node_answer(Node(world, limits=Limits(10), calls={}))) as node:
        index_to_head(settings_for(node, contracts, **keys), url)


def status_of(contracts: Mapping[str, str], url: str) -> ChainStatus:
    """The status of the one chain."""
    (chain,) = read_status(settings_for(_NODE, contracts), url).chains
    return chain


def by_kind(coverage: list[ContractCoverage]) -> dict[str, ContractCoverage]:
    """Of each kind the last contract."""
    return {each.kind: each for each in coverage}


@pytest.fixture
def printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., str]:
    """What `daybook status` prints of a configuration and a database, on a wide terminal."""
    monkeypatch.setenv("COLUMNS", "200")

    def print_status(contracts: Mapping[str, str], url: str, **options: bool) -> str:
        settings = msgspec.structs.replace(settings_for(_NODE, contracts), database=Database(url))
        capsys.readouterr()
        show_status(settings, **{"as_json": False, **options})
        return capsys.readouterr().out

    return print_status


@pytest.fixture
def url(database_url: str) -> str:
    """A database with log and control tables."""
    with connect(database_url, role=None, application_name="test owner") as owner:
        install_control(owner)
    return database_url


def test_a_chain_that_never_began_covers_nothing(world: GeneratedChain, url: str) -> None:
    """Given an empty log, then every configured contract waits."""
    status = status_of(world.contracts, url)

    assert (status.state, status.block_number, status.holes) == ("not begun", None, [])
    assert {(each.state, each.percent) for each in status.coverage} == {("waiting", 0.0)}
    assert len(status.coverage) == len(world.contracts)


def test_every_contract_of_an_indexed_chain_is_complete(world: GeneratedChain, url: str) -> None:
    """Given an indexed chain, then each contract is covered to the head, discovered ones too."""
    index(world, url, world.contracts)
    status = status_of(world.contracts, url)

    head = world.blocks.head.number
    assert (status.state, status.holes) == ("following", [])
    assert status.blocks_by_proof == {"receipts": head + 1}
    assert {(c.state, c.percent, c.covered_block) for c in status.coverage} == {
        ("complete", 100.0, head)
    }
    kinds = by_kind(status.coverage)
    assert (kinds["raffle"].configured, kinds["raffle"].from_block) == (True, 0)
    assert kinds["curve"].configured is None
    assert kinds["curve"].from_block > 0


def test_contracts_that_were_added_wait_and_then_are_complete(
    world: GeneratedChain, url: str
) -> None:
    """Given contracts added, then they wait for the indexer, which says how it proved them."""
    index(world, url, required(world.contracts))
    before = status_of(world.contracts, url)
    index(world, url, world.contracts, proof="bloom")
    after = status_of(world.contracts, url)

    assert before.state == "back-filling"
    assert by_kind(before.coverage)["market_factory"].state == "waiting"
    assert by_kind(before.coverage)["raffle"].state == "complete"
    assert (after.state, after.holes) == ("following", [])
    assert by_kind(after.coverage)["market_factory"].state == "complete"
    assert sum(after.late_blocks_by_proof.values()) == len(world.blocks)
    assert after.late_blocks_by_proof["bloom"] == len(world.blocks) - 10


def test_a_back_fill_tells_how_far_it_is(
    world: GeneratedChain, url: str, printed: Callable[..., str]
) -> None:
    """Given a back-fill that was stopped at the last final block, then it is at that percentage."""
    index(world, url, required(world.contracts))
    stop, head = threading.Event(), world.blocks.head.number

    def stopping(method: str, parameters: list[Any], result: Any) -> Any:
        if method == "eth_getBlockByNumber" and parameters[0] == hex(head - 9):
            stop.set()
            return {**result, "parentHash": "0x" + "11" * 32}
        return result

    node = Node(world, limits=Limits(10), calls={})
    with serving(node_answer(node, stopping)) as at:
        settings = settings_for(at, world.contracts)
        indexer.index(settings, url, until_head=True, stop=stop, report=lambda _: None)
    status = status_of(world.contracts, url)

    late = by_kind(status.coverage)["market_factory"]
    assert (status.state, late.state, late.covered_block) == (
        "back-filling",
        "back-filling",
        head - 10,
    )
    assert late.percent == 1000 * (head - 9) // (head + 1) / 10
    assert f"back-filling {late.percent} %" in printed(world.contracts, url)


def test_a_contract_that_is_configured_no_more_is_said_to_be(
    world: GeneratedChain, url: str, printed: Callable[..., str]
) -> None:
    """Given a contract taken out of the configuration, then it is followed, and told of so."""
    index(world, url, world.contracts)

    kinds = by_kind(status_of(required(world.contracts), url).coverage)
    assert (kinds["market_factory"].configured, kinds["market_factory"].state) == (
        False,
        "complete",
    )
    assert "complete, not configured" in printed(required(world.contracts), url)


def test_contracts_are_summed_up_unless_each_is_asked_for(
    world: GeneratedChain, url: str, printed: Callable[..., str]
) -> None:
    """Given several curves, then they are one row; with --contracts or --json each is named."""
    index(world, url, world.contracts)
    coverage = status_of(world.contracts, url).coverage
    curves = [each for each in coverage if each.kind == "curve"]
    texts = [
        printed(world.contracts, url, **options)
        for options in [{}, {"each_contract": True}, {"as_json": True}]
    ]

    assert len(curves) > 1
    (summed,) = [each for each in summed_up(coverage) if each.kind == "curve"]
    assert (summed.contracts, summed.from_block) == (len(curves), curves[0].from_block)
    addresses = [each.address or "" for each in curves]
    assert [all(address in text for address in addresses) for text in texts] == [
        False,
        True,
        True,
    ]


def _range(first: int, last: int) -> RangeIndexed:
    return RangeIndexed(CHAIN_ID, first, last, f"0x{last}", 0, 0, "", "receipts", finalized=last)


def test_a_hole_is_shown_as_such(
    world: GeneratedChain, url: str, printed: Callable[..., str]
) -> None:
    """Given a log without some ranges, then the blocks that are missing are named."""
    chain = Chain(CHAIN_ID)
    facts: list[ChainFact] = [
        ChainOpened(CHAIN_ID, 0, "local", 0, "0x00"),
        ContractDiscovered(CHAIN_ID, "raffles", "raffle", world.contracts["raffle"], 0),
        _range(0, 9),
        _range(20, 29),
    ]
    datastore = LogDatastore(url, role="daybook_indexer", application_name="test")
    LogRecorder(datastore).insert_rows(store_chain_facts(chain, facts))
    datastore.close()

    assert status_of(world.contracts, url).holes == [Hole(10, 19)]
    assert "no range covers blocks 10 to 19" in printed(world.contracts, url)
