"""The simulated node as a server: JSON-RPC over HTTP and WebSocket, and blocks in time."""

import asyncio
from typing import Any

import uvicorn

from scripts.simulate.node import Node
from scripts.simulate.rpc import answer
from scripts.simulate.subscriptions import Connection, Receive, Send

_BODY_MAX_BYTES = 5_000_000
_KEEP_ALIVE_SECONDS = 120  # as geth
_SHUTDOWN_SECONDS = 1  # a subscriber would stay forever
_HEADERS = [(b"content-type", b"application/json")]


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
        """Serve one request, one WebSocket, or the application's own start and end."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "websocket":
            await Connection(self._node, self._latency_seconds).serve(receive, send)
        elif scope["type"] == "http":
            body = await _body(receive)
            if self._latency_seconds:
                await asyncio.sleep(self._latency_seconds)
            status, content = 413, b""
            if body is not None:
                status, content = 200, answer(body, self._node.answer)
            start = {"type": "http.response.start", "status": status, "headers": _HEADERS}
            await send(start)
            await send({"type": "http.response.body", "body": content})

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


def server(application: Application) -> uvicorn.Server:
    """What serves the application, on listeners that are given to its `run`."""
    config = uvicorn.Config(
        application,
        access_log=False,
        lifespan="on",
        log_level="warning",
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        ws="websockets-sansio",
    )
    return uvicorn.Server(config)


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
