"""An api over real HTTP, and read models for it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from api.serve import listen, make_server
from projections.generations import install_control
from tests.api.world import World, open_owner


@pytest.fixture
def empty_world(database_url: str) -> Iterator[World]:
    """Read models with one chain and one deployment, serving."""
    with open_owner(database_url) as connection:
        install_control(connection)
        yield World(connection)


@pytest.fixture
def world(empty_world: World) -> World:
    """Read models with one running season, serving."""
    empty_world.add_season(1)
    return empty_world


@pytest.fixture
def base_url(database_url: str) -> Iterator[str]:
    """Where an api answers."""
    with serving(database_url) as url:
        yield url


@contextmanager
def serving(database_url: str) -> Iterator[str]:
    """An api in a thread of its own; gives its URL."""
    server = make_server(database_url)
    with listen("127.0.0.1", 0) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.fixture
def recorded_client(recorded_url: str) -> Iterator[httpx.Client]:
    """A client of an api over the recording."""
    with serving(recorded_url) as url, httpx.Client(base_url=url, timeout=30) as made:
        yield made


@pytest.fixture
def client(base_url: str) -> Iterator[httpx.Client]:
    """A client of the api."""
    with httpx.Client(base_url=base_url, timeout=30) as made:
        yield made
