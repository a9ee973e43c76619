"""Posts a log in the background, and compares what was posted with a replay."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

from projections import project
from projections.generations import create
from projections.runner import Runner
from schema.database import connect
from tests.indexer.indexing import query
from tests.projections.tables import read_tables


def post(database_url: str, *, until_end: bool, stop: threading.Event) -> None:
    """Post the log to its end, or as it grows until told to stop."""
    finish = threading.Event()
    if until_end:
        finish.set()
    project(database_url, finish=finish, stop=stop, report=lambda _: None)


@contextmanager
def projecting(database_url: str) -> Iterator[None]:
    """Post in the background until left."""
    stop = threading.Event()
    thread = threading.Thread(
        target=post, args=[database_url], kwargs={"until_end": False, "stop": stop}
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def assert_posted(database_url: str) -> None:
    """What serves, once posted to the log's end, is row by row what an undisturbed replay gives."""
    post(database_url, until_end=True, stop=threading.Event())
    (row,) = query(database_url, "SELECT generation FROM daybook.serving")
    with closing(
        connect(database_url, role="daybook_projector", application_name="test")
    ) as session:
        replay = Runner(session, create(session))
        while replay.post_next():
            pass
    tables = read_tables(database_url, row["generation"])
    assert tables["trade"]
    assert tables == read_tables(database_url, replay.generation.number)
