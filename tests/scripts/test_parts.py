"""The projector's process: it posts, it ends when told, and its death is noticed."""

import multiprocessing
import threading
from collections.abc import Callable
from functools import partial

import pytest

from schema.log.chain import Chain, ChainOpened
from schema.log.store import LogDatastore, LogRecorder, store_chain_facts
from schema.progress import Progress
from scripts.parts import PartFailedError, Projector

_PATIENCE_SECONDS = 20.0


@pytest.fixture
def start(database_url: str) -> Callable[..., Projector]:
    """Starts a projector over a log of one fact."""
    datastore = LogDatastore(database_url, role="daybook_indexer", application_name="test")
    opened = ChainOpened(1, 0, "local", 0, "0x" + "00" * 32)
    LogRecorder(datastore).insert_rows(store_chain_facts(Chain(1), [opened]))
    datastore.close()
    return partial(Projector, database_url)


def test_told_to_finish_it_posts_what_there_is(start: Callable[..., Projector]) -> None:
    """Given a log, when told to finish, then all of it is posted and reported."""
    reports: list[Progress] = []
    failed = threading.Event()

    start(reports.append, failed=failed).end("finish")

    assert (reports[-1].done, reports[-1].total) == (1, 1)
    assert not failed.is_set()


def test_a_process_that_is_killed_is_a_failure(start: Callable[..., Projector]) -> None:
    """Given a projector at work, when its process is killed, then that is told, and raised."""
    posted, failed = threading.Event(), threading.Event()
    projector = start(lambda _: posted.set(), failed=failed)
    assert posted.wait(_PATIENCE_SECONDS)

    (process,) = multiprocessing.active_children()
    process.kill()

    assert failed.wait(_PATIENCE_SECONDS)
    with pytest.raises(PartFailedError, match="ended with -9"):
        projector.end("finish")
