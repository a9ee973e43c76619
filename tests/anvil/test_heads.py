"""A development node's head is followed live, by polling and by websocket."""

import time
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from tests.anvil.game import Game
from tests.anvil.truth import answered, followed_logs, read_models
from tests.indexer.indexing import indexing, settings_for, stored_logs, wait_for_head

pytestmark = pytest.mark.slow

_PATIENCE_SECONDS = 20.0


def _follow(game: Game, database_url: str) -> None:
    """Play seasons while the indexer runs; some blocks come alone, some together."""
    for season in (2, 3):
        game.mine([*game.season(), *game.trades(4, season=season)])
        for blocks in (1, 1, 8):
            game.play(blocks)
            wait_for_head(database_url, game.node.head.hash)


def test_blocks_are_recorded_as_they_are_mined(
    game: Game, database_url: str, post: Callable[[], None]
) -> None:
    """Given a node that mines, when it is polled, then each new head is soon in the log."""
    with indexing(settings_for(game.node.url, game.contracts), database_url):
        _follow(game, database_url)
    post()

    assert stored_logs(database_url) == followed_logs(game)
    assert read_models(database_url) == answered(game)


def test_the_websocket_tells_of_new_heads(
    game: Game, database_url: str, post: Callable[[], None]
) -> None:
    """Given a node's websocket, when blocks are mined, then it is understood, and all is well."""
    rpc = [game.node.url, f"ws://{game.node.address}"]
    settings = settings_for(game.node.url, game.contracts, rpc=rpc)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    with capture_logs() as logs, indexing(settings, database_url):
        while not any(entry["event"] == "hint_heard" for entry in logs):
            assert time.monotonic() < deadline, "the websocket never told of a head"
            game.play(1)
            wait_for_head(database_url, game.node.head.hash)
        _follow(game, database_url)
    post()

    assert not [entry for entry in logs if entry["event"] in {"hint_lost", "hint_malformed"}]
    assert stored_logs(database_url) == followed_logs(game)
    assert read_models(database_url) == answered(game)
