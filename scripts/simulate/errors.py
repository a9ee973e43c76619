"""What a simulated node answers instead of a result."""

INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, SERVER_ERROR = -32600, -32601, -32602, -32000
REVERTED = 3  # as geth


class RpcError(Exception):
    """A JSON-RPC error, with its code, and the data of a call that reverted."""

    def __init__(self, code: int, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data
