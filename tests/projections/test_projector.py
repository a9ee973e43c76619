"""The projector as a process: alone, restarted, waiting, stopped, and across generations."""

import random
import threading
import time
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from projections import project
from schema.database import connect
from schema.progress import Progress
from tests.projections.posting import (
    PATIENCE_SECONDS,
    as_owner,
    log_position,
    position,
    projecting,
    schemas,
    serving,
    wait_until,
)
from tests.projections.tables import read_tables, select
from tests.projections.tape import Indexer, Tape

pytestmark = pytest.mark.slow


def test_told_to_finish_it_returns_when_everything_is_posted(
    url: str, tape: Tape, post: Callable[[], None]
) -> None:
    """Given a log, when told to finish at once, then the position is the log's last."""
    with Indexer(url, tape) as indexer:
        indexer.open()
        indexer.backfill(tape.canonical, width=100, finalized=700)
    post()

    assert position(url) == log_position(url)


def test_progress_tells_how_far_it_is(url: str, tape: Tape) -> None:
    """Given a log, when posted, then the last report says that all of it is done."""
    reports: list[Progress] = []
    with Indexer(url, tape) as indexer:
        indexer.open()
        indexer.backfill(tape.canonical, width=100, finalized=700)
    finish = threading.Event()
    finish.set()
    project(url, finish=finish, stop=threading.Event(), report=reports.append)

    last = log_position(url)
    assert reports[-1] == Progress("project", "events", done=last, total=last, events=last)


def test_an_append_is_posted_at_once_and_told(url: str, tape: Tape) -> None:
    """Given a waiting projector, when a block is appended, then it is posted before the poll."""
    seconds = []
    with Indexer(url, tape) as indexer, projecting(url):
        indexer.open()
        with connect(url, role="daybook_api", application_name="test") as listener:
            listener.execute("LISTEN daybook_posted")
            for block in tape.canonical[:30]:
                indexer.follow(block, finality=10)
                begun, last = time.monotonic(), log_position(url)
                told = 0
                while told < last:
                    told = max(
                        int(n.payload)
                        for n in listener.notifies(timeout=PATIENCE_SECONDS, stop_after=1)
                    )
                seconds.append(time.monotonic() - begun)

    assert sorted(seconds)[len(seconds) // 2] < 0.5


def test_killed_sessions_lose_and_double_nothing(
    url: str, tape: Tape, replay: Callable[[], int]
) -> None:
    """Given sessions killed in the middle of their work, then the end is that of a replay."""
    chance = random.Random(3)
    with capture_logs() as logs, Indexer(url, tape) as indexer, projecting(url):
        indexer.open()
        for block in tape.blocks[:400]:
            indexer.follow(block, finality=10)
            if block.number % 50 == 49:
                wait_until(lambda: position(url) == log_position(url))
            if block.number % 50 == 0:
                time.sleep(chance.random() / 50)
                wait_until(lambda: _kill_projector(url))
        wait_until(lambda: position(url) == log_position(url))
        generation = serving(url)

    assert sum(entry["event"] == "projector_waiting" for entry in logs) > 3
    assert read_tables(url, generation) == read_tables(url, replay())


def _kill_projector(url: str) -> bool:
    """Whether there was one to kill."""
    with connect(url, role=None, application_name="test owner") as owner:
        killed = owner.execute(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND application_name LIKE 'daybook-project%'
            """
        )
        return killed.rowcount > 0


def test_readers_never_see_a_state_between_two(url: str, tape: Tape) -> None:
    """Given reorganisations, when read at any moment, then all tables are of one position."""
    stop, seen = threading.Event(), list[dict[str, int]]()
    reader = threading.Thread(target=_read_until, args=[url, stop, seen])
    with Indexer(url, tape) as indexer, projecting(url):
        indexer.open()
        indexer.follow(tape.blocks[0], finality=10)
        wait_until(lambda: serving(url) > 0)
        reader.start()
        for block in tape.blocks[1:400]:
            indexer.follow(block, finality=10)
        wait_until(lambda: position(url) == log_position(url))
        stop.set()
        reader.join()

    assert len(seen) > 20
    assert all(row["held"] == row["total"] == row["supply"] for row in seen)
    assert all(row["trades"] == row["counted"] for row in seen)
    positions = [row["position"] for row in seen]
    assert positions == sorted(positions)


def _read_until(url: str, stop: threading.Event, seen: list[dict[str, int]]) -> None:
    while not stop.is_set():
        seen += select(
            url,
            """
            SELECT
                (SELECT position FROM daybook.serving) AS position,
                (SELECT coalesce(sum(tickets), 0) FROM position) AS held,
                (SELECT coalesce(sum(total_tickets), 0) FROM season) AS total,
                (SELECT coalesce(sum(supply), 0) FROM curve) AS supply,
                (SELECT count(*) FROM trade) AS trades,
                (SELECT coalesce(sum(trades), 0) FROM season) AS counted
            """,
        )


def test_a_second_projector_waits_and_says_for_whom(url: str, tape: Tape) -> None:
    """Given a projector, when a second one starts, then it waits, and takes over after it."""
    with Indexer(url, tape) as indexer, capture_logs() as logs:
        indexer.open()
        with projecting(url) as first:
            wait_until(lambda: bool(first))
            second = projecting(url)
            waiting = second.__enter__()
            wait_until(lambda: any(entry["event"] == "standing_by" for entry in logs))
            assert not waiting
        indexer.follow(tape.blocks[0], finality=10)
        wait_until(lambda: bool(waiting))
        second.__exit__(None, None, None)

    # Nobody holds it for the moment in which the first one's session ends.
    holders = {entry["holder"] for entry in logs if entry["event"] == "standing_by"} - {None}
    assert len(holders) == 1
    assert holders.pop().startswith("daybook-project ")


def test_other_code_posts_another_generation_and_then_it_serves(
    url: str, tape: Tape, post: Callable[[], None]
) -> None:
    """Given a generation of other folds, then ours is posted from genesis and swapped in."""
    with Indexer(url, tape) as indexer:
        indexer.open()
        indexer.backfill(tape.canonical, width=100, finalized=700)
    post()
    first = read_tables(url, 1)
    as_owner(url, "UPDATE daybook.generation SET fingerprint = 'of yesterday'")
    post()

    assert serving(url) == 2
    assert read_tables(url, 2) == first == read_tables(url, 1)

    as_owner(url, "UPDATE daybook.generation SET fingerprint = 'of today'")
    post()

    assert serving(url) == 3
    assert schemas(url) == ["read_2", "read_3"]


def test_a_fork_below_the_kept_images_posts_everything_anew(
    url: str, tape: Tape, post: Callable[[], None], replay: Callable[[], int]
) -> None:
    """Given images that are gone, when a fork needs them, then another generation takes over."""
    fork = next(
        at for at, b in enumerate(tape.blocks) if at and b.number <= tape.blocks[at - 1].number
    )
    with Indexer(url, tape) as indexer:
        indexer.open()
        for block in tape.blocks[:fork]:
            indexer.follow(block, finality=10)
        post()
        as_owner(url, "DELETE FROM read_1.posted_unit")
        for block in tape.blocks[fork : fork + 20]:
            indexer.follow(block, finality=10)
    with capture_logs() as logs:
        post()

    events = [entry["event"] for entry in logs]
    assert events == ["posting_anew", "posting_alone", "generation_settled", "generation_serves"]
    assert serving(url) == 2
    assert read_tables(url, 2) == read_tables(url, replay())
