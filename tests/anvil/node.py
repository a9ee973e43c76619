"""The development node as a process, asked by JSON-RPC."""

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from tests.anvil.install import executable

CHAIN_ID = 31337

_PATIENCE_SECONDS = 20.0
_LISTENING = "Listening on "
_GENESIS_TIME, _BLOCK_SECONDS = 1_700_000_000, 12

Json = dict[str, Any]


class Head(NamedTuple):
    """A block as the end of a chain."""

    number: int
    hash: str


class Anvil:
    """A running node.

    Attributes:
        address: host and port of both its HTTP and its websocket server.
    """

    def __init__(self, address: str, client: httpx.Client) -> None:
        self.address = address
        self._client = client

    @property
    def url(self) -> str:
        """Where it is asked."""
        return f"http://{self.address}"

    def call(self, method: str, *parameters: Any) -> Any:
        """The result of one request."""
        return self.batch(method, [parameters])[0]

    def batch(self, method: str, requests: Sequence[Sequence[Any]]) -> list[Any]:
        """The results of requests that differ in their parameters."""
        if not requests:  # an empty batch is no request
            return []
        body = [
            {"jsonrpc": "2.0", "id": at, "method": method, "params": parameters}
            for at, parameters in enumerate(requests)
        ]
        answers = self._client.post(self.url, json=body).json()
        refused = [answer for answer in answers if "error" in answer]
        assert not refused, refused
        return [answer["result"] for answer in sorted(answers, key=lambda answer: answer["id"])]

    def mine(self, blocks: int = 1) -> None:
        """Mine what is pending into the next block, and empty ones after it."""
        self.call("anvil_mine", blocks)

    @property
    def head(self) -> Head:
        """Its newest block."""
        with_transactions = False
        block = self.call("eth_getBlockByNumber", "latest", with_transactions)
        return Head(int(block["number"], 16), block["hash"])


@contextmanager
def anvil(folder: Path, *options: str) -> Iterator[Anvil]:
    """A node at a free port, which mines only when told to; ended when left.

    Told the same, it always mines the same blocks: its time is what the number of a block says.

    Args:
        folder: where it may write.
        options: more of its command line.
    """
    output = folder / "anvil.log"
    command: list[str | Path] = [executable(), "--port", "0", "--no-mining"]
    # In the order they came in, so that a story is told as it was written.
    command += ["--order", "fifo", "--timestamp", str(_GENESIS_TIME)]
    command += ["--chain-id", str(CHAIN_ID), "--cache-path", folder / "cache", *options]
    with output.open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=folder)
    try:
        with httpx.Client(timeout=_PATIENCE_SECONDS) as client:
            node = Anvil(_listening_at(process, output), client)
            node.call("anvil_setBlockTimestampInterval", _BLOCK_SECONDS)
            yield node
    finally:
        process.terminate()
        process.wait(_PATIENCE_SECONDS)


def _listening_at(process: subprocess.Popen[bytes], output: Path) -> str:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        told = output.read_text().partition(_LISTENING)[2]
        if "\n" in told:
            return told.splitlines()[0]
        assert process.poll() is None, f"anvil ended: {output.read_text()}"
        time.sleep(0.01)
    raise AssertionError("anvil did not listen in time")
