"""Posts a log in the background or to its end, by this code's folds or by others."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from projections import project
from projections.definition import Definition, of_this_code
from schema.database import connect
from schema.progress import Progress

PATIENCE_SECONDS = 30.0


@contextmanager
def projecting(url: str, definition: Definition | None = None) -> Iterator[list[Progress]]:
    """A projector that follows the log, until left; what it reports."""
    never, stop, reports = threading.Event(), threading.Event(), list[Progress]()
    thread = threading.Thread(
        target=project,
        args=[url],
        kwargs={
            "finish": never,
            "stop": stop,
            "report": reports.append,
            "definition": definition,
        },
    )
    thread.start()
    try:
        yield reports
    finally:
        stop.set()
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()


def post_to_end(url: str, definition: Definition | None = None) -> None:
    """Post everything that stands in the log, replay included if one is demanded."""
    finish = threading.Event()
    finish.set()
    project(
        url, finish=finish, stop=threading.Event(), report=lambda _: None, definition=definition
    )


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait for something that will happen."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def with_dearer_tickets() -> Definition:
    """Other folds: each trade's price per ticket is higher by 1 wei."""
    ours = of_this_code()
    folds = tuple(
        msgspec.structs.replace(
            fold,
            text=fold.text.replace(
                "paired.price_per_ticket_wei,", "paired.price_per_ticket_wei + 1,"
            ),
        )
        if fold.read_model == "trade"
        else fold
        for fold in ours.folds
    )
    assert folds != ours.folds
    return msgspec.structs.replace(ours, folds=folds)


def number(url: str, query: str) -> int:
    """What a query answers as `number`."""
    with connect(url, role="daybook_api", application_name="test") as session:
        row = session.execute(query).fetchone()
        assert row is not None
        answer: int = row["number"]
        return answer


def position(url: str) -> int:
    """Of what serves; 0 before the first."""
    return number(url, "SELECT coalesce(max(position), 0) AS number FROM daybook.serving")


def log_position(url: str) -> int:
    """Of the last range in the log."""
    return number(url, "SELECT max(position) AS number FROM log.range_indexed")


def serving(url: str) -> int:
    """The number of the generation that serves; 0 before the first."""
    return number(url, "SELECT coalesce(max(generation), 0) AS number FROM daybook.serving")


def generations(url: str) -> dict[int, str]:
    """The state of each generation."""
    with connect(url, role="daybook_api", application_name="test") as session:
        rows = session.execute("SELECT number, state FROM daybook.generation_status ORDER BY 1")
        return {row["number"]: row["state"] for row in rows}


def schemas(url: str) -> list[str]:
    """The schemas of read models."""
    with connect(url, role="daybook_api", application_name="test") as session:
        rows = session.execute(
            "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'read_%' ORDER BY nspname"
        )
        return [row["nspname"] for row in rows]


def as_owner(url: str, statement: str) -> int:
    """Do anything to the database; how many rows it was about."""
    with connect(url, role=None, application_name="test owner") as owner:
        done: Any = owner.execute(statement.encode())
        rows: int = done.rowcount
        return rows
