"""An endpoint's answer is used whole or not at all, and its URL never shows."""

import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import msgspec
import pytest

from indexer import endpoint as endpoint_module
from indexer.endpoint import Endpoint
from indexer.errors import (
    AnswerTooLargeError,
    BadAnswerError,
    EndpointError,
    EndpointUnreachableError,
    RateLimitedError,
    RpcError,
)
from tests.indexer.nodes import Reply, serving

_CANARY = "secret-canary-4711"
_ZERO = "0x" + "00" * 32
_LOG = {
    "address": "0x" + "AB" * 20,
    "topics": [_ZERO],
    "data": "0x",
    "blockNumber": "0x1",
    "blockHash": _ZERO,
    "transactionHash": _ZERO,
    "transactionIndex": "0x0",
    "logIndex": "0x0",
    "removed": False,
}


def asking(reply: Reply, ask: Callable[[Endpoint], Any]) -> Any:
    """What an endpoint makes of a fixed reply; `$id` in it stands for the request's id."""

    def answer(body: bytes) -> Reply:
        request = msgspec.json.decode(body)
        first = request[0] if isinstance(request, list) else request
        return reply._replace(body=reply.body.replace(b'"$id"', str(first["id"]).encode()))

    with serving(answer) as url:
        return ask(Endpoint(f"{url}/{_CANARY}", "local-1"))


def logs(endpoint: Endpoint) -> Any:
    """Ask for logs."""
    return endpoint.logs({})


def one_log(**changed: Any) -> Reply:
    """An answer of one log, with these fields changed."""
    answer = {"jsonrpc": "2.0", "id": "$id", "result": [{**_LOG, **changed}]}
    return Reply(msgspec.json.encode(answer))


def test_a_log_comes_back_typed_with_its_address_in_lower_case() -> None:
    """Given a checksummed address, when asked, then it is lower case."""
    (log,) = asking(one_log(), logs)
    assert log.address == "0x" + "ab" * 20
    assert log.topics == [_ZERO]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>busy</html>",
        b'{"id":"$id","result":[',
        b'{"id":"$id","result":{}}',
        b'{"id":"$id","result":null}',
        b'{"id":"$id"}',
        b'{"id":0,"result":[]}',
        b'{"result":[]}',
        b'{"id":"$id","result":[],"error":{"code":1,"message":"both"}}',
        b'{"id":"$id","result":["\\ud800"]}',
        b'{"id":"$id","result":[]}\xff',
    ],
)
def test_an_answer_that_is_no_answer_is_refused(body: bytes) -> None:
    """Given malformed, foreign or contradictory JSON, when asked, then it is a bad answer."""
    with pytest.raises(BadAnswerError, match=r"^local-1: "):
        asking(Reply(body), logs)


@pytest.mark.parametrize(
    "changed",
    [
        {"topics": [_ZERO] * 5},
        {"topics": ["0x00"]},
        {"data": "0x1"},
        {"data": "0xzz"},
        {"data": "00"},
        {"data": "0x0_0 "},
        {"logIndex": "1"},
        {"logIndex": "0x"},
        {"logIndex": "0x-1"},
        {"blockHash": "0x" + "0" * 63 + "g"},
        {"blockHash": None},
        {"address": "0x" + "00" * 19},
    ],
)
def test_one_bad_field_spoils_the_whole_answer(changed: dict[str, Any]) -> None:
    """Given a log with one field that is not what it must be, when asked, then all is refused."""
    with pytest.raises(BadAnswerError):
        asking(one_log(**changed), logs)


def test_an_error_of_the_node_carries_code_message_and_method() -> None:
    """Given an error answer, when asked, then it is an RpcError with the node's words."""
    body = b'{"id":"$id","error":{"code":-32005,"message":"too many logs"}}'
    with pytest.raises(RpcError) as caught:
        asking(Reply(body), logs)
    assert (caught.value.code, caught.value.message) == (-32005, "too many logs")
    assert caught.value.method == "eth_getLogs"


