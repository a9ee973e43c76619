"""Killed at any moment and started again, daybook ends where it would have ended."""

import hashlib
import random
import signal
import time
from pathlib import Path

import pytest

from schema.database import connect
from tests.e2e.daybook import Node, daybook, served, simulated, started
from tests.e2e.truth import assert_answers

pytestmark = pytest.mark.slow

_WORLD = ("--seed", "11", "--seasons", "4", "--players", "60", "--trades", "4000")
_KILLS = 20
_LONGEST_RUN_SECONDS = 4.0


def _canonical_events(database_url: str) -> tuple[int, str]:
    """How many events stand in the log, and a digest of them in order."""
    digest = hashlib.sha256()
    with connect(database_url, role="daybook_api", application_name="test") as session:
        rows = session.execute(
            "SELECT topic, state::text AS state FROM log.stored_event "
            "WHERE topic NOT IN ('RangeIndexed/1', 'ChainOpened/1', 'ContractDiscovered/1') "
            "ORDER BY notification_id"
        ).fetchall()
    for row in rows:
        digest.update(f"{row['topic']} {row['state']}\n".encode())
    return len(rows), digest.hexdigest()


def _until_head(node: Node, database_url: str) -> None:
    result = daybook("run", "--until-head", "--config", node.config, database_url=database_url)
    assert result.returncode == 0, result.stderr


def test_killed_at_random_moments_it_ends_the_same(
    tmp_path: Path, database_url: str, other_database_url: str
) -> None:
    """Given SIGKILL at 20 random moments, then log and read models equal an undisturbed run's."""
    moments = random.Random(5)
    with simulated(tmp_path, *_WORLD) as node:
        for _ in range(_KILLS):
            with started(
                "run", "--until-head", "--config", node.config, database_url=database_url
            ) as process:
                time.sleep(moments.uniform(0.3, _LONGEST_RUN_SECONDS))
                process.kill()
        _until_head(node, database_url)
        _until_head(node, other_database_url)

        assert _canonical_events(database_url) == _canonical_events(other_database_url)
        with served(node, database_url) as api:
            assert_answers(api, node.call("daybook_truth"))


def test_interrupted_before_the_head_is_not_success(tmp_path: Path, database_url: str) -> None:
    """Given --until-head, when told to stop on the way, then it says so and exits 1."""
    with (
        simulated(tmp_path, *_WORLD, "--latency", "300") as node,
        started(
            "run", "--until-head", "--config", node.config, database_url=database_url
        ) as process,
    ):
        _wait_for_events(database_url, 1)
        process.send_signal(signal.SIGINT)
        _, messages = process.communicate(timeout=30)

    assert process.returncode == 1, messages
    assert "stopped before the head was reached" in messages


def test_of_two_indexers_one_writes_and_the_other_says_who(
    tmp_path: Path, database_url: str
) -> None:
    """Given two indexers, then the second names the first, and takes over when it is gone."""
    options = ("--seasons", "1", "--players", "5", "--trades", "30", "--blocks-per-second", "5")
    with (
        simulated(tmp_path, *options) as node,
        started("index", "--config", node.config, database_url=database_url) as first,
    ):
        _wait_for_events(database_url, 1)
        with started("index", "--config", node.config, database_url=database_url) as second:
            assert second.stderr is not None
            line = second.stderr.readline()
            assert "daybook-index" in line, line
            assert str(first.pid) in line, line
            first.kill()
            before = _last_position(database_url)
            _wait_for_events(database_url, before + 1)


def _wait_for_events(database_url: str, position: int) -> None:
    deadline = time.monotonic() + 30
    while _last_position(database_url) < position:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _last_position(database_url: str) -> int:
    with connect(database_url, role="daybook_api", application_name="test") as session:
        row = session.execute("SELECT max(notification_id) AS last FROM log.stored_event")
        return (row.fetchone() or {}).get("last") or 0
