"""The schedule: jobs run again and again, never twice at once, and none ends another one."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow
from psycopg.sql import SQL, Identifier
from structlog.testing import capture_logs

from scripts.upkeep.schedule import Job, Schedule
from tests.projections.posting import wait_until

_SOON = 0.02


class _Counting:
    """A job that only counts."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self, session: Connection[DictRow]) -> None:
        session.execute("SELECT 1")
        self.runs += 1


class _Broken(_Counting):
    """A job with a bug."""

    def __call__(self, session: Connection[DictRow]) -> None:
        super().__call__(session)
        raise LookupError("a bug")


def test_a_job_that_fails_is_told_and_counted_and_ends_nothing(database_url: str) -> None:
    """Given a job with a bug, then it and the others run on, and each failure is told."""
    broken, fine = _Broken(), _Counting()
    with capture_logs() as logs:
        jobs = [Job("broken", _SOON, broken), Job("fine", _SOON, fine)]
        with Schedule(database_url, jobs) as schedule:
            wait_until(lambda: broken.runs >= 3 and fine.runs >= 3)

    assert schedule.failures == {"broken": broken.runs}
    assert [entry["failures"] for entry in logs] == list(range(1, broken.runs + 1))
    assert {(entry["event"], entry["job"]) for entry in logs} == {("upkeep_failed", "broken")}
    assert all(entry["exc_info"] for entry in logs)


def test_a_job_never_runs_twice_at_once(database_url: str) -> None:
    """Given a job that is due again while it works, then it is not begun, and others are."""
    go_on, lock, entered = threading.Event(), threading.Lock(), list[bool]()

    def work(_: Connection[DictRow]) -> None:
        entered.append(lock.acquire(blocking=False))
        go_on.wait(30)
        lock.release()

    other = _Counting()
    with capture_logs() as logs:
        jobs = [Job("long", _SOON, work), Job("short", _SOON, other)]
        with Schedule(database_url, jobs):
            wait_until(lambda: bool(entered) and other.runs >= 10)
            assert entered == [True]
            go_on.set()
            wait_until(lambda: len(entered) >= 3)

    assert all(entered)
    assert logs == []


@contextmanager
def _closed(database_url: str, server_url: str) -> Iterator[None]:
    """Nobody gets into the database meanwhile."""
    name = Identifier(str(conninfo_to_dict(database_url)["dbname"]))
    allow = SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    with psycopg.connect(server_url, autocommit=True) as owner:
        owner.execute(allow.format(name, SQL("false")))
        yield
        owner.execute(allow.format(name, SQL("true")))


def test_a_database_that_is_away_is_told_once(database_url: str, server_url: str) -> None:
    """Given a database that is away and comes back, then a job is skipped with one line."""
    job = _Counting()
    with capture_logs() as logs, Schedule(database_url, [Job("count", _SOON, job)]) as schedule:
        wait_until(lambda: job.runs >= 1)
        with _closed(database_url, server_url):
            wait_until(lambda: bool(logs))
            threading.Event().wait(10 * _SOON)  # it is due several times
        runs = job.runs
        wait_until(lambda: job.runs > runs)
        with _closed(database_url, server_url):
            wait_until(lambda: len(logs) > 1)
    assert [(entry["event"], entry["job"]) for entry in logs] == [("upkeep_skipped", "count")] * 2
    assert schedule.failures == {}


def test_a_job_may_be_done_once_more_at_the_end(database_url: str) -> None:
    """Given jobs that were never due, when left, then those for the end are done."""
    at_end, other = _Counting(), _Counting()
    jobs = [Job("at end", 3_600, at_end, at_end=True), Job("other", 3_600, other)]

    with Schedule(database_url, jobs):
        pass

    assert (at_end.runs, other.runs) == (1, 0)
