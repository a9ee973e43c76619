"""The simulated node on HTTP: JSON-RPC 2.0, single requests and batches, and blocks in time."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import uvicorn

from scripts.simulate.node import INVALID_REQUEST, Node, RpcError

PARSE_ERROR = -32700
_BODY_MAX_BYTES = 5_000_000
_KEEP_ALIVE_SECONDS = 120  # as geth
_HEADERS = [(b"content-type", b"application/json")]

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Application:
    """The node as an ASGI application.

    Args:
        node: what answers.
        blocks_per_second: how fast blocks come by themselves; None for not at all.
        latency_seconds: how much longer each request takes.
    """

    def __init__(
        self, node: Node, *, blocks_per_second: float | None, latency_seconds: float
    ) -> None:
        self._node = node
        self._blocks_per_second = blocks_per_second
        self._latency_seconds = latency_seconds
        self._ticking: asyncio.Task[None] | None = None

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Serve one request, or the application's own start and end."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            body = await _body(receive)
            if self._latency_seconds:
                await asyncio.sleep(self._latency_seconds)
            status, answer = (200, self._answer(body)) if body is not None else (413, b"")
            start = {"type": "http.response.start", "status": status, "headers": _HEADERS}
            await send(start)
            await send({"type": "http.response.body", "body": answer})

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        if self._blocks_per_second is not None:
            self._ticking = asyncio.create_task(self._tick(self._blocks_per_second))
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if self._ticking is not None:
            self._ticking.cancel()
        await send({"type": "lifespan.shutdown.complete"})

    async def _tick(self, blocks_per_second: float) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while self._node.chain.advance():
            due += 1 / blocks_per_second
            await asyncio.sleep(due - loop.time())

    def _answer(self, body: bytes) -> bytes:
        try:
            request = msgspec.json.decode(body)
        except msgspec.DecodeError as error:
            return _error(None, PARSE_ERROR, f"parse error: {error}")
        if isinstance(request, list) and request:
            return b"[" + b",".join(self._answer_one(one) for one in request) + b"]"
        return self._answer_one(request)

    def _answer_one(self, request: Any) -> bytes:
        if not isinstance(request, dict) or not isinstance(request.get("method"), str):
            return _error(None, INVALID_REQUEST, "invalid request")
        name, parameters = request.get("id"), request.get("params", [])
        if not isinstance(parameters, list):
            return _error(name, INVALID_REQUEST, "params must be a list")
        try:
            result = self._node.answer(request["method"], parameters)
        except RpcError as error:
            return _error(name, error.code, str(error), error.data)
        return b'{"jsonrpc":"2.0","id":' + msgspec.json.encode(name) + b',"result":' + result + b"}"


def serve(application: Application, listener: socket.socket) -> None:
    """Serve until interrupted."""
    config = uvicorn.Config(
        application,
        access_log=False,
        lifespan="on",
        log_level="warning",
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
    )
    uvicorn.Server(config).run(sockets=[listener])


async def _body(receive: Receive) -> bytes | None:
    """The request's body; None if it is too long."""
    parts, size = [], 0
    while True:
        message = await receive()
        part = message.get("body", b"")
        parts.append(part)
        size += len(part)
        if size > _BODY_MAX_BYTES:
            return None
        if not message.get("more_body"):
            return b"".join(parts)


def _error(name: Any, code: int, message: str, data: str | None = None) -> bytes:
    error = {"code": code, "message": message} | ({"data": data} if data else {})
    return msgspec.json.encode({"jsonrpc": "2.0", "id": name, "error": error})
