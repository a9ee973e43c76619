"""What is served of a development node's chain is what its own token contracts answer."""

from collections.abc import Callable

import pytest

from scripts.verify_chain import Sampled, check_chains
from tests.anvil.game import Game
from tests.indexer.indexing import index_to_head, settings_for

pytestmark = pytest.mark.slow


def test_balances_are_compared_and_what_contracts_lack_is_told(
    game: Game, database_url: str, post: Callable[[], None]
) -> None:
    """Given contracts that share but a token's functions, then those agree; others are named."""
    settings = settings_for(game.node.url, game.contracts)
    index_to_head(settings, database_url)
    post()

    (check,) = check_chains(settings, database_url, Sampled(None, 1), lambda _: None)

    assert check.found == []
    assert check.block_number == game.node.head.number
    assert check.calls.keys() == {"Token.balanceOf", "Token.totalSupply"}
    assert check.calls["Token.balanceOf"] > len(game.players)
    assert check.repeated == check.players_in_all > 0
    refused = {each.what: each.reason for each in check.not_compared}
    assert refused.keys() == {
        "Curve.accumulatedFees",
        "Curve.curveConfig",
        "Curve.playerTickets",
        "Raffle.getParticipantPosition",
        "Raffle.getParticipants",
        "Raffle.getSeasonDetails",
        "Raffle.getSeasonSnapshot",
    }
    assert all("revert" in reason for reason in refused.values())
