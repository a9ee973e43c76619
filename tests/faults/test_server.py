"""A PostgreSQL that dies and comes back finds indexer and projector going on by themselves."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from scripts.database import install_log_at, install_read_models
from scripts.postgres import embedded
from scripts.simulate.chain import Setting, generate
from scripts.simulate.node import Limits, Node
from tests.faults.processes import growing
from tests.faults.projecting import assert_posted, projecting
from tests.faults.whole import assert_whole
from tests.indexer.indexing import indexing, query, settings_for, wait_for_head
from tests.indexer.nodes import node_answer, serving

pytestmark = pytest.mark.slow

_PATIENCE_SECONDS = 30.0
_POSITION = "SELECT coalesce(max(position), 0) AS position FROM daybook.serving"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the server of this test keeps its data."""
    return tmp_path / "postgres"


@pytest.fixture
def own_url(folder: Path) -> Iterator[str]:
    """A database on a server of its own, which the test may kill."""
    with embedded(folder) as url:
        install_log_at(url)
        install_read_models(url)
        yield url


def restarts(entries: list[EventDict]) -> int:
    """How often the server was started again."""
    return sum(entry["event"] == "database_started_again" for entry in entries)


def position(database_url: str) -> int:
    """How far the read models are; -1 while the server does not answer."""
    with suppress(psycopg.OperationalError):
        return int(query(database_url, _POSITION)[0]["position"])
    return -1


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def die_and_recover(
    folder: Path, number: signal.Signals, database_url: str, entries: list[EventDict]
) -> None:
    """Send a signal to the server's first process, and wait until more is posted afterwards."""
    posted, started = position(database_url), restarts(entries)
    os.kill(int((folder / "postmaster.pid").read_text().split()[0]), number)
    wait_until(lambda: restarts(entries) > started)
    wait_until(lambda: position(database_url) > posted)


def test_a_server_that_dies_comes_back_and_nothing_is_lost(folder: Path, own_url: str) -> None:
    """Given SIGKILL and an immediate shutdown, then all is indexed and posted, unaided."""
    chain = generate(Setting(seed=6, seasons=1, players=6, trades=400))
    with (
        serving(node_answer(Node(chain, limits=Limits(10), calls={}))) as url,
        capture_logs() as logs,
        indexing(settings_for(url, chain.contracts), own_url),
        projecting(own_url),
    ):
        with growing(url):
            wait_until(lambda: position(own_url) > 0)
            for number in (signal.SIGKILL, signal.SIGQUIT):  # the latter: an immediate shutdown
                die_and_recover(folder, number, own_url, logs)
        wait_for_head(own_url, chain.blocks.head.hash)
    assert_whole(own_url, chain)
    assert_posted(own_url)
