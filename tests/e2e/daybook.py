"""daybook and a simulated node as a person runs them: processes, files and HTTP."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

import httpx
import msgspec

_PATIENCE_SECONDS = 60.0


class Node(msgspec.Struct):
    """A simulated node: where it is, and the configuration it wrote."""

    url: str
    config: Path

    def call(self, method: str, *parameters: Any) -> Any:
        """Ask it by JSON-RPC."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)}
        answer = httpx.post(self.url, json=body, timeout=60).json()
        assert "error" not in answer, answer
        return answer["result"]

    @property
    def head(self) -> int:
        """The number of its newest block."""
        return int(self.call("eth_blockNumber"), 16)


@contextmanager
def simulated(folder: Path, *options: str | Path) -> Iterator[Node]:
    """`daybook simulate` with these options, until left."""
    config = folder / "daybook.toml"
    config.unlink(missing_ok=True)
    with started("simulate", *options, "--port", "0", "--write-config", config) as node:
        assert node.stdout is not None
        first_line = node.stdout.readline()
        assert first_line.startswith("simulated chain at "), first_line
        yield Node(first_line.split()[3], config)


@contextmanager
def started(
    *arguments: str | Path, database_url: str | None = None
) -> Iterator[subprocess.Popen[str]]:
    """`daybook …` in the background; ended when left."""
    process = subprocess.Popen(
        _command(arguments),
        env=_environment(database_url),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.terminate()
        if process.stdout is not None and not process.stdout.closed:  # not read to its end yet
            process.communicate(timeout=_PATIENCE_SECONDS)


def daybook(
    *arguments: str | Path, database_url: str | None = None, timeout: float = 300
) -> subprocess.CompletedProcess[str]:
    """`daybook …` to its end."""
    return subprocess.run(
        _command(arguments),
        env=_environment(database_url),
        text=True,
        capture_output=True,
        timeout=timeout,
        check=False,
    )


def on_a_terminal(*arguments: str | Path, database_url: str) -> str:
    """`daybook …` to its end on a wide terminal; what it showed."""
    terminal, far_end = os.openpty()
    environment = _environment(database_url) | {"COLUMNS": "120", "TERM": "xterm"}
    with (
        open(terminal, encoding="utf-8", errors="replace") as screen,  # noqa: PTH123  a descriptor
        subprocess.Popen(_command(arguments), env=environment, stdout=far_end) as process,
    ):
        os.close(far_end)
        shown = _read_to_end(screen)
        assert process.wait() == 0, shown
    return shown


def _read_to_end(screen: TextIO) -> str:
    shown: list[str] = []
    with suppress(OSError):  # how a terminal says that nobody writes to it any more
        shown.extend(iter(lambda: screen.read(1), ""))
    return "".join(shown)


def _command(arguments: Sequence[str | Path]) -> list[str]:
    return [sys.executable, "-m", "scripts.cli", *map(str, arguments)]


def _environment(database_url: str | None) -> dict[str, str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DAYBOOK_")}
    if database_url is not None:
        environment["DAYBOOK_DATABASE_URL"] = database_url
    return environment


@contextmanager
def served(node: Node, database_url: str) -> Iterator[httpx.Client]:
    """`daybook serve`, and a client of it."""
    with (
        started(
            "serve", "--config", node.config, "--port", "0", database_url=database_url
        ) as process,
        httpx.Client(base_url=_serving_url(process), timeout=30) as client,
    ):
        wait_ready(client, process)
        yield client


def _serving_url(process: subprocess.Popen[str]) -> str:
    """Where it says that it serves."""
    assert process.stderr is not None
    for line in process.stderr:
        entry = msgspec.json.decode(line)
        if entry["event"] == "serving":
            url: str = entry["url"]
            return url
    raise AssertionError(f"daybook serve ended with {process.wait()} before it served")


def wait_ready(client: httpx.Client, process: subprocess.Popen[str]) -> None:
    """Wait until `/ready` says so."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        assert process.poll() is None, process.communicate()
        try:
            if client.get("/ready").status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline, "daybook serve was not ready in time"
        time.sleep(0.05)