def test_an_error_within_an_http_error_is_read_too() -> None:
    """Given HTTP 400 with a JSON-RPC error in it, when asked, then that error is raised."""
    body = b'{"id":"$id","error":{"code":-32602,"message":"range too large"}}'
    with pytest.raises(RpcError, match="range too large"):
        asking(Reply(body, 400), logs)


@pytest.mark.parametrize("status", [301, 403, 404, 500, 503])
def test_an_http_error_is_told_by_its_status(status: int) -> None:
    """Given an HTTP error, when asked, then the endpoint counts as unreachable."""
    with pytest.raises(EndpointUnreachableError, match=f"HTTP status {status}"):
        asking(Reply(b"<html>", status), logs)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7.0), ("1.5", 1.5), ("86400", 60.0), ("soon", 0.0), ("-3", 0.0), ("nan", 0.0)],
)
def test_retry_after_is_read_as_seconds_and_bounded(value: str, seconds: float) -> None:
    """Given 429 with a Retry-After, when asked, then the error carries the wait."""
    with pytest.raises(RateLimitedError) as caught:
        asking(Reply(b"", 429, (("Retry-After", value),)), logs)
    assert caught.value.retry_after_seconds == seconds


def test_retry_after_is_read_as_a_date() -> None:
    """Given 429 with a date, when asked, then the wait is the time until then."""
    date = formatdate(time.time() + 20, usegmt=True)
    with pytest.raises(RateLimitedError) as caught:
        asking(Reply(b"", 429, (("Retry-After", date),)), logs)
    assert 15 < caught.value.retry_after_seconds <= 20


def test_an_answer_beyond_the_cap_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given more bytes than are allowed, when asked, then they are not even parsed."""
    monkeypatch.setattr(endpoint_module, "ANSWER_BYTES_MAX", 100)
    with pytest.raises(AnswerTooLargeError):
        asking(one_log(), logs)


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b'[{"id":"$id","result":null},{"id":"$id","result":null}]',
        b'[{"id":"$id","result":null},{"id":0,"result":null}]',
        b'{"id":null,"result":null}',
    ],
)
def test_a_batch_must_have_one_answer_for_each_request(body: bytes) -> None:
    """Given a batch with missing, repeated or foreign answers, when asked, then it is refused."""
    with pytest.raises(BadAnswerError):
        asking(Reply(body), lambda endpoint: endpoint.blocks([1, 2]))


def test_a_batch_that_is_refused_as_one_is_an_error_of_the_node() -> None:
    """Given one error for a whole batch, when asked, then it is raised."""
    body = b'{"id":null,"error":{"code":-32600,"message":"batch too large"}}'
    with pytest.raises(RpcError, match="batch too large"):
        asking(Reply(body), lambda endpoint: endpoint.blocks([1, 2]))


def test_an_endpoint_that_refuses_connections_is_named_by_its_alias_alone() -> None:
    """Given nobody listening, when asked, then the error says why, without the URL."""
    with serving(lambda _: Reply(b"")) as url:
        pass  # its port is free again
    with pytest.raises(EndpointUnreachableError) as caught:
        Endpoint(f"{url}/{_CANARY}", "local-1").chain_id()
    assert str(caught.value) == "local-1: connection refused"


@pytest.mark.parametrize(
    "url",
    [
        f"http://user:{_CANARY}@127.0.0.1:1/{_CANARY}",
        f"http://{_CANARY}.invalid/",
        f"http://127.0.0.1:1/?key={_CANARY}",
    ],
)
def test_no_error_shows_the_url(url: str) -> None:
    """Given a secret anywhere in a URL, when asking fails, then no text of the error has it."""
    with pytest.raises(EndpointError) as caught:
        Endpoint(url, "local-1").chain_id()
    assert _CANARY not in str(caught.value)
    assert caught.value.__suppress_context__
    assert caught.value.__cause__ is None
