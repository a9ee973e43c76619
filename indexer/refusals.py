"""From what an endpoint answers instead of a result to the error that it means."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from indexer.dialects import Meaning, classify
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

_OK, _UNAVAILABLE = 200, 503
_TEXT_MAX, _TEXTS_MAX, _DEPTH_MAX, _CODE_CHARACTERS_MAX = 1_000, 20, 6, 10
_SAYS_NOTHING = {"message", "error", "code", "id", "jsonrpc", "from", "to", "request", "method"}


class Refusals:
    """Reads what one endpoint says when it refuses.

    Args:
        alias: the endpoint's.
        redacted: takes secrets out of a text.
    """

    def __init__(self, alias: str, redacted: Callable[[str], str]) -> None:
        self._alias = alias
        self._redacted = redacted

    def of_http(
        self, method: str, *, status: int, content: bytes, retry_after_seconds: float
    ) -> EndpointError:
        """The error of an HTTP error; many nodes put a JSON-RPC error into one."""
        problem = json_of(content)
        if problem is None and not content.lstrip().startswith(b"<"):
            problem = content.decode(errors="replace")
        return self.of(method, problem, status=status, retry_after_seconds=retry_after_seconds)

    def of(
        self, method: str, problem: Any, *, status: int = _OK, retry_after_seconds: float = 0.0
    ) -> EndpointError:
        """The error of an error of JSON-RPC, of any shape."""
        if isinstance(problem, list):  # of a batch
            problem = next(iter(problem), None)
        alias, code, text = (
            self._alias,
            code_of(problem),
            self._redacted(text_of(problem))[:_TEXT_MAX],
        )
        meaning = classify(status, code, text)
        wait = retry_after_seconds or meaning.retry_after_seconds
        kind, said = meaning.kind, text or f"HTTP status {status}"
        if kind == "wait" or (kind == "unknown" and status == _UNAVAILABLE and wait):
            return RateLimitedError(alias, wait, said)
        if kind == "unknown" and status != _OK and not _is_of_rpc(problem):
            return HttpStatusError(alias, status, text)
        match kind:
            case "quota":
                error: EndpointError = QuotaError(alias, said)
            case "timeout":
                error = TimedOutError(alias, f"{method}: {said}")
            case "split_once_then_wait":
                error = OverloadedError(alias, said)
            case _:
                error = _rpc_error(alias, meaning, method=method, code=code, message=said)
        return error


def _rpc_error(alias: str, meaning: Meaning, **asked: Any) -> RpcError:
    match meaning.kind:
        case "split":
            return RangeRefusedError(
                alias, **asked, limit=meaning.limit, suggested=meaning.suggested
            )
        case "width":
            return FilterRefusedError(alias, **asked, limit=meaning.limit)
        case "not_yet":
            return BlockUnavailableError(alias, **asked)
        case "no_method":
            return MethodMissingError(alias, **asked)
    return RpcError(alias, **asked)


def json_of(content: bytes) -> Any:
    """The JSON in these bytes; None if there is none."""
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def text_of(problem: Any) -> str:
    """All that an error says, its message first, however deep its gateway wrapped it."""
    return " | ".join(dict.fromkeys(_texts(problem, 0)))


def code_of(problem: Any) -> int:
    """The code of an error, or of one inside it; 0 without one."""
    while isinstance(problem, dict):
        code = str(problem.get("code"))
        if code.lstrip("-").isdecimal() and len(code) <= _CODE_CHARACTERS_MAX:
            return int(code)
        problem = problem.get("error", problem.get("data"))
    return 0


def _texts(problem: Any, depth: int) -> list[str]:
    if isinstance(problem, str):
        if len(problem) > _TEXT_MAX:  # cut between words: half a secret would not be recognised
            problem = problem[:_TEXT_MAX].rpartition(" ")[0]
        text = " ".join(problem.split())
        return [text] if text else []
    if depth == _DEPTH_MAX:
        return []
    texts = [text for each in _parts(problem) for text in _texts(each, depth + 1)]
    return texts[:_TEXTS_MAX]


def _parts(problem: Any) -> Iterator[Any]:
    if isinstance(problem, list):
        yield from problem[:_TEXTS_MAX]
    if not isinstance(problem, dict):
        return
    yield from (problem[key] for key in ("message", "error") if key in problem)
    yield from (problem[key] for key in problem if key not in _SAYS_NOTHING)
    if {"from", "to"} <= problem.keys():  # a range as data, without words
        yield f"try with this block range [{problem['from']}, {problem['to']}]"


def _is_of_rpc(problem: Any) -> bool:
    return isinstance(problem, dict) and bool(problem.get("error"))
