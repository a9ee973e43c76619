"""A projector that is cut off or killed at any moment posts what an undisturbed one posts."""

import multiprocessing
import threading

import pytest
from structlog.testing import capture_logs

from scripts.database import install_read_models
from scripts.parts import PartFailedError, Projector
from scripts.simulate.chain import GeneratedChain
from scripts.simulate.node import Limits, Node
from tests.faults.projecting import assert_posted, post
from tests.faults.proxy import (
    Match,
    Message,
    asking,
    committed,
    proxied,
    times,
)
from tests.indexer.indexing import index_to_head, settings_for
from tests.indexer.nodes import node_answer, serving

pytestmark = pytest.mark.slow


@pytest.fixture
def log_url(world: GeneratedChain, database_url: str) -> str:
    """A database whose log holds the world: final blocks, and others that are posted as a unit."""
    install_read_models(database_url)
    with serving(node_answer(Node(world, limits=Limits(20), calls={}))) as url:
        index_to_head(settings_for(url, world.contracts), database_url)
    return database_url


def post_all(database_url: str) -> None:
    """Post the log to its end, however often it takes."""
    with capture_logs():
        post(database_url, until_end=True, stop=threading.Event())


@pytest.mark.parametrize(
    "cut",
    [
        pytest.param(asking(b"INSERT INTO"), id="folding"),
        pytest.param(asking(b"COMMIT"), id="before COMMIT"),
        pytest.param(committed, id="after COMMIT"),
    ],
)
def test_a_cut_projector_posts_the_same(log_url: str, cut: Match) -> None:
    """Given the line cut at the first two such messages, then nothing is missing or twice."""
    with proxied(log_url, times(cut, 1, 2)) as proxy:
        post_all(proxy.url)
    assert len(proxy.cuts) == 2
    assert_posted(log_url)


def test_a_projector_that_is_killed_in_a_batch_posts_the_same(log_url: str) -> None:
    """Given SIGKILL in the middle of folding, when another is started, then it ends the same."""
    folding, failed = times(asking(b"INSERT INTO"), 9), threading.Event()

    def kill(message: Message) -> bool:
        if is_time := folding(message):
            for process in multiprocessing.active_children():
                process.kill()
        return is_time

    with proxied(log_url, kill) as proxy, capture_logs():
        projector = Projector(proxy.url, lambda _: None, failed=failed)
        assert failed.wait(20)
        with pytest.raises(PartFailedError):
            projector.end("stop")
    post_all(log_url)
    assert_posted(log_url)
