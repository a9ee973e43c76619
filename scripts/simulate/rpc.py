"""JSON-RPC 2.0 as the simulated node speaks it: single requests and batches, on any transport."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from scripts.simulate.errors import INVALID_REQUEST, RpcError

PARSE_ERROR = -32700

# From a method and its parameters, the result as JSON; may raise RpcError.
Methods = Callable[[str, Sequence[Any]], bytes]


def answer(body: bytes, methods: Methods) -> bytes:
    """The answer to a request or a batch of them."""
    try:
        request = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        return _error(None, PARSE_ERROR, f"parse error: {error}")
    if isinstance(request, list) and request:
        return b"[" + b",".join(_answer_one(one, methods) for one in request) + b"]"
    return _answer_one(request, methods)


def _answer_one(request: Any, methods: Methods) -> bytes:
    if not isinstance(request, dict) or not isinstance(request.get("method"), str):
        return _error(None, INVALID_REQUEST, "invalid request")
    name, parameters = request.get("id"), request.get("params", [])
    if not isinstance(parameters, list):
        return _error(name, INVALID_REQUEST, "params must be a list")
    try:
        result = methods(request["method"], parameters)
    except RpcError as error:
        return _error(name, error.code, str(error), error.data)
    return b'{"jsonrpc":"2.0","id":' + msgspec.json.encode(name) + b',"result":' + result + b"}"


def _error(name: Any, code: int, message: str, data: str | None = None) -> bytes:
    error = {"code": code, "message": message} | ({"data": data} if data else {})
    return msgspec.json.encode({"jsonrpc": "2.0", "id": name, "error": error})
