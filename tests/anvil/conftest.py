"""A real development node instead of the simulated one, with contracts of our own on it.

`install` gets the node through npm, `node` runs it, `contracts` compiles and deploys the Vyper
in `sources/`, which emit the events that `schema.events` names, `game` plays them, and
`truth` asks the node what is so. Nothing of it shares code with the simulated chain.
"""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from projections import project
from projections.generations import install_control
from schema.database import connect
from tests.anvil.game import Game
from tests.anvil.node import Anvil, anvil


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Anvil]:
    """A node with nothing on it."""
    with anvil(tmp_path) as node:
        yield node


@pytest.fixture
def game(node: Anvil) -> Game:
    """A raffle with one season that is played."""
    game = Game(node, seed=7)
    game.mine(game.season())
    game.play(10)
    return game


@pytest.fixture
def post(database_url: str) -> Callable[[], None]:
    """Posts everything that stands in the log."""
    with connect(database_url, role=None, application_name="test owner") as owner:
        install_control(owner)

    def post_all() -> None:
        finish = threading.Event()
        finish.set()
        project(database_url, finish=finish, stop=threading.Event(), report=lambda _: None)

    return post_all
