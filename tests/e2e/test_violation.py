"""A chain that leaves what was final halts, is served on, and is resumed by command."""

import time
from pathlib import Path

import httpx
import pytest

from tests.e2e.daybook import daybook, simulated, started, wait_ready
from tests.faults.processes import next_entry

pytestmark = pytest.mark.slow

_WORLD = ("--seed", "11", "--seasons", "2", "--players", "8", "--trades", "120")
_PATIENCE_SECONDS = 60.0


def _posted(api: httpx.Client, *, block_number: int) -> int:
    """The position that is served, once it reflects this block."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        status = api.get("/v1/status").json()
        if [chain["block_number"] for chain in status["chains"]] == [block_number]:
            return int(status["position"])
        assert time.monotonic() < deadline, status
        time.sleep(0.05)


def test_a_halted_chain_is_served_on_and_resumed_by_command(
    tmp_path: Path, database_url: str
) -> None:
    """Given a fork below finality, when running, then it halts and serves; --resume goes on."""
    options = (*_WORLD, "--start-at", "40", "--finality-depth", "5")
    with simulated(tmp_path, *options) as node:
        node.config.write_text(node.config.read_text() + "\n[api]\nport = 0\n")
        config = ("--config", node.config)
        with (
            started("run", *config, database_url=database_url) as process,
            httpx.Client(base_url=next_entry(process, "serving")["url"], timeout=30) as api,
        ):
            wait_ready(api, process)
            position = _posted(api, block_number=40)
            node.call("daybook_reorg", 9)
            violation = next_entry(process, "finality_violation")
            assert (violation["endpoint"], violation["number"]) == ("simulated-1", 35)
            assert _posted(api, block_number=40) == position
            assert process.poll() is None

        halted = daybook("index", "--until-head", *config, database_url=database_url)
        assert halted.returncode == 1, halted.stderr
        assert "daybook index --resume" in halted.stderr

        resumed = daybook("index", "--resume", "--until-head", *config, database_url=database_url)
        assert resumed.returncode == 0, resumed.stderr
