"""A simulated node in a process of its own, and a client that talks to it."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx


class Client:
    """Calls a node's methods.

    Attributes:
        url: of the node.
    """

    def __init__(self, url: str, http: httpx.Client) -> None:
        self.url = url
        self._http = http

    def call(self, method: str, *parameters: Any) -> Any:
        """The result of a method."""
        answer = self.post({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters})
        assert "error" not in answer, answer
        return answer["result"]

    def error(self, method: str, *parameters: Any) -> dict[str, Any]:
        """The error that a method answers."""
        answer = self.post({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters})
        error: dict[str, Any] = answer["error"]
        return error

    def post(self, request: Any) -> Any:
        """The answer to any request."""
        return self._http.post(self.url, json=request).json()

    def post_raw(self, body: bytes) -> Any:
        """The answer to any body."""
        return self._http.post(self.url, content=body).json()


@contextmanager
def simulated(*arguments: str) -> Iterator[Client]:
    """A node started with these options on a free port, ended when left."""
    command = [sys.executable, "-m", "scripts.simulate", "--port", "0", *arguments]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process,
        httpx.Client(timeout=30) as http,
    ):
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            url = re.search(r"http://\S+", line)
            assert url is not None, line
            yield Client(url[0], http)
        finally:
            process.terminate()
