"""Whatever a server sends, an answer is used whole or not at all, and no secret gets out."""

import gzip
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count

import msgspec
import pytest
from structlog.testing import capture_logs

from indexer import endpoint as endpoint_module
from indexer import transport as transport_module
from indexer.endpoint import Endpoint
from indexer.errors import (
    AnswerTooLargeError,
    BadAnswerError,
    EndpointError,
    EndpointUnreachableError,
    MalformedAnswerError,
    QuotaError,
    TimedOutError,
)
from indexer.node import Node
from indexer.pace import Pace
from schema.errors import ConfigurationError
from schema.settings import ChainSettings
from scripts.simulate.deployment import CHAIN_ID
from tests.indexer.nodes import Reply, serving

_GZIP = (("Content-Encoding", "gzip"),)
_EMPTY = b'{"id":1,"result":[]}'  # the answer to the first request of an endpoint
_CANARY = "secret-canary-4711"


def asked(reply: Reply) -> object:
    """What an endpoint makes of a reply to its first request, for logs."""
    with serving(lambda _: reply) as url:
        return Endpoint(url, "local-1").logs({})


def test_a_packed_answer_is_unpacked() -> None:
    """Given an honest answer in gzip, when asked, then it is used."""
    assert asked(Reply(gzip.compress(_EMPTY), headers=_GZIP)) == []


@pytest.mark.parametrize("kept", [5, 12, 20])
def test_a_packed_answer_that_is_cut_is_refused(kept: int) -> None:
    """Given gzip without its end, when asked, then nothing of it is used."""
    log = {"address": "0x" + "ab" * 20, "data": "0x" + "00" * 2_000}
    packed = gzip.compress(b'{"id":1,"result":[' + msgspec.json.encode(log) * 2)
    with pytest.raises(BadAnswerError):
        asked(Reply(packed[:kept], headers=_GZIP))


def test_what_is_not_packed_but_says_so_is_refused() -> None:
    """Given plain JSON that is called gzip, when asked, then it is a malformed answer."""
    with pytest.raises(MalformedAnswerError, match="cannot be unpacked"):
        asked(Reply(_EMPTY, headers=_GZIP))


def test_a_small_packed_answer_that_unpacks_beyond_the_cap_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given 100 kB of gzip that hold 100 MB, when asked, then no more than the cap is unpacked."""
    monkeypatch.setattr(endpoint_module, "ANSWER_BYTES_MAX", 1 << 20)
    bomb = gzip.compress(b" " * (100 << 20))
    with pytest.raises(AnswerTooLargeError):
        asked(Reply(bomb, headers=_GZIP))


@pytest.mark.parametrize(
    "body",
    [
        b'{"id":1,"result":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"id":1,"extra":' + b"[" * 100_000 + b"]" * 100_000 + b',"result":[]}',
        b'{"id":1,"error":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}",
        b'{"id":1,"result":[NaN]}',
        b'{"id":1,"result":[Infinity]}',
        b'{"id":1,"extra":NaN,"result":[]}',
        b'{"id":NaN,"result":[]}',
        b'{"id":1.5,"result":[]}',
        b'{"id":"1","result":[]}',
        b'{"id":2,"result":[]}',
        b'[{"id":1,"result":[]},{"id":1,"result":[]}]',
        b'{"id":1,"result":[]}{"id":1,"result":[]}',
        b'{"id":1,"result":[],}',
        b'\xef\xbb\xbf{"id":1,"result":[]}',
        b'{"id":1,"result":"0x"}',
        b'{"id":1,"result":[null]}',
        b'{"id":1,"result":[],"error":{}}',
        b'{"id":1,"result":[],"error":"no"}',
        b"null",
        b'"0x1"',
        b"\x00",
    ],
)
def test_what_is_not_exactly_an_answer_is_refused(body: bytes) -> None:
    """Given JSON that is nested, numbered or shaped otherwise, when asked, then it is refused."""
    with pytest.raises(BadAnswerError, match=r"^local-1: "):
        asked(Reply(body))


@contextmanager
def sending(parts: Sequence[bytes], *, pause_seconds: float = 0.0) -> Iterator[str]:
    """A server that sends just these bytes, part by part, and closes; gives its URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    is_over = threading.Event()

    def serve() -> None:
        while not is_over.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(1 << 16)
                for part in parts:
                    try:
                        connection.sendall(part)
                    except OSError:
                        break
                    if is_over.wait(pause_seconds):
                        break

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        is_over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def test_an_answer_that_ends_too_early_is_refused() -> None:
    """Given fewer bytes than were announced, though whole as JSON, then they are not used."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
    with sending([head + _EMPTY]) as url, pytest.raises(EndpointUnreachableError):
        Endpoint(url, "local-1").logs({})


def test_chunks_that_break_off_are_refused() -> None:
    """Given a chunked answer without its last chunk, then nothing of it is used."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"%x\r\n%b\r\n" % (len(_EMPTY), _EMPTY)
    with sending([head + chunk]) as url, pytest.raises(EndpointUnreachableError):
        Endpoint(url, "local-1").logs({})


