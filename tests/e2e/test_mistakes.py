"""What goes wrong at the start gets one clear message, an exit code, and no stack trace."""

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.daybook import Node, daybook, simulated, started

pytestmark = pytest.mark.slow


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """A small simulated chain."""
    options = ("--seasons", "1", "--players", "5", "--trades", "20")
    with simulated(tmp_path, *options) as node:
        yield node


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port on which nothing listens, nor can before the test ends."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


def _assert_refused(result: subprocess.CompletedProcess[str], *words: str) -> None:
    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr
    assert all(word in result.stderr for word in words), result.stderr


def test_no_configuration_is_usage(tmp_path: Path) -> None:
    """Given nothing, then the option and the variable are named."""
    _assert_refused(daybook("run"), "--config")
    _assert_refused(daybook("run", "--config", tmp_path / "none.toml"), "none.toml", "--config")


def test_an_unknown_key_is_named(node: Node, database_url: str) -> None:
    """Given a misspelt key, then the message names it."""
    node.config.write_text(node.config.read_text().replace("start_block", "startblock"))

    result = daybook("index", "--config", node.config, database_url=database_url)

    _assert_refused(result, "chain[0]", "startblock")


def test_a_bad_address_is_named_by_its_key(node: Node, database_url: str) -> None:
    """Given an address that is too short, then the message names its key."""
    lines = [
        'raffle = "0x12"' if line.startswith("raffle =") else line
        for line in node.config.read_text().splitlines()
    ]
    node.config.write_text("\n".join(lines))

    result = daybook("index", "--config", node.config, database_url=database_url)

    _assert_refused(result, "deployment[0].contracts.raffle")


def test_a_wrong_chain_id_is_refused(node: Node, database_url: str) -> None:
    """Given a node of another chain, then the message names the key of the endpoint."""
    node.config.write_text(node.config.read_text().replace("31337", "8453"))

    result = daybook("run", "--until-head", "--config", node.config, database_url=database_url)

    _assert_refused(result, "chain simulated: rpc[0]", "31337", "8453")


def test_a_database_that_is_down_is_named(node: Node, closed_port: int) -> None:
    """Given a database URL where nothing listens, then the key is named, and no password shown."""
    url = f"postgresql://someone:hunter2@127.0.0.1:{closed_port}/daybook"

    result = daybook("run", "--until-head", "--config", node.config, database_url=url)

    _assert_refused(result, "database.url")
    assert "hunter2" not in result.stderr


def test_an_unreachable_node_is_retried_visibly(
    node: Node, database_url: str, closed_port: int
) -> None:
    """Given a node that is away, then each attempt is told by alias, never by URL."""
    secret = f"http://127.0.0.1:{closed_port}/v2/s3cr3t-key"
    node.config.write_text(node.config.read_text().replace(node.url, secret))

    with started("index", "--config", node.config, database_url=database_url) as process:
        assert process.stderr is not None
        lines = [process.stderr.readline() for _ in range(4)]
        assert process.poll() is None

    assert all("simulated" in line for line in lines)
    assert any("simulated-1" in line for line in lines)
    assert not any("s3cr3t" in line for line in lines)


def test_a_taken_port_is_named(node: Node, database_url: str) -> None:
    """Given a port that something listens on, then the message names it."""
    taken = node.url.rsplit(":", 1)[1]

    result = daybook(
        "serve", "--config", node.config, "--port", taken, database_url=database_url, timeout=60
    )

    assert result.returncode in (1, 2)
    assert taken in result.stderr
    assert "Traceback" not in result.stderr
