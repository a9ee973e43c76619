"""Endpoints that fail, throttle, lag and lie, each in a way that a seed chooses.

Whether and how a call is spoilt depends on the seed, its method, its parameters and how often it
was made, so that no thread's pace changes it.
"""

import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from tests.indexer.nodes import Answer, Reply

# From a source of choices, the request's body and the honest answer, what is replied instead.
Fault = Callable[[random.Random, bytes, Answer], Reply]

_LAG_BLOCKS = 25
_GZIP_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"
_OTHER_HASH = "0x" + "11" * 32


class Faulty:
    """Answers as a node does, but for a share of all calls.

    Attributes:
        faults: how many answers were not the honest ones so far.
    """

    def __init__(
        self, answer: Answer, faults: Sequence[Fault], *, seed: object, share: float
    ) -> None:
        self.faults = 0
        self._answer = answer
        self._kinds = faults
        self._seed = seed
        self._share = share
        self._calls: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __call__(self, body: bytes) -> Reply:
        """The reply to a request or a batch."""
        call = str([(each["method"], each["params"]) for each in _requests(body)])
        with self._lock:
            self._calls[call] += 1
            choices = random.Random(f"{self._seed}/{call}/{self._calls[call]}")
        honest = self._answer(body)
        if choices.random() >= self._share:
            return honest
        reply = choices.choice(self._kinds)(choices, body, self._answer)
        with self._lock:
            self.faults += reply != honest
        return reply


def replying(reply: Reply) -> Fault:
    """Replies the same to everything."""
    return lambda _choices, _body, _answer: reply


def refusing(code: int, message: str) -> Fault:
    """Answers every request with this error."""

    def fault(_choices: random.Random, body: bytes, _answer: Answer) -> Reply:
        error = {"code": code, "message": message}
        return _reply(body, [{"error": error} for _ in _requests(body)])

    return fault


def torn(choices: random.Random, body: bytes, answer: Answer) -> Reply:
    """Some bytes of the answer, as if they were all."""
    content = answer(body).body
    return Reply(content[: choices.randrange(len(content))])


def torn_gzip(_choices: random.Random, _body: bytes, _answer: Answer) -> Reply:
    """What is no gzip after its first bytes."""
    return Reply(
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03torn", 200, (("Content-Encoding", "gzip"),)
    )


def misnumbered(_choices: random.Random, body: bytes, answer: Answer) -> Reply:
    """The answer to other requests."""
    return Reply(answer(body).body.replace(b'"id":', b'"id":9'))


def contradicting(_choices: random.Random, body: bytes, answer: Answer) -> Reply:
    """Results, each with an error beside it."""
    error = {"code": -32000, "message": "and yet"}
    return _reply(body, [{**each, "error": error} for each in _answers(answer(body))])


def lying(*methods: str, change: Callable[[random.Random, Any], Any]) -> Fault:
    """Changes the results of these methods."""

    def fault(choices: random.Random, body: bytes, answer: Answer) -> Reply:
        answers = _answers(answer(body))
        for request, each in zip(_requests(body), answers, strict=True):
            if request["method"] in methods and each.get("result"):
                each["result"] = change(choices, each["result"])
        return _reply(body, answers)

    return fault


def lagging(_choices: random.Random, body: bytes, answer: Answer) -> Reply:
    """Does not have the newest blocks yet."""
    (latest,) = _answers(answer(_HEAD))
    head = int(latest["result"], 16) - _LAG_BLOCKS
    answers = _answers(answer(body))
    for request, each in zip(_requests(body), answers, strict=True):
        number = (each.get("result") or {}).get("number") if request["method"] == _BLOCK else None
        if number is not None and int(number, 16) > head:
            each["result"] = None
            if request["params"][0] == "latest":
                older = {**request, "params": [hex(max(head, 0)), False]}
                each["result"] = _answers(answer(msgspec.json.encode(older)))[0]["result"]
    return _reply(body, answers)


_BLOCK = "eth_getBlockByNumber"
_HEAD = msgspec.json.encode({"id": 1, "method": "eth_blockNumber", "params": []})


def omit_some(choices: random.Random, result: list[Any]) -> list[Any]:
    """Logs or receipts without one of them."""
    gone = choices.randrange(len(result))
    return result[:gone] + result[gone + 1 :]


def omit_all(_choices: random.Random, _result: list[Any]) -> list[Any]:
    """Nothing, with a straight face."""
    return []


def alter(choices: random.Random, result: list[Any]) -> list[Any]:
    """Logs or receipts of which one says something else."""
    one = choices.choice(result)
    log = choices.choice(one["logs"]) if one.get("logs") else one
    name, value = choices.choice(
        [("data", "0x"), ("blockHash", _OTHER_HASH), ("transactionHash", _OTHER_HASH)]
    )
    if name in log:
        log[name] = value
    else:
        log["status"] = "0x0" if log["status"] == "0x1" else "0x1"
    return result


def forge(choices: random.Random, block: dict[str, Any]) -> dict[str, Any]:
    """A header of which one field is another."""
    name = choices.choice(["stateRoot", "receiptsRoot", "parentHash", "mixHash"])
    return {**block, name: _OTHER_HASH}


def _requests(body: bytes) -> list[dict[str, Any]]:
    request = msgspec.json.decode(body)
    return request if isinstance(request, list) else [request]


def _answers(reply: Reply) -> list[dict[str, Any]]:
    answer = msgspec.json.decode(reply.body)
    return answer if isinstance(answer, list) else [answer]


def _reply(body: bytes, answers: list[dict[str, Any]]) -> Reply:
    """Answers to the requests of a body, as a batch if it was one."""
    named = [
        {"jsonrpc": "2.0", **each, "id": request["id"]}
        for request, each in zip(_requests(body), answers, strict=True)
    ]
    return Reply(msgspec.json.encode(named if body.startswith(b"[") else named[0]))


TRANSPORT: tuple[Fault, ...] = (
    replying(Reply(b"")),
    replying(Reply(b"<html>busy</html>")),
    replying(Reply(b"<html>bad gateway</html>", 502)),
    torn,
    torn_gzip,
    misnumbered,
    contradicting,
    refusing(-32603, "internal error"),
)
THROTTLING: tuple[Fault, ...] = (
    replying(Reply(b"", 429, (("Retry-After", "0.1"),))),
    replying(Reply(b"", 429)),
    refusing(-32005, "rate limit exceeded"),
)
LIES: dict[str, Fault] = {
    "omitting some": lying("eth_getLogs", "eth_getBlockReceipts", change=omit_some),
    "omitting all": lying("eth_getLogs", "eth_getBlockReceipts", change=omit_all),
    "altering": lying("eth_getLogs", "eth_getBlockReceipts", change=alter),
    "forging headers": lying("eth_getBlockByNumber", change=forge),
}
