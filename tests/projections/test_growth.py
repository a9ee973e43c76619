"""What came late into the log: the read models are those of a log that had it from the start."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest

from projections import project
from projections.generations import create, install_control, open_generation
from projections.runner import Runner
from schema.database import connect
from schema.settings import Settings
from scripts.simulate.chain import GeneratedChain, Setting, generate
from scripts.simulate.node import Limits, Node
from tests.indexer.indexing import deployments_for, index_to_head, settings_for
from tests.indexer.nodes import node_answer, serving
from tests.indexer.twins import TwinChain
from tests.projections.tables import read_tables, select

pytestmark = pytest.mark.slow

_FINALITY_DEPTH = 20
_REQUIRED = ("raffle", "season_factory", "token")
# What no log order changes: surrogate keys follow the order of the log, and so do positions.
_FIGURES = {
    "chain": "SELECT chain_id, block_number, block_hash, block_time, finalized FROM chain",
    "contract": "SELECT * FROM contract",
    "season": "SELECT to_jsonb(season) - 'season_key' AS row FROM season",
    "player": "SELECT player FROM player",
    "account": "SELECT * FROM account",
    "market_price": "SELECT * FROM market_price",
    "market_trade": "SELECT to_jsonb(market_trade) - 'position' AS row FROM market_trade",
    "score": "SELECT to_jsonb(score) - 'bought_at' - 'sold_at' AS row FROM score",
    "balance": "SELECT * FROM balance",
    "transfer": "SELECT sender_key, recipient_key FROM transfer",
    **{
        table: "SELECT deployment, season_id,"
        " to_jsonb(figures) - '{season_key,position,bought_at,sold_at}'::text[] AS row"
        f" FROM {table} AS figures INNER JOIN season USING (season_key)"
        for table in (
            "trade",
            "position",
            "curve",
            "prize",
            "claim",
            "rollover",
            "rollover_cohort",
            "candle",
            "participant",
            "snapshot",
            "sponsorship",
            "prize_tiers",
            "market_condition",
            "market_step",
            "market",
        )
    },
}


@pytest.fixture(scope="session")
def world() -> GeneratedChain:
    """A world in which players claim, roll over and trade markets."""
    chain = generate(Setting(seed=21, seasons=4, players=12, trades=240))
    while not chain.is_over:
        chain.advance()
    return chain


@pytest.fixture
def databases(make_database: Callable[[], str]) -> Callable[[], str]:
    """Makes databases with log and control tables."""

    def make() -> str:
        url = make_database()
        with connect(url, role=None, application_name="test owner") as owner:
            install_control(owner)
        return url

    return make


def post(url: str) -> None:
    """Post everything that stands in the log."""
    finish = threading.Event()
    finish.set()
    project(url, finish=finish, stop=threading.Event(), report=lambda _: None)


@contextmanager
def posting(url: str) -> Iterator[Callable[[], None]]:
    """Posts a generation of its own, whenever it is called."""
    with connect(url, role="daybook_projector", application_name="test") as session:
        runner = Runner(session, create(session))

        def post_all() -> None:
            while runner.post_next():
                pass

        yield post_all


def figures(url: str) -> dict[str, list[str]]:
    """Every row of every read model, but for what the order of the log gives."""
    return {
        table: sorted(str(sorted(row.items())) for row in select(url, query))
        for table, query in _FIGURES.items()
    }


@contextmanager
def served(chain: Any, *, finality_depth: int = _FINALITY_DEPTH) -> Iterator[str]:
    """A node of this chain."""
    with serving(node_answer(Node(chain, limits=Limits(finality_depth), calls={}))) as url:
        yield url


def some_of(contracts: Mapping[str, str], *kinds: str) -> dict[str, str]:
    """The required contracts, and those of these kinds."""
    return {kind: at for kind, at in contracts.items() if kind in (*_REQUIRED, *kinds)}


def with_twin(settings: Settings, twins: TwinChain) -> Settings:
    """The configuration with the second deployment too."""
    (other,) = deployments_for(twins.other_contracts, raffle="other")
    return msgspec.structs.replace(settings, deployment=[*settings.deployment, other])


def assert_like_from_the_start(url: str, settings: Settings, fresh: str) -> None:
    """The read models equal those of another log, which had all of this from the start."""
    index_to_head(settings, fresh)
    post(fresh)
    expected = figures(fresh)
    assert all(expected[table] for table in expected), "nothing to compare"
    assert figures(url) == expected


@pytest.mark.parametrize(
    ("finality_depth", "is_posted_between"),
    [(0, True), (_FINALITY_DEPTH, False), (_FINALITY_DEPTH, True), (10_000, True)],
)
def test_contracts_that_came_one_after_another_leave_no_trace(
    world: GeneratedChain,
    databases: Callable[[], str],
    finality_depth: int,
    is_posted_between: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    """Given escrow after distributor after the rest, then all is as if they had come first."""
    url = databases()
    with served(world, finality_depth=finality_depth) as node:
        for kinds in [(), ("prize_distributor",), ("prize_distributor", "rollover_escrow")]:
            index_to_head(settings_for(node, some_of(world.contracts, *kinds)), url)
            if is_posted_between:
                post(url)
        settings = settings_for(node, world.contracts)
        index_to_head(settings, url)
        post(url)
        assert_like_from_the_start(url, settings, databases())


def test_what_is_back_filled_never_moves_the_served_block(
    world: GeneratedChain, databases: Callable[[], str]
) -> None:
    """Given a posted head, when late contracts are posted, then every batch stands at that head."""
    url = databases()
    with served(world) as node:
        index_to_head(settings_for(node, some_of(world.contracts)), url)
        post(url)
        index_to_head(settings_for(node, world.contracts), url)
    blocks = []
    with connect(url, role="daybook_projector", application_name="test") as session:
        runner = Runner(session, open_generation(session))
        while runner.post_next():
            blocks.append(select(url, "SELECT block_number FROM chain")[0]["block_number"])
    assert blocks
    assert set(blocks) == {world.blocks.head.number}


def test_a_distributor_that_came_after_the_escrow_finds_its_deposits(
    world: GeneratedChain, databases: Callable[[], str]
) -> None:
    """Given deposits posted before the claims of their transactions, then they were rolled over."""
    url = databases()
    with served(world) as node:
        index_to_head(settings_for(node, some_of(world.contracts, "rollover_escrow")), url)
        post(url)
        settings = settings_for(node, world.contracts)
        index_to_head(settings, url)
        post(url)
        assert len(select(url, "SELECT FROM claim WHERE rolled_over")) > 0
        assert_like_from_the_start(url, settings, databases())


@pytest.fixture(scope="session")
def twins(world: GeneratedChain) -> TwinChain:
    """Two deployments with one token."""
    other = generate(Setting(seed=22, seasons=3, players=10, trades=200))
    while not other.is_over or len(other.blocks) < len(world.blocks):
        other.advance()
    return TwinChain(world, other)


@pytest.mark.parametrize("is_posted_between", [False, True])
def test_a_second_deployment_finds_who_paid_in_the_token_that_was_there(
    twins: TwinChain,
    databases: Callable[[], str],
    is_posted_between: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    """Given a deployment added to the token of another, then it is as if it had always been."""
    url = databases()
    with served(twins) as node:
        settings = settings_for(node, twins.contracts)
        index_to_head(settings, url)
        if is_posted_between:
            post(url)
        settings = with_twin(settings, twins)
        index_to_head(settings, url)
        post(url)
        assert len(select(url, "SELECT FROM trade WHERE payer <> player")) > 0
        assert_like_from_the_start(url, settings, databases())


def test_a_token_that_was_mended_later_tells_who_paid(
    world: GeneratedChain, databases: Callable[[], str]
) -> None:
    """Given trades posted without their token, then it tells who paid, and what markets sold."""
    url = databases()
    with served(world) as node:
        wrong = {**world.contracts, "token": "0x" + "77" * 20}
        index_to_head(settings_for(node, wrong), url)
        post(url)
        assert select(url, "SELECT FROM trade WHERE payer <> player") == []
        assert select(url, "SELECT FROM market_trade WHERE kind IS NOT NULL") == []
        settings = settings_for(node, world.contracts)
        index_to_head(settings, url)
        post(url)
        fresh = databases()
        index_to_head(settings, fresh)
    post(fresh)
    mended, expected = figures(url), figures(fresh)
    for table in ("trade", "market_trade", "market", "balance", "transfer"):
        assert mended[table] == expected[table]
    assert len(select(url, "SELECT FROM trade WHERE payer <> player")) > 0
    assert len(select(url, "SELECT FROM market_trade WHERE kind IS NOT NULL")) > 0


@pytest.mark.parametrize("seed", range(2))
def test_reorganisations_of_what_came_late_leave_what_a_replay_makes(
    databases: Callable[[], str], seed: int
) -> None:
    """Given forks while contracts join, when posted as it goes, then it equals a replay."""
    chain, url = generate(Setting(seed=seed, seasons=3, players=12, trades=300)), databases()
    for _ in range(70):
        chain.advance()
    kinds = ["prize_distributor", "account_factory", "rollover_escrow", "market_factory"]
    with served(chain, finality_depth=40) as node, posting(url) as post_all:
        for at in range(len(kinds) + 1):
            index_to_head(settings_for(node, some_of(chain.contracts, *kinds[:at])), url)
            post_all()
            chain.reorg(6 * (at + 1))
            chain.advance()
        index_to_head(settings_for(node, chain.contracts), url)
        post_all()
    with posting(url) as post_anew:
        post_anew()
    assert select(url, "SELECT FROM log.blocks_orphaned WHERE fork_number < 60") != []
    assert read_tables(url, 1) == read_tables(url, 2)
