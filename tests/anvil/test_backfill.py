"""A chain that a development node has mined is back-filled whole and proved, and posts right."""

from collections.abc import Callable, Iterator

import pytest

from tests.anvil.game import SOF_EACH, Game
from tests.anvil.node import anvil
from tests.anvil.truth import answered, followed_logs, read_models, spent
from tests.indexer.indexing import index_to_head, query, settings_for, stored_logs

pytestmark = pytest.mark.slow

_FINAL_BELOW_HEAD = 16


@pytest.fixture(scope="module")
def mined(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Game]:
    """A chain of three seasons, each begun and first traded in the same block."""
    # A block is final two epochs below the head.
    epoch = str(_FINAL_BELOW_HEAD // 2)
    with anvil(tmp_path_factory.mktemp("mined"), "--slots-in-an-epoch", epoch) as node:
        game = Game(node, seed=1)
        for season in (1, 2, 3):
            game.mine([*game.season(), *game.trades(6, season=season)])
            game.play(25)
        game.mine([*game.trades(4), game.end(1), *game.trades(4)])
        game.play(10)
        yield game


@pytest.mark.parametrize("proof", ["receipts", "bloom"])
def test_every_log_of_a_mined_chain_is_recorded_and_proved(
    mined: Game, database_url: str, proof: str
) -> None:
    """Given a chain, when it is back-filled, then the log holds what the node's receipts do."""
    index_to_head(settings_for(mined.node.url, mined.contracts, proof=proof), database_url)

    assert stored_logs(database_url) == followed_logs(mined)
    head = mined.node.head.number
    assert query(database_url, _PROOFS) == [
        {"is_final": False, "proofs": ["receipts"], "first": head - _FINAL_BELOW_HEAD + 1},
        {"is_final": True, "proofs": [proof], "first": 0},
    ]


_PROOFS = """
    SELECT
        last <= finalized AS is_final,
        array_agg(DISTINCT proof) AS proofs,
        min(first) AS first
    FROM log.range_indexed
    GROUP BY is_final
    ORDER BY is_final
"""


def test_every_event_but_approvals_is_decoded(mined: Game, database_url: str) -> None:
    """Given contracts that were compiled from Solidity's types, then our classes fit their logs."""
    index_to_head(settings_for(mined.node.url, mined.contracts), database_url)

    # An allowance for each of six players and three curves.
    assert query(database_url, _UNDECODED) == [{"emitter": mined.sof.address, "logs": 18}]


_UNDECODED = """
    SELECT contract AS emitter, count(*) AS logs
    FROM log.undecoded_log
    GROUP BY contract
"""


def test_read_models_say_what_the_contracts_answer(
    mined: Game, database_url: str, post: Callable[[], None]
) -> None:
    """Given a chain, when it is posted, then every figure is the contracts' own."""
    index_to_head(settings_for(mined.node.url, mined.contracts), database_url)
    post()

    assert read_models(database_url) == answered(mined)
    left = {player: mined.sof.view("balanceOf", player) for player in mined.players}
    assert {player: SOF_EACH - wei for player, wei in spent(database_url).items()} == left
