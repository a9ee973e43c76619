"""The simulated node on WebSocket: its methods, and a message for each new canonical block."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import count
from typing import Any

import msgspec

from scripts.simulate.blocks import SealedBlock
from scripts.simulate.errors import INVALID_PARAMS, RpcError
from scripts.simulate.node import Node
from scripts.simulate.rpc import answer

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_OUTGOING_MAX = 4_096  # what a client that does not read leaves waiting; the rest is lost to it
_NOT_IN_A_HEADER = ("size", "totalDifficulty", "transactions", "uncles", "withdrawals")
_ids = count(1)


class Connection:
    """One client: what it is subscribed to, and what it is still to be sent."""

    def __init__(self, node: Node, latency_seconds: float) -> None:
        self._node = node
        self._latency_seconds = latency_seconds
        self._subscriptions: list[str] = []
        self._outgoing: asyncio.Queue[bytes] = asyncio.Queue(_OUTGOING_MAX)

    async def serve(self, receive: Receive, send: Send) -> None:
        """Answer requests and send what is subscribed to, until the client leaves."""
        await receive()
        await send({"type": "websocket.accept"})
        listeners = self._node.chain.blocks.listeners
        listeners.append(self._announce)
        sending = asyncio.create_task(self._send(send))
        try:
            while (message := await receive())["type"] == "websocket.receive":
                await self._take(message.get("text") or message.get("bytes") or "")
        finally:
            listeners.remove(self._announce)
            sending.cancel()

    async def _take(self, request: str | bytes) -> None:
        if self._latency_seconds:
            await asyncio.sleep(self._latency_seconds)
        body = request.encode() if isinstance(request, str) else request
        await self._outgoing.put(answer(body, self._methods))

    async def _send(self, send: Send) -> None:
        while True:
            message = await self._outgoing.get()
            await send({"type": "websocket.send", "text": message.decode()})

    def _methods(self, method: str, parameters: Sequence[Any]) -> bytes:
        if method == "eth_subscribe":
            return self._subscribe(parameters)
        if method == "eth_unsubscribe":
            return self._unsubscribe(parameters)
        return self._node.answer(method, parameters)

    def _subscribe(self, parameters: Sequence[Any]) -> bytes:
        if list(parameters) != ["newHeads"]:
            raise RpcError(INVALID_PARAMS, 'only "newHeads" can be subscribed to')
        self._subscriptions.append(f"0x{next(_ids):032x}")
        return msgspec.json.encode(self._subscriptions[-1])

    def _unsubscribe(self, parameters: Sequence[Any]) -> bytes:
        if len(parameters) != 1 or parameters[0] not in self._subscriptions:
            raise RpcError(INVALID_PARAMS, "subscription not found")
        self._subscriptions.remove(parameters[0])
        return b"true"

    def _announce(self, block: SealedBlock) -> None:
        for name in self._subscriptions:
            parameters = {"subscription": name, "result": _header(block)}
            message = {"jsonrpc": "2.0", "method": "eth_subscription", "params": parameters}
            if not self._outgoing.full():
                self._outgoing.put_nowait(msgspec.json.encode(message))


def _header(block: SealedBlock) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.json.decode(block.json)
    return {field: value for field, value in fields.items() if field not in _NOT_IN_A_HEADER}
