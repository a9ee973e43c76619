"""Nodes for tests: the simulated one behind a server in this process, and what spoils answers."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import msgspec

from scripts.simulate.node import Node, RpcError


class Reply(NamedTuple):
    """An HTTP answer."""

    body: bytes
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


# From the request's body, the reply.
Answer = Callable[[bytes], Reply]
# From method, parameters and true result, what is answered instead; may raise RpcError.
Spoil = Callable[[str, list[Any], Any], Any]


@contextmanager
def serving(answer: Answer) -> Iterator[str]:
    """An HTTP server that answers every POST with this; gives its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            reply = answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(reply.status)
            for name, value in reply.headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *_: Any) -> None:
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def honest(_method: str, _parameters: list[Any], result: Any) -> Any:
    """Spoils nothing."""
    return result


def node_answer(node: Node, spoil: Spoil = honest) -> Answer:
    """The answers of a simulated node, each spoiled on its way."""
    lock = threading.Lock()

    def one(request: dict[str, Any]) -> dict[str, Any]:
        reply = {"jsonrpc": "2.0", "id": request["id"]}
        method, parameters = request["method"], request["params"]
        try:
            with lock:
                result = msgspec.json.decode(node.answer(method, parameters))
            return {**reply, "result": spoil(method, parameters, result)}
        except RpcError as error:
            return {**reply, "error": {"code": error.code, "message": str(error)}}

    def answer(body: bytes) -> Reply:
        request = msgspec.json.decode(body)
        replies = [one(each) for each in request] if isinstance(request, list) else one(request)
        return Reply(msgspec.json.encode(replies))

    return answer
