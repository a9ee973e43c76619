"""The server around the api: its limits, its start and its stop."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
import pytest

from api.serve import BoundedProtocol, listen
from schema.errors import ConfigurationError


@contextmanager
def _connected(base_url: str) -> Iterator[socket.socket]:
    place = urlsplit(base_url)
    assert place.hostname is not None
    with socket.create_connection((place.hostname, place.port or 0), timeout=30) as client:
        yield client


def test_a_head_of_eight_megabytes_is_refused(base_url: str) -> None:
    """It is cut off long before that: 431, and the connection ends."""
    with _connected(base_url) as client:
        client.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Large: ")
        answer = b""
        try:
            for _ in range(128):
                client.sendall(b"a" * 65_536)
            answer = client.recv(65_536)
        except ConnectionError:
            pass  # it was closed while we were still sending

    assert not answer or answer.startswith(b"HTTP/1.1 431 ")
    assert httpx.get(f"{base_url}/health").status_code == httpx.codes.OK


def test_a_client_that_never_finishes_its_head_is_let_go(
    base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half-open connections do not pile up."""
    monkeypatch.setattr(BoundedProtocol, "head_seconds", 0.2)
    with _connected(base_url) as client:
        client.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n")
        assert client.recv(1) == b""


def test_a_connection_that_is_kept_is_bounded_for_each_request(base_url: str) -> None:
    """Many small heads on one connection are fine."""
    with httpx.Client(base_url=base_url, headers={"X-Padding": "a" * 8_000}) as client:
        for _ in range(20):
            assert client.get("/health").status_code == httpx.codes.OK


def test_a_taken_port_names_the_key_and_the_fix() -> None:
    """A configuration error, not a stack trace."""
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=rf"api.port: .* port {port} .*--port"):
            listen("127.0.0.1", port)


def test_sigterm_stops_it_cleanly(database_url: str) -> None:
    """Exit code 0, after `serving` was logged with the port that it took."""
    program = (
        "import sys, structlog; from api.serve import serve;"
        "structlog.configure(processors=[structlog.processors.JSONRenderer()],"
        " logger_factory=structlog.PrintLoggerFactory(sys.stdout));"
        "serve(sys.argv[1], '127.0.0.1', 0)"
    )
    with subprocess.Popen(
        [sys.executable, "-u", "-c", program, database_url], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        started = json.loads(process.stdout.readline())
        with httpx.Client(
            base_url=started["url"], transport=httpx.HTTPTransport(retries=5)
        ) as client:
            assert client.get("/health").status_code == httpx.codes.OK
            process.terminate()
        stopped = json.loads(process.stdout.readline())
        assert process.wait(timeout=20) == 0
    assert (started["event"], stopped["event"]) == ("serving", "stopped")


def test_every_answer_carries_the_security_headers(client: httpx.Client) -> None:
    """The page, its files, data and errors alike."""
    for path in ("/", "/static/app.js", "/health", "/v1/seasons", "/nowhere"):
        headers = client.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'self';")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
