"""A projector that is cut off or killed at any moment posts what an undisturbed one posts."""

import multiprocessing
import signal
import threading

import pytest
from structlog.testing import capture_logs

from projections import replay
from projections.replay import Replay
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
from tests.projections.posting import generations, schemas
from tests.projections.posting import serving as serving_generation

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


def killing(is_time: Match) -> Match:
    """Kills every process that was started from here when it is time, and cuts its line."""

    def kill(message: Message) -> bool:
        if is_now := is_time(message):
            for process in multiprocessing.active_children():
                process.kill()
        return is_now

    return kill


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
    failed = threading.Event()
    with proxied(log_url, killing(times(asking(b"INSERT INTO"), 9))) as proxy, capture_logs():
        projector = Projector(proxy.url, lambda _: None, failed=failed)
        assert failed.wait(20)
        with pytest.raises(PartFailedError):
            projector.end("stop")
    post_all(log_url)
    assert_posted(log_url)


def _replay(database_url: str) -> None:
    """What the process does that is killed."""
    replay(database_url, Replay(), stop=threading.Event(), report=lambda _: None)


@pytest.mark.parametrize(
    ("at", "number"),
    [
        pytest.param(b"INSERT INTO", 40, id="folding"),
        pytest.param(b"string_agg", 9, id="comparing"),
        pytest.param(b"SET generation = generation.number", 1, id="swapping"),
    ],
)
def test_a_replay_that_is_killed_leaves_nothing_wrong(log_url: str, at: bytes, number: int) -> None:
    """Given SIGKILL at any moment, then what served serves, and the next replay is whole."""
    post_all(log_url)
    with proxied(log_url, killing(times(asking(at), number))) as proxy:
        process = multiprocessing.get_context("spawn").Process(target=_replay, args=[proxy.url])
        process.start()
        process.join()
    assert process.exitcode == -signal.SIGKILL
    assert serving_generation(log_url) == 1

    with capture_logs():
        done = replay(log_url, Replay(), stop=threading.Event(), report=lambda _: None)
    assert done.comparison is not None
    assert done.comparison.differing == []
    assert generations(log_url) == {1: "previous", done.generation: "serving"}
    assert schemas(log_url) == ["read_1", f"read_{done.generation}"]
