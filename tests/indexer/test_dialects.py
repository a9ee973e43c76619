"""Refusals of many providers, each in its own words, are understood whatever they come wrapped in.

The words in `refusals.json` were seen in public clients' sources and issues.
"""

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest

from indexer.dialects import Kind, classify
from indexer.endpoint import Endpoint
from indexer.errors import (
    BlockUnavailableError,
    EndpointError,
    FilterRefusedError,
    HttpStatusError,
    MethodMissingError,
    OverloadedError,
    QuotaError,
    RangeRefusedError,
    RateLimitedError,
    RpcError,
    TimedOutError,
)
from indexer.pace import Pace
from tests.indexer.nodes import Reply, serving

_BESIDE = Path(__file__).resolve().parents[3] / "shared" / "rpc_errors.json"
_COLLECTION = Path(os.environ.get("DAYBOOK_RPC_ERRORS", _BESIDE))
_BAD_REQUEST = 400


class Refused(msgspec.Struct, frozen=True):
    """What a provider said, and what it meant."""

    message: str
    kind: Kind
    code: int = 0
    status: int = 200
    limit: int | None = None
    suggested: tuple[int, int] | None = None


REFUSED = msgspec.json.decode(
    Path(__file__).with_name("refusals.json").read_bytes(), type=list[Refused]
)
_ERRORS: dict[Kind, type[EndpointError]] = {
    "split": RangeRefusedError,
    "width": FilterRefusedError,
    "wait": RateLimitedError,
    "quota": QuotaError,
    "not_yet": BlockUnavailableError,
    "timeout": TimedOutError,
    "split_once_then_wait": OverloadedError,
    "no_method": MethodMissingError,
    "unknown": RpcError,
}


def assert_understood(refused: Refused, message: str) -> None:
    """Check that these words mean what the refusal means."""
    meaning = classify(refused.status, refused.code, message)
    assert meaning.kind == refused.kind
    assert meaning.suggested == refused.suggested
    assert meaning.limit == refused.limit


@pytest.mark.parametrize("refused", REFUSED, ids=lambda refused: refused.message[:60])
def test_a_refusal_is_understood_by_its_words(refused: Refused) -> None:
    """Given a provider's words, when classified, then kind, limit and proposal are read."""
    assert_understood(refused, refused.message)


@pytest.mark.parametrize("refused", REFUSED, ids=lambda refused: refused.message[:60])
def test_a_refusal_is_understood_amid_other_words(refused: Refused) -> None:
    """Given words before and after, with numbers of their own, then the meaning is the same."""
    assert_understood(refused, f"Error: {refused.message} (request id: abc123)")
    link = "https://docs.invalid/4711/limits?id=3"
    assert_understood(refused, f"upstream said 17: {refused.message}, see {link} reqId=99")


def test_every_refusal_of_the_collection_is_understood() -> None:
    """Given the whole collection, when classified, then no message is misread."""
    if not _COLLECTION.exists():
        pytest.skip("no collection of refusals: set DAYBOOK_RPC_ERRORS to its file")
    collection = msgspec.json.decode(_COLLECTION.read_bytes())["errors"]
    for each in collection:
        names = {"class": "kind", "http": "status", "suggest": "suggested"}
        refused = msgspec.convert({names.get(k, k): v for k, v in each.items()}, Refused)
        assert_understood(refused, refused.message)


def wrapped(refused: Refused) -> Iterator[Reply]:
    """The refusal as nodes and gateways send it; `$id` stands for the request's id."""
    problem = {"code": refused.code, "message": refused.message}
    encode = msgspec.json.encode
    status = refused.status if refused.status != Reply(b"").status else _BAD_REQUEST
    ours: dict[str, Any] = {"jsonrpc": "2.0", "id": "$id"}
    yield Reply(encode({**ours, "error": problem}), refused.status)
    yield Reply(encode({**ours, "error": problem}), status)
    nested = {"error": {"error": problem}, "id": None}
    yield Reply(encode(nested), refused.status)
    yield Reply(encode([{**ours, "error": problem}]), status)
    data = {"code": refused.code, "message": "Invalid params", "data": {"said": refused.message}}
    yield Reply(encode({**ours, "error": data, "result": None}), refused.status)
    if not refused.code:
        yield Reply(encode({**ours, "error": refused.message}), status)
        yield Reply(encode({**ours, "id": "other", "error": refused.message}), refused.status)
        yield Reply(encode({"message": refused.message}), status)
        yield Reply(encode({"message": refused.message}), refused.status)


def impatient() -> Pace:
    """A pace whose pauses are over at once: a minute passes whenever it looks at its clock."""
    return Pace(clock=count(step=60.0).__next__)


@pytest.mark.parametrize("kind", list(_ERRORS))
def test_a_refusal_is_the_same_error_however_it_is_wrapped(kind: Kind) -> None:
    """Given every refusal of a kind in every wrapping, when asked, then its error is raised."""
    replies: list[Reply] = []

    def answer(body: bytes) -> Reply:
        request = msgspec.json.decode(body)
        reply = replies[-1]
        return reply._replace(body=reply.body.replace(b'"$id"', str(request["id"]).encode()))

    with serving(answer) as url:
        for refused in [each for each in REFUSED if each.kind == kind]:
            for reply in wrapped(refused):
                replies.append(reply)
                with pytest.raises(EndpointError) as caught:
                    Endpoint(url, "local-1", pace=impatient()).logs({})
                assert_means(caught.value, refused, reply)


def assert_means(error: EndpointError, refused: Refused, reply: Reply) -> None:
    """Check that an error is what a refusal means, and still says what was said."""
    is_expected = isinstance(error, _ERRORS[refused.kind])
    # Words that mean nothing to us, outside of an error of JSON-RPC, leave but the status.
    is_unknown = refused.kind == "unknown" and reply.status != Reply(b"").status
    assert is_expected or (is_unknown and isinstance(error, HttpStatusError)), reply
    assert " ".join(refused.message.split())[:100] in str(error)
    if isinstance(error, RangeRefusedError):
        assert (error.limit, error.suggested) == (refused.limit, refused.suggested)
    if isinstance(error, FilterRefusedError):
        assert error.limit == refused.limit


def test_a_range_as_data_is_a_proposal() -> None:
    """Given a refusal whose data is a range, when asked, then the range is what it proposes."""
    data = {"from": "0x1", "limit": 10_000, "to": "0x400"}
    problem = {"code": -32005, "message": "query returned more than 10000 results", "data": data}

    def answer(body: bytes) -> Reply:
        request = msgspec.json.decode(body)
        return Reply(msgspec.json.encode({"id": request["id"], "error": problem}))

    with serving(answer) as url, pytest.raises(RangeRefusedError) as caught:
        Endpoint(url, "local-1").logs({})
    assert caught.value.suggested == (1, 1024)


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("rate limit exhausted, retry in 10s", 10.0),
        ("too many requests, try again in 250 ms", 0.25),
        ("throttled, wait 2 minutes", 60.0),
        ("too many requests", 0.0),
    ],
)
def test_a_wait_in_words_is_read_and_bounded(words: str, seconds: float) -> None:
    """Given a wait in the words of a refusal, when classified, then it is read as seconds."""
    assert classify(200, 0, words).retry_after_seconds == seconds
