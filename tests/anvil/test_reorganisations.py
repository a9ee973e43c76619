"""Whatever a development node reorganises, the log and the read models end with its chain."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from indexer.errors import FinalityViolationError
from tests.anvil.game import Game
from tests.anvil.node import CHAIN_ID, Json, anvil
from tests.anvil.truth import answered, followed_logs, read_models
from tests.e2e.daybook import started
from tests.indexer.indexing import (
    index_to_head,
    indexing,
    query,
    settings_for,
    stored_logs,
    wait_for_head,
)

pytestmark = pytest.mark.slow

_DEPTHS = range(1, 21)
_FINALITY = max(_DEPTHS)  # so that the deepest fork is the deepest there may be

_FORKS = "SELECT fork_number FROM log.blocks_orphaned ORDER BY position"


def test_a_fork_of_any_depth_between_two_runs_is_healed(
    game: Game, database_url: str, post: Callable[[], None]
) -> None:
    """Given forks of 1 to 20 blocks while nobody looks, then log and figures are the node's."""
    chance, forks = random.Random(3), []
    settings = settings_for(game.node.url, game.contracts, finality=_FINALITY)
    game.play(20)
    index_to_head(settings, database_url)
    for depth in chance.sample(_DEPTHS, len(_DEPTHS)):
        forks.append({"fork_number": game.node.head.number - depth})
        game.reorg(depth, game.trades(chance.choice([0, 3, 20])))
        game.play(chance.randrange(3))
        index_to_head(settings, database_url)
        assert stored_logs(database_url) == followed_logs(game), f"after a fork of {depth}"
        if len(forks) % 5 == 0:
            post()
            assert read_models(database_url) == answered(game), f"after a fork of {depth}"
    assert query(database_url, _FORKS) == forks


@pytest.mark.parametrize("schemes", [("http",), ("http", "ws")], ids="+".join)
def test_forks_while_the_head_is_followed_are_healed(
    game: Game, database_url: str, post: Callable[[], None], schemes: tuple[str, ...]
) -> None:
    """Given forks of 1 to 20 blocks, some on top of others, then each new head is soon known."""
    chance = random.Random(len(schemes))
    rpc = [f"{scheme}://{game.node.address}" for scheme in schemes]
    settings = settings_for(game.node.url, game.contracts, rpc=rpc, finality=_FINALITY)
    game.play(20)
    with indexing(settings, database_url):
        for depth in chance.sample(_DEPTHS, len(_DEPTHS)):
            game.reorg(depth, game.trades(chance.choice([0, 3, 20])))
            game.play(chance.randrange(3))
            if chance.random() < 2 / 3:
                wait_for_head(database_url, game.node.head.hash)
        wait_for_head(database_url, game.node.head.hash)
    post()

    assert stored_logs(database_url) == followed_logs(game)
    assert read_models(database_url) == answered(game)


def test_blocks_that_come_back_are_recorded_again(
    game: Game, database_url: str, post: Callable[[], None]
) -> None:
    """Given branches A, B, A and A's very blocks, then A's logs are what counts, each once."""
    settings = settings_for(game.node.url, game.contracts)
    game.node.mine(3)
    branches = {name: game.trades(6) for name in "AB"}
    hashes = []
    for name in "ABABA":
        hashes.append(_branch(game, branches[name]))
        index_to_head(settings, database_url)
        post()

        assert stored_logs(database_url) == followed_logs(game)
        assert read_models(database_url) == answered(game)
    assert hashes[0] == hashes[2] == hashes[4] != hashes[1] == hashes[3]
    assert query(database_url, _ATTEMPTS) == [{"attempts": 3}]


_ATTEMPTS = """
    SELECT max(originator_version >> 32) + 1 AS attempts
    FROM log.stored_event
    WHERE state ? 'log_index'
"""


