"""A database with log and control tables, the recorded chain, and what posts it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from projections import project
from projections.generations import create, install_control, open_generation
from projections.runner import Runner
from schema.database import connect
from tests.projections.tape import Tape, read_tape


@pytest.fixture(scope="session")
def tape(recording: Path) -> Tape:
    """The recorded chain."""
    return read_tape(recording)


@pytest.fixture
def url(database_url: str) -> str:
    """A database with an empty log and the control tables."""
    with connect(database_url, role=None, application_name="test owner") as owner:
        install_control(owner)
    return database_url


@pytest.fixture
def post(url: str) -> Callable[[], None]:
    """Posts everything that stands in the log."""

    def post_all() -> None:
        finish = threading.Event()
        finish.set()
        project(url, finish=finish, stop=threading.Event(), report=lambda _: None)

    return post_all


@pytest.fixture
def runner(url: str) -> Iterator[Runner]:
    """Posts the serving generation, batch by batch."""
    with closing(connect(url, role="daybook_projector", application_name="test")) as session:
        yield Runner(session, open_generation(session))


@pytest.fixture
def replay(url: str) -> Callable[[], int]:
    """Posts the whole log into another generation; returns its number."""

    def post_anew() -> int:
        with closing(connect(url, role="daybook_projector", application_name="test")) as session:
            runner = Runner(session, create(session))
            while runner.post_next():
                pass
            return runner.generation.number

    return post_anew
