"""Hints that a chain has a new head: messages on a websocket, and polling, which is the truth.

A hint only wakes who polls, so whatever a websocket says or does not say, nothing wrong comes of
it. As long as the newest hint names the very head that polling sees, polling may be slower.
"""

import logging
import random
import threading
import time
from types import TracebackType
from typing import Annotated, Any, Self

import msgspec
import structlog
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from indexer.proof import Header
from schema.settings import ChainSettings

_log = structlog.get_logger()

# Without hints a block is seen half of this after the node has it, on average; five small requests
# a second are little even for a metered endpoint. With them a lost hint costs a second.
_POLL_SECONDS, _POLL_SECONDS_HINTED = 0.2, 1.0
_PAUSE_SECONDS = 0.02  # after each look, however many hints come
_CHECK_SECONDS = 0.1  # how long a set `stop` may go unseen
_SILENT_HEADS = 3  # that polling saw and no hint told of; one may just be slower than polling
_MESSAGE_BYTES_MAX = 256 << 10  # a header takes 2 kB
_OPEN_SECONDS, _CLOSE_SECONDS = 5.0, 1.0
_BACKOFF_SECONDS, _BACKOFF_SECONDS_MAX = 0.5, 30.0
_CHAIN_ID, _SUBSCRIBE = 1, 2  # ids of our requests

# The library logs what it sends and receives, and the address, which may hold a key.
_silent = logging.getLogger("daybook.websocket")
_silent.addHandler(logging.NullHandler())
_silent.propagate = False


class _HintError(Exception):
    """A websocket that is of no use: refused, of another chain, silent."""


class _Head(msgspec.Struct):
    hash: Annotated[str, msgspec.Meta(pattern="^0x[0-9a-fA-F]{64}$")]


class _Notification(msgspec.Struct):
    result: _Head


class _Problem(msgspec.Struct):
    code: int = 0
    message: str = ""


class _Message(msgspec.Struct):
    """An answer to one of our requests, or, with `params`, a notification."""

    id: int | None = None
    result: Any = None
    error: _Problem | None = None
    params: _Notification | None = None


_decode = msgspec.json.Decoder(_Message).decode


class Hints:
    """When to look for a chain's head; use as a context manager."""

    def __init__(self, settings: ChainSettings, stop: threading.Event) -> None:
        """Listen to no websocket before it is entered; `stop` ends all waiting."""
        self._stop = stop
        self._news = threading.Event()
        self._seen = ""
        self._sources = [
            _Source(url, f"{settings.name}-{at}", settings, self._news)
            for at, url in enumerate(settings.rpc, 1)
            if url.startswith("ws")
        ]

    def __enter__(self) -> Self:
        for source in self._sources:
            source.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for source in self._sources:
            source.ended.set()
        for source in self._sources:
            source.join(_OPEN_SECONDS + _CLOSE_SECONDS)

    def wait(self, head: Header) -> None:
        """Wait until it is time to look again, `head` being what polling saw just now."""
        if head.hash != self._seen:
            self._seen = head.hash
            for source in self._sources:
                source.heads_polled += 1
        is_hinted = any(source.announced == head.hash for source in self._sources)
        deadline = time.monotonic() + (_POLL_SECONDS_HINTED if is_hinted else _POLL_SECONDS)
        self._stop.wait(_PAUSE_SECONDS)
        while (left := deadline - time.monotonic()) > 0 and not self._stop.is_set():
            if self._news.wait(min(left, _CHECK_SECONDS)):
                break
        self._news.clear()


class _Source(threading.Thread):
    """Listens to one websocket, and connects again whenever it is lost; its chain never fails.

    Attributes:
        announced: hash of the newest head it told of; None while it is of no use.
        heads_polled: how many heads polling saw so far.
        ended: set to end it.
    """

    def __init__(
        self, url: str, alias: str, settings: ChainSettings, news: threading.Event
    ) -> None:
        super().__init__(name=f"hints {alias}", daemon=True)
        self.announced: str | None = None
        self.heads_polled = 0
        self.ended = threading.Event()
        self._url = url
        self._chain_id = settings.id
        self._news = news
        self._log = _log.bind(chain=settings.name, endpoint=alias)
        self._heads_polled_at_hint = 0
        self._failures = 0
        self._is_malformed_told = False

    def run(self) -> None:
        """Listen until ended; called by `start`."""
        while not self.ended.is_set():
            try:
                self._listen()
            except Exception as error:  # noqa: BLE001  whatever a hint does, polling goes on
                self._lose(error)

    def _lose(self, error: Exception) -> None:
        self.announced = None
        self._failures += 1
        if self._failures == 1:
            self._log.warning("hint_lost", reason=_reason(error))
        backoff = min(_BACKOFF_SECONDS * 2.0 ** min(self._failures, 10), _BACKOFF_SECONDS_MAX)
        self.ended.wait(backoff * random.uniform(0.5, 1))  # noqa: S311  spreads retries, no secret

    def _listen(self) -> None:
        with connect(
            self._url,
            open_timeout=_OPEN_SECONDS,
            close_timeout=_CLOSE_SECONDS,
            max_size=_MESSAGE_BYTES_MAX,
            logger=_silent,
        ) as websocket:
            websocket.send(_request(_CHAIN_ID, "eth_chainId"))
            websocket.send(_request(_SUBSCRIBE, "eth_subscribe", "newHeads"))
            self._heads_polled_at_hint = self.heads_polled
            while not self.ended.is_set():
                self._take_next(websocket)
                if self.heads_polled - self._heads_polled_at_hint >= _SILENT_HEADS:
                    raise _HintError("silent while the head moves")

    def _take_next(self, websocket: ClientConnection) -> None:
        try:
            content = websocket.recv(_CHECK_SECONDS, decode=False)
        except TimeoutError:
            return
        try:
            message = _decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self._tell_malformed(error)
        else:
            self._take(message)

    def _take(self, message: _Message) -> None:
        if message.error is not None:
            raise _HintError(f"refused with {message.error.code}: {message.error.message}")
        if message.id == _CHAIN_ID and message.result != hex(self._chain_id):
            raise _HintError(f"is of chain {message.result}, not {hex(self._chain_id)}")
        if message.params is not None:
            self._hear(message.params.result)

    def _hear(self, head: _Head) -> None:
        self._heads_polled_at_hint = self.heads_polled
        if self.announced is None:
            self._failures = 0
            self._log.info("hint_heard")
        self.announced = head.hash.lower()
        self._news.set()

    def _tell_malformed(self, error: Exception) -> None:
        if not self._is_malformed_told:
            self._is_malformed_told = True
            self._log.warning("hint_malformed", reason=str(error))


def _request(name: int, method: str, *parameters: str) -> str:
    request = {"jsonrpc": "2.0", "id": name, "method": method, "params": parameters}
    return msgspec.json.encode(request).decode()


def _reason(error: Exception) -> str:
    """What happened, in words that never hold the address."""
    if isinstance(error, _HintError):
        return str(error)
    if isinstance(error, ConnectionClosed):
        return f"closed with {error.rcvd.code if error.rcvd else 'nothing'}"
    if isinstance(error, InvalidStatus):
        return f"HTTP status {error.response.status_code}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return type(error).__name__