def _branch(game: Game, transactions: Sequence[Json]) -> str:
    """Replace three blocks by others that hold these, always in the same way; the last's hash."""
    # The node goes on from the fee of the branch that it leaves.
    game.node.call("anvil_setNextBlockBaseFeePerGas", hex(10**9))
    replacing = [(each, at // 2) for at, each in enumerate(transactions)]
    game.node.call("anvil_reorg", 3, replacing)
    return game.node.head.hash


def test_transactions_that_are_mined_again_stand_where_they_are_now(
    game: Game, database_url: str, post: Callable[[], None]
) -> None:
    """Given a fork after which a season ends before its last trades, then these never were."""
    settings, call = settings_for(game.node.url, game.contracts), game.node.call
    *bought, ended = game.mine(
        [*[game.curve(1).call(each, "buy", 5) for each in game.players], game.end(1)]
    )
    created, *_ = game.mine(game.season())
    index_to_head(settings, database_url)
    post()

    raw = [call("eth_getRawTransactionByHash", each) for each in (ended, created, *bought)]
    call("anvil_reorg", 2, [(each, int(at > 1)) for at, each in enumerate(raw)])
    index_to_head(settings, database_url)
    post()

    receipts = game.node.batch("eth_getTransactionReceipt", [[each] for each in bought])
    assert {receipt["status"] for receipt in receipts} == {"0x0"}
    assert query(database_url, _CREATED.format(created)) == [
        {"block_number": game.node.head.number, "orphaned": True},
        {"block_number": game.node.head.number - 1, "orphaned": False},
    ]
    assert stored_logs(database_url) == followed_logs(game)
    assert read_models(database_url) == answered(game)


_CREATED = """
    SELECT block_number, orphaned
    FROM log.season_created
    WHERE tx_hash = '{}'
    ORDER BY position
"""


def test_a_branch_that_is_shorter_is_followed_as_soon_as_it_differs(
    game: Game, database_url: str, post: Callable[[], None]
) -> None:
    """Given a node that forgets six blocks and mines two others, then the log has these two."""
    settings = settings_for(game.node.url, game.contracts)
    index_to_head(settings, database_url)
    post()
    before = game.node.head.number
    game.node.call("anvil_rollback", 6)
    game.mine(game.trades(6))
    game.mine(game.trades(6))
    index_to_head(settings, database_url)
    post()

    assert game.node.head.number == before - 4
    assert stored_logs(database_url) == followed_logs(game)
    assert read_models(database_url) == answered(game)


def test_a_fork_below_what_the_node_called_final_is_taken_only_when_told_to(
    tmp_path: Path, database_url: str, post: Callable[[], None]
) -> None:
    """Given a node that replaces final blocks, then the chain halts, until it is resumed."""
    # Final is what lies two epochs below the head.
    with anvil(tmp_path, "--slots-in-an-epoch", "2") as node:
        game = Game(node, seed=5)
        game.mine(game.season())
        game.play(10)
        settings = settings_for(node.url, game.contracts)
        index_to_head(settings, database_url)
        post()
        indexed = stored_logs(database_url)
        game.reorg(8, game.trades(10))

        with pytest.raises(FinalityViolationError):
            index_to_head(settings, database_url)
        assert stored_logs(database_url) == indexed

        index_to_head(settings, database_url, resume=True)
        post()
        assert stored_logs(database_url) == followed_logs(game)
        assert read_models(database_url) == answered(game)


def test_a_killed_indexer_goes_on_after_a_fork_it_did_not_see(
    game: Game, database_url: str, tmp_path: Path
) -> None:
    """Given a fork while the process is dead, when another starts, then the log is whole."""
    config = tmp_path / "daybook.toml"
    config.write_text(_CONFIGURATION.format(node=game.node, chain_id=CHAIN_ID, **game.contracts))
    with started("index", "--config", config, database_url=database_url) as process:
        wait_for_head(database_url, game.node.head.hash)
        game.play(2)
        process.kill()
    game.reorg(12, game.trades(20))
    index_to_head(settings_for(game.node.url, game.contracts), database_url)

    assert stored_logs(database_url) == followed_logs(game)


_CONFIGURATION = """
[[chain]]
id = {chain_id}
name = "local"
rpc = ["ws://{node.address}", "{node.url}"]

[[deployment]]
name = "raffles"
family = "curve-raffle"
chain = {chain_id}
[deployment.contracts]
raffle = "{raffle}"
season_factory = "{season_factory}"
token = "{token}"
"""
