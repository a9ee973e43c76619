"""A line to PostgreSQL that is cut where a test wants: at a message of the wire protocol."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import BinaryIO, Literal, NamedTuple

from psycopg.conninfo import conninfo_to_dict, make_conninfo

_LENGTH = struct.Struct("!I")
_PORT = 5432  # where a URL names none


class Message(NamedTuple):
    """One message of the protocol; the first one of a client, its startup, has no kind."""

    sender: Literal["client", "server"]
    kind: bytes
    body: bytes

    @property
    def raw(self) -> bytes:
        """As it is on the wire."""
        return self.kind + _LENGTH.pack(_LENGTH.size + len(self.body)) + self.body


Match = Callable[[Message], bool]


class Proxy:
    """Passes messages on, and cuts the line in the middle of those that it is told.

    Attributes:
        url: of the database, through this proxy.
        cuts: the messages that were torn, each with the number of its match.
        passed: how many messages of clients came so far, torn ones included.
    """

    def __init__(self, database_url: str, cut: Match) -> None:
        server = conninfo_to_dict(database_url)
        self._host, self._port = str(server["host"]), int(server.get("port") or _PORT)
        self._cut = cut
        self._lock = threading.Lock()
        self._lines: set[socket.socket] = set()
        self._listener = ThreadingTCPServer(("127.0.0.1", 0), self._handler())
        self._listener.daemon_threads = True
        port = self._listener.server_address[1]
        self.url = make_conninfo(
            database_url, host="127.0.0.1", port=port, sslmode="disable", gssencmode="disable"
        )
        self.cuts: list[Message] = []
        self.passed = 0

    def serve(self) -> None:
        """Pass messages on until closed."""
        self._listener.serve_forever(0.01)

    def close(self) -> None:
        """Stop listening, and cut every line."""
        self._listener.shutdown()
        self._listener.server_close()
        for line in list(self._lines):
            _hang_up(line)

    def _handler(self) -> type[StreamRequestHandler]:
        proxy = self

        class Handler(StreamRequestHandler):
            disable_nagle_algorithm = True

            def handle(self) -> None:
                with suppress(OSError), proxy._connected() as server:
                    proxy._join(self.connection, server)

        return Handler

    def _connected(self) -> socket.socket:
        if not self._host.startswith("/"):
            return socket.create_connection((self._host, self._port))
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{self._host}/.s.PGSQL.{self._port}")
        return server

    def _join(self, client: socket.socket, server: socket.socket) -> None:
        """Pass messages both ways until one side hangs up, or the line is cut."""
        self._lines |= {client, server}
        answers = threading.Thread(target=self._pass_on, args=["server", server, client])
        answers.start()
        self._pass_on("client", client, server)
        answers.join()
        self._lines -= {client, server}

    def _pass_on(
        self, sender: Literal["client", "server"], source: socket.socket, target: socket.socket
    ) -> None:
        with suppress(OSError, struct.error), source.makefile("rb") as stream:
            for message in _messages(sender, stream):
                if self._is_cut(message):
                    target.sendall(message.raw[: len(message.raw) // 2])
                    break
                target.sendall(message.raw)
        _hang_up(source)
        _hang_up(target)

    def _is_cut(self, message: Message) -> bool:
        with self._lock:
            self.passed += message.sender == "client"
            is_cut = self._cut(message)
            if is_cut:
                self.cuts.append(message)
            return is_cut


def _messages(sender: Literal["client", "server"], stream: BinaryIO) -> Iterator[Message]:
    """The messages of one side, until it hangs up."""
    kind = b"" if sender == "client" else stream.read(1)
    while length := stream.read(_LENGTH.size):
        size = _LENGTH.unpack(length)[0] - _LENGTH.size
        body = stream.read(size)
        if len(body) < size:
            return
        yield Message(sender, kind, body)
        kind = stream.read(1)


def _hang_up(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)


@contextmanager
def proxied(database_url: str, cut: Match) -> Iterator[Proxy]:
    """A proxy in front of the database, until left."""
    proxy = Proxy(database_url, cut)
    thread = threading.Thread(target=proxy.serve)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.close()
        thread.join()


def times(match: Match, *numbers: int) -> Match:
    """The matches of these numbers, counted from 1 over all lines."""
    seen = 0

    def counted(message: Message) -> bool:
        nonlocal seen
        is_match = match(message)
        seen += is_match
        return is_match and seen in numbers

    return counted


def never(_message: Message) -> bool:
    """Cuts nothing."""
    return False


def of_a_client(message: Message) -> bool:
    """Anything that a client says."""
    return message.sender == "client"


def connecting(message: Message) -> bool:
    """The first message of a line."""
    return message.kind == b""


def asking(words: bytes) -> Match:
    """A client's statement that holds these words."""

    def matches(message: Message) -> bool:
        is_statement = message.sender == "client" and message.kind in (b"Q", b"P")
        return is_statement and words in message.body

    return matches


def copying(message: Message) -> bool:
    """Rows on their way into a table."""
    return message.sender == "client" and message.kind == b"d"


def committed(message: Message) -> bool:
    """The server's word that a transaction is committed."""
    return message == Message("server", b"C", b"COMMIT\0")