def test_an_answer_that_trickles_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given an answer that comes byte by byte, when its time is over, then it timed out."""
    monkeypatch.setattr(transport_module, "_PATIENCE", 0.04)  # 0.2 s in all
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
    parts = [head, *[b" "] * 1_000]
    with sending(parts, pause_seconds=0.02) as url, pytest.raises(TimedOutError):
        Endpoint(url, "local-1").logs({})


def test_a_server_that_says_nothing_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given no answer at all, when the wait is over, then it timed out; the next one is longer."""
    monkeypatch.setattr(endpoint_module, "_READ_SECONDS_MIN", 0.1)
    with sending([], pause_seconds=0.0) as url, pytest.raises(EndpointUnreachableError):
        Endpoint(url, "local-1").logs({})
    with sending([b""], pause_seconds=60.0) as url:
        endpoint = Endpoint(url, "local-1")
        began = time.monotonic()
        with pytest.raises(TimedOutError, match="local-1: timed out"):
            endpoint.logs({})
        assert time.monotonic() - began < 20
        assert endpoint.health.latency_seconds > 0.09


def test_a_key_that_is_refused_is_not_tried_again_soon() -> None:
    """Given 401, when asked, then it is a matter for the endpoint's owner, and told as one."""
    with pytest.raises(QuotaError, match=r"local-1: .*HTTP status 401.*the key"):
        asked(Reply(b"<html>", 401))


def echo(status: int, headers: tuple[tuple[str, str], ...] = ()) -> Callable[[bytes], Reply]:
    """A server that repeats what it should not: the URL it was asked by, whole and in parts."""

    def answer(_: bytes) -> Reply:
        url = f"https://user:{_CANARY}@node.invalid/v2/{_CANARY}?key={_CANARY}"
        said = f"cannot send to {url} with key {_CANARY} ({_CANARY.upper()})"
        problem = {"code": -32000, "message": said, "data": {"url": url, "key": _CANARY}}
        return Reply(msgspec.json.encode({"id": 1, "error": problem}), status, headers)

    return answer


def failing() -> Iterator[tuple[str, Callable[[bytes], Reply]]]:
    """Servers that fail in one way each."""
    yield "echo", echo(200)
    yield "echo in an HTTP error", echo(500)
    yield "plain text", lambda _: Reply(f"no such key: {_CANARY}".encode(), 403)
    yield "bad key", lambda _: Reply(f"invalid api key {_CANARY}".encode(), 401)
    yield "cut", lambda _: Reply(b"x " * 492 + f"key {_CANARY} ".encode() * 99, 500)
    yield "throttled", lambda _: Reply(f"slow down, {_CANARY}".encode(), 429)
    yield "redirected", lambda _: Reply(b"", 301, (("Location", f"http://x/{_CANARY}"),))
    yield "malformed", lambda _: Reply(f'{{"id":1,"{_CANARY}":'.encode())
    yield "of another type", lambda _: Reply(f'{{"id":1,"result":"{_CANARY}"}}'.encode())
    yield "not packed", lambda _: Reply(_CANARY.encode(), headers=_GZIP)
    yield "other chain", lambda _: Reply(b'{"id":1,"result":"0x1"}')


@pytest.mark.parametrize(("name", "answer"), list(failing()), ids=lambda case: str(case)[:20])
def test_a_secret_in_a_url_never_gets_out(
    name: str,
    answer: Callable[[bytes], Reply],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Given a secret in path, query and user, when asking fails, then nothing that is said has it.

    Neither errors with all they carry, nor logs of ours or of libraries, nor the report.
    """
    caplog.set_level(logging.DEBUG)
    stop = threading.Event()
    with serving(answer) as url, capture_logs() as logs:
        secret = url.replace("//", f"//user:{_CANARY}@") + f"/v2/{_CANARY}?key={_CANARY}"
        node = Node(ChainSettings(id=CHAIN_ID, name="local", rpc=[secret]), stop)
        endpoint = Endpoint(secret, "local-1", pace=Pace(clock=count(step=60.0).__next__))
        with pytest.raises(EndpointError) as caught:
            endpoint.logs({})
        with pytest.raises((EndpointError, ConfigurationError)):  # noqa: PT012  as one chain does
            node.check()
            node.ask_each(lambda endpoint: endpoint.logs({}))
        report = node.report()
    stop.set()
    error = caught.value
    said = [str(error), repr(error), repr(vars(error)), repr(error.__cause__), repr(logs)]
    assert error.__suppress_context__ or error.__context__ is None, name
    assert _CANARY not in " ".join([*said, repr(report), caplog.text]).lower()


def test_a_secret_never_gets_out_by_bad_headers(caplog: pytest.LogCaptureFixture) -> None:
    """Given headers that cannot be read, of which a library warns by URL, then it does not."""
    caplog.set_level(logging.DEBUG)
    head = b"HTTP/1.1 200 OK\r\nno header at all\r\nContent-Length: 2\r\n\r\n{}"
    with sending([head]) as url, pytest.raises(EndpointError) as caught:
        Endpoint(f"{url}/{_CANARY}", "local-1").chain_id()
    assert _CANARY not in str(caught.value) + caplog.text


def test_a_secret_of_a_server_that_is_away_never_gets_out(caplog: pytest.LogCaptureFixture) -> None:
    """Given a refused connection, when asked, then neither errors nor libraries' logs tell."""
    caplog.set_level(logging.DEBUG)
    with serving(lambda _: Reply(b"")) as url:
        pass  # its port is free again
    secret = f"{url.replace('//', f'//{_CANARY}:{_CANARY}@')}/{_CANARY}?{_CANARY}"
    with pytest.raises(EndpointUnreachableError) as caught:
        Endpoint(secret, "local-1").chain_id()
    assert _CANARY not in str(caught.value) + repr(vars(caught.value)) + caplog.text
