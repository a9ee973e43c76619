"""The recorded chain through the whole of daybook, as an operator runs it."""

import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from schema.database import connect
from tests.e2e.daybook import Node, daybook, on_a_terminal, served, simulated, started
from tests.e2e.truth import assert_answers, assert_trades, read_trades, read_truth

pytestmark = pytest.mark.slow

_PATIENCE_SECONDS = 60.0

# Lines 144, 231 and 580 of the tape begin reorganisations of depth 1, 3 and 6, after which it has
# 760 in all: runs end before, in and after them.
_FORKS = (143, 230, 579, 760)
_STOPS = (100, 143, 144, 230, 231, 233, 300, 579, 580, 582, 585, 600, 760)


def _until_head(node: Node, database_url: str) -> subprocess.CompletedProcess[str]:
    result = daybook("run", "--until-head", "--config", node.config, database_url=database_url)
    assert result.returncode == 0, result.stderr
    return result


def _assert_equals_recording(node: Node, database_url: str, recording: Path) -> None:
    with served(node, database_url) as api:
        assert_answers(api, read_truth(recording))
        assert_trades(api, read_trades(recording))


def _log(database_url: str, query: str) -> list[dict[str, Any]]:
    with connect(database_url, role="daybook_api", application_name="test") as session:
        return session.execute(query).fetchall()


def test_the_recording_played_to_its_end_equals_its_truth(
    tmp_path: Path, database_url: str, recording: Path
) -> None:
    """Given the whole tape, when run until the head, then every figure is the contracts' own."""
    with simulated(tmp_path, "--tape", recording / "tape.jsonl.gz") as node:
        _until_head(node, database_url)

        _assert_equals_recording(node, database_url, recording)


def test_status_tells_what_is_indexed_proved_and_posted(
    tmp_path: Path, database_url: str, recording: Path
) -> None:
    """Given a posted recording, then status counts its blocks by proof, and nothing is behind."""
    with simulated(tmp_path, "--tape", recording / "tape.jsonl.gz") as node:
        _until_head(node, database_url)
        as_json = daybook("status", "--json", "--config", node.config, database_url=database_url)
        as_table = daybook("status", "--config", node.config, database_url=database_url)

    status = json.loads(as_json.stdout)
    (chain,) = status["chains"]
    assert chain["block_number"] == 749
    assert chain["finalized"] == 749 - 64
    assert chain["blocks_by_proof"] == {"receipts": 750}
    assert status["read_models"]["generation"] == 1
    assert status["read_models"]["behind"] == 0
    assert "749" in as_table.stdout


def test_a_terminal_shows_bars(tmp_path: Path, database_url: str, recording: Path) -> None:
    """Given a terminal, when run, then both tasks are drawn up to their ends."""
    with simulated(tmp_path, "--tape", recording / "tape.jsonl.gz") as node:
        screen = on_a_terminal(
            "run", "--until-head", "--config", node.config, database_url=database_url
        )

    assert "index simulated  750 of 750 blocks" in screen
    assert "events/s" in screen


def test_running_again_changes_nothing(tmp_path: Path, database_url: str, recording: Path) -> None:
    """Given a log that reached the head, when run again, then not one row is added."""
    query = "SELECT max(position) AS last, count(*) FROM log.range_indexed"
    with simulated(tmp_path, "--tape", recording / "tape.jsonl.gz") as node:
        _until_head(node, database_url)
        before = _log(database_url, query)
        _until_head(node, database_url)

    assert _log(database_url, query) == before


def test_the_recording_played_live_equals_its_truth(
    tmp_path: Path, database_url: str, recording: Path
) -> None:
    """Given the tape arriving block by block with its reorgs, then nothing orphaned is counted."""
    tape = recording / "tape.jsonl.gz"
    with simulated(tmp_path, "--tape", tape, "--start-at", "0") as node:
        with started(
            "run", "--config", _on_free_port(node.config), database_url=database_url
        ) as process:
            played = 1
            for line in _FORKS:
                for _ in range(line - played):
                    node.call("daybook_play")
                played = line
                _wait_for_head(node, database_url, process, block=node.head)
        _until_head(node, database_url)

        _assert_equals_recording(node, database_url, recording)
    _assert_orphaned_facts_are_kept(database_url)


def test_stopped_in_the_middle_of_reorganisations_it_ends_the_same(
    tmp_path: Path, database_url: str, recording: Path
) -> None:
    """Given runs that end between the lines of a reorg, then the next one finds the fork."""
    with simulated(tmp_path, "--tape", recording / "tape.jsonl.gz", "--start-at", "0") as node:
        played = 1  # block 0
        for line in _STOPS:
            node.call("daybook_play", line - played)
            played = line
            _until_head(node, database_url)

        _assert_equals_recording(node, database_url, recording)
    _assert_orphaned_facts_are_kept(database_url)


def _assert_orphaned_facts_are_kept(database_url: str) -> None:
    """Orphaned trades stand in the log, marked, and in no read model."""
    counts = _log(
        database_url,
        "SELECT count(*) FILTER (WHERE orphaned) AS orphaned, "
        "count(*) FILTER (WHERE NOT orphaned) AS standing FROM log.position_update",
    )
    assert counts[0]["standing"] == 2032
    assert counts[0]["orphaned"] > 0
    forks = _log(database_url, "SELECT jsonb_array_length(blocks) AS n FROM log.blocks_orphaned")
    assert sum(row["n"] for row in forks) >= 3


def _on_free_port(config: Path) -> Path:
    path = config.with_name("live.toml")
    # Blocks come too fast for polling to see each of them before it is replaced.
    rpc = re.sub(r'rpc = \["http(.*?)"\]', r'rpc = ["http\1", "ws\1"]', config.read_text())
    assert "ws://" in rpc
    path.write_text(rpc + "\n[api]\nport = 0\n")
    return path


def _wait_for_head(
    node: Node, database_url: str, process: subprocess.Popen[str], *, block: int
) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    query = "SELECT max(last) AS block FROM log.range_indexed"
    while node.head < block or _log(database_url, query)[0]["block"] != block:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "the head was not indexed in time"
        time.sleep(0.2)
