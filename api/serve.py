"""Serves the api over HTTP until a signal says stop."""

import asyncio
import socket
from types import FrameType
from typing import Any

import structlog
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.app import create_app
from schema.errors import ConfigurationError

_HEAD_MAX_BYTES = 64 * 1024  # request line, headers and what follows: browsers send a few kB
_CONNECTIONS_MAX = 2_000
_BACKLOG = 1_024
_STOP_SECONDS = 10  # for answers under way when told to stop

_log = structlog.get_logger()

_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with a limit on a request's head, in bytes and in time; it has neither."""

    head_seconds = 10.0  # for a request's head to arrive; half-open sockets end with it
    _head_bytes = 0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client connected, and shall say what it wants."""
        super().connection_made(transport)
        self._deadline = self.loop.call_later(self.head_seconds, transport.close)

    def on_message_begin(self) -> None:
        """The first bytes of a request came."""
        self._end_head()
        self._deadline = self.loop.call_later(self.head_seconds, self.transport.close)
        super().on_message_begin()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client left."""
        self._end_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes came since the last head: of the next one, or of a body, which nobody reads."""
        self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > _HEAD_MAX_BYTES and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_headers_complete(self) -> None:
        """A head is complete."""
        self._end_head()
        super().on_headers_complete()

    def _end_head(self) -> None:
        self._head_bytes = 0
        if self._deadline is not None:
            self._deadline.cancel()


class _Server(uvicorn.Server):
    """Returns after a signal, where uvicorn would raise the signal once more."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  uvicorn's
        """Stop; at the second signal at once."""
        self.force_exit = self.should_exit
        self.should_exit = True


def serve(database_url: str, host: str, port: int) -> None:
    """Answer requests until SIGTERM or SIGINT.

    Args:
        database_url: of the PostgreSQL with the read models; it may come up later.
        host: to listen on.
        port: to listen on; 0 takes a free one. The event `serving` logs which.

    Raises:
        ConfigurationError: the address cannot be listened on.
    """
    with listen(host, port) as listener:
        _log.info("serving", url=f"http://{host}:{listener.getsockname()[1]}")
        make_server(database_url).run(sockets=[listener])
    _log.info("stopped")


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        ConfigurationError: the port is taken, or the host is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        problem = f"{host} port {port} cannot be listened on ({error.strerror})"
        fix = "Stop what listens there, or choose another with --port or [api] port."
        raise ConfigurationError("api.port", problem, fix) from error


def make_server(database_url: str) -> uvicorn.Server:
    """A server that is not running yet."""
    config: Any = uvicorn.Config(
        create_app(database_url),
        http=BoundedProtocol,
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        limit_concurrency=_CONNECTIONS_MAX,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=_STOP_SECONDS,
    )
    return _Server(config)
