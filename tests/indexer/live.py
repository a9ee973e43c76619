"""What tests of a running indexer need: a node in this process, and what was told meanwhile."""

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx
from websockets.sync.server import ServerConnection, serve

from scripts.simulate.chain import GeneratedChain
from scripts.simulate.deployment import CHAIN_ID
from scripts.simulate.node import Limits, Node
from scripts.simulate.server import Application, server

_PATIENCE_SECONDS = 20.0


class LiveNode(NamedTuple):
    """A node that runs; the chain is to be changed by `call` only."""

    chain: GeneratedChain
    url: str
    websocket_url: str

    def call(self, method: str, *parameters: Any) -> Any:
        """The result of a method."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        answer = httpx.post(self.url, json=request, timeout=30).json()
        assert "error" not in answer, answer
        return answer["result"]


@contextmanager
def live(
    chain: GeneratedChain, *, finality_depth: int = 25, chain_id: int = CHAIN_ID
) -> Iterator[LiveNode]:
    """A node with this chain, until left."""
    node = Node(chain, limits=Limits(finality_depth), calls={}, chain_id=chain_id)
    serving = server(Application(node, blocks_per_second=None, latency_seconds=0))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serving.run, args=[[listener]])
        thread.start()
        try:
            address = f"127.0.0.1:{listener.getsockname()[1]}"
            yield LiveNode(chain, f"http://{address}", f"ws://{address}")
        finally:
            serving.should_exit = True
            thread.join()


class Websocket(NamedTuple):
    """A websocket that says what it was told to say.

    Attributes:
        connected: released once for every client that connected.
    """

    url: str
    connected: threading.Semaphore


@contextmanager
def websocket_saying(*messages: str) -> Iterator[Websocket]:
    """A server that sends these messages to every client, and then is silent."""
    connected = threading.Semaphore(0)

    def handle(connection: ServerConnection) -> None:
        for message in messages:
            connection.send(message)
        connected.release()
        for _ in connection:  # until the client leaves
            pass

    with serve(handle, "127.0.0.1", 0) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        try:
            yield Websocket(f"ws://127.0.0.1:{serving.socket.getsockname()[1]}", connected)
        finally:
            serving.shutdown()
            thread.join()


def told_as(told: Sequence[Any], event: str) -> list[Any]:
    """What was told under this name."""
    return [line for line in told if line["event"] == event]


def wait_until_told(told: Sequence[Any], event: str) -> None:
    """Wait until something was told under this name."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not told_as(told, event):
        assert time.monotonic() < deadline, f"never told: {event}"
        time.sleep(0.02)
