"""What can go wrong between a node and the log. Endpoints are named by alias, never by URL."""

from schema.errors import DaybookError


class EndpointError(DaybookError):
    """An endpoint did not give what was asked; another, or the same one later, may.

    Attributes:
        alias: the endpoint's name, as in `local-1`.
        retry_after_seconds: how long it asked to be left alone; 0 where it did not say.
    """

    retryable = True
    retry_after_seconds = 0.0

    def __init__(self, alias: str, problem: str) -> None:
        super().__init__(f"{alias}: {problem}")
        self.alias = alias


class EndpointUnreachableError(EndpointError):
    """No answer, or one that is not JSON-RPC: refused, timed out, cut off, an HTTP error."""


class HttpStatusError(EndpointUnreachableError):
    """An HTTP error without an answer in it."""


class RateLimitedError(EndpointError):
    """The endpoint asks for fewer requests."""

    def __init__(self, alias: str, retry_after_seconds: float) -> None:
        super().__init__(alias, f"too many requests, retry after {retry_after_seconds:g} s")
        self.retry_after_seconds = retry_after_seconds


class RpcError(EndpointError):
    """The endpoint answered with an error of its own."""

    def __init__(self, alias: str, *, method: str, code: int, message: str) -> None:
        super().__init__(alias, f"{method} failed with {code}: {message}")
        self.method = method
        self.code = code
        self.message = message


class AnswerTooLargeError(EndpointError):
    """An answer beyond the byte cap: ask for less at once."""

    def __init__(self, alias: str, *, method: str, bytes_max: int) -> None:
        super().__init__(alias, f"{method} answered with more than {bytes_max} bytes")


class NotYetError(EndpointError):
    """The endpoint does not have that block, or not any more."""

    def __init__(self, alias: str, *, block: int | str) -> None:
        super().__init__(alias, f"does not have block {block} yet")


class BranchChangedError(DaybookError):
    """The chain moved to another branch while it was read."""

    retryable = True

    def __init__(self, block: int) -> None:
        super().__init__(f"block {block} does not follow what is indexed; looking again")


class BadAnswerError(EndpointError):
    """An answer that is malformed, contradicts itself, or fails its proof; none of it is used."""


class LogChangedError(DaybookError):
    """The log moved on without us; what it holds now was loaded."""

    retryable = True

    def __init__(self, chain_id: int) -> None:
        super().__init__(f"the log of chain {chain_id} was written to by somebody else")


class FinalityViolationError(DaybookError):
    """The node's chain contradicts a block that was final. Nothing is deleted."""

    def __init__(self, *, chain: str, alias: str, number: int, ours: str, theirs: str) -> None:
        super().__init__(
            f"finality_violation on chain {chain}: block {number} was final as {ours}, but {alias} "
            f"has {theirs}. Indexing of this chain stopped and nothing was deleted. Usually the "
            "node is still syncing, or the endpoint belongs to another chain: check it, or name "
            f"another one in chain {chain}: rpc, and start again."
        )


class StoppedError(DaybookError):
    """We were asked to stop while waiting."""

    def __init__(self) -> None:
        super().__init__("asked to stop")
