"""What can go wrong between a node and the log. Endpoints are named by alias, never by URL."""

from collections.abc import Sequence

from schema.errors import DaybookError

# HTTP statuses by which some nodes refuse batches, or answers beyond their limits.
_REFUSE_WHAT_IS_ASKED = {400, 404, 405, 413, 422, 500, 501}


class EndpointError(DaybookError):
    """An endpoint did not give what was asked; another, or the same one later, may.

    Attributes:
        alias: the endpoint's name, as in `local-1`.
        problem: what is wrong, without the alias.
        retry_after_seconds: how long it asked to be left alone; 0 where it did not say.
        weight: how much of a failure of the endpoint it is, from 0 to 1.
        is_about_size: whether asking for less at once may help, now or later.
        halvings: how often in one unit of work to ask for half as much, before the error is to be
            raised; None for as often as there is something to halve.
    """

    retryable = True
    retry_after_seconds = 0.0
    weight = 1.0
    is_about_size = False
    halvings: int | None = 0

    def __init__(self, alias: str, problem: str) -> None:
        super().__init__(f"{alias}: {problem}")
        self.alias = alias
        self.problem = problem

    def may_halve(self, times: int) -> bool:
        """Whether to ask for half as much, after that was done this many times."""
        return self.halvings is None or times < self.halvings


class EndpointUnreachableError(EndpointError):
    """No answer, or one that is not JSON-RPC: refused, cut off, an HTTP error."""


class HttpStatusError(EndpointUnreachableError):
    """An HTTP error without an answer in it."""

    is_about_size = True

    def __init__(self, alias: str, status: int, said: str) -> None:
        because = f" ({said})" if said else ""
        super().__init__(alias, f"HTTP status {status}{because}")
        # Others tell of trouble for the moment, whatever is asked.
        self.halvings = None if status in _REFUSE_WHAT_IS_ASKED else 1


class TimedOutError(EndpointUnreachableError):
    """No answer in time, by our clock or by the endpoint's: ask for less, then back off."""

    is_about_size = True
    halvings = 1


class RateLimitedError(EndpointError):
    """The endpoint asks for fewer requests."""

    weight = 0.25

    def __init__(self, alias: str, retry_after_seconds: float, said: str) -> None:
        wait = f", retry after {retry_after_seconds:g} s" if retry_after_seconds else ""
        super().__init__(alias, f"too many requests{wait} ({said})")
        self.retry_after_seconds = retry_after_seconds


class OverloadedError(EndpointError):
    """The endpoint refuses, and does not say whether it is too much at once or too often."""

    is_about_size = True
    halvings = 1

    def __init__(self, alias: str, said: str) -> None:
        super().__init__(alias, f"too much or too often ({said})")


class QuotaError(EndpointError):
    """The endpoint refuses its service: by billing, plan or key. Asking again does not help."""

    weight = 0.0

    def __init__(self, alias: str, said: str) -> None:
        super().__init__(
            alias,
            f"refuses its service ({said}). Check the quota, the plan, the billing and the key of "
            "this endpoint, or name another one in the chain's rpc",
        )


class RpcError(EndpointError):
    """The endpoint answered with an error of its own; of which kind is not known.

    Attributes:
        method: what was asked.
        code: of the JSON-RPC error; 0 where there is none.
        message: all that the error says, without secrets of the URL.
    """

    is_about_size = True
    halvings: int | None = 1

    def __init__(self, alias: str, *, method: str, code: int, message: str) -> None:
        super().__init__(alias, f"{method} failed with {code}: {message}")
        self.method = method
        self.code = code
        self.message = message


class RangeRefusedError(RpcError):
    """Too much was asked for at once: too many blocks, logs or bytes, or too large a batch.

    Attributes:
        limit: how many blocks the endpoint allows; None where it does not say.
        suggested: the first and last block that it proposes; None where it does not.
    """

    weight = 0.0
    halvings = None

    def __init__(  # noqa: PLR0913  a record of what was asked and said
        self,
        alias: str,
        *,
        method: str,
        code: int,
        message: str,
        limit: int | None,
        suggested: tuple[int, int] | None,
    ) -> None:
        super().__init__(alias, method=method, code=code, message=message)
        self.limit = limit
        self.suggested = suggested


class FilterRefusedError(RpcError):
    """Too many addresses or topics were asked for at once.

    Attributes:
        limit: how many the endpoint allows; None where it does not say.
    """

    weight = 0.0
    is_about_size = False
    halvings = 0

    def __init__(
        self, alias: str, *, method: str, code: int, message: str, limit: int | None
    ) -> None:
        super().__init__(alias, method=method, code=code, message=message)
        self.limit = limit


class BlockUnavailableError(RpcError):
    """The endpoint says that it does not have that block, or its data; it may later."""

    weight = 0.25
    is_about_size = False
    halvings = 0


class MethodMissingError(RpcError):
    """The endpoint does not have the method at all."""

    weight = 0.0
    is_about_size = False
    halvings = 0


class AnswerTooLargeError(EndpointError):
    """An answer beyond the byte cap: ask for less at once."""

    weight = 0.0
    is_about_size = True
    halvings = None

    def __init__(self, alias: str, *, method: str, bytes_max: int) -> None:
        super().__init__(alias, f"{method} answered with more than {bytes_max} bytes")


class RangeTooLargeError(DaybookError):
    """The logs of these blocks take more memory than work in progress may: take fewer blocks."""

    retryable = True

    def __init__(self, first: int, last: int) -> None:
        super().__init__(
            f"blocks {first} to {last} have too many bytes of logs for one piece of work"
        )


class NotYetError(EndpointError):
    """The endpoint does not have that block, or not any more."""

    weight = 0.25

    def __init__(self, alias: str, *, block: int | str) -> None:
        super().__init__(alias, f"does not have block {block} yet")


class OtherBlockError(EndpointError):
    """The endpoint has another block of that number than the one it was asked about."""

    weight = 0.25

    def __init__(self, alias: str, *, number: int, ours: str, theirs: str) -> None:
        super().__init__(alias, f"has block {number} as {theirs}, not as {ours}")


class StateUnavailableError(EndpointError):
    """The endpoint has the block, but what contracts held then is not kept there."""

    weight = 0.25

    def __init__(self, alias: str, *, block: int, said: str) -> None:
        super().__init__(alias, f"does not keep the state of block {block} ({said})")


class BranchChangedError(DaybookError):
    """The chain moved to another branch while it was read."""

    retryable = True

    def __init__(self, block: int) -> None:
        super().__init__(f"block {block} does not follow what is indexed; looking again")


class BadAnswerError(EndpointError):
    """An answer that contradicts itself or fails its proof; none of it is used."""


class MalformedAnswerError(BadAnswerError):
    """An answer that cannot be read: not JSON, not hex, of another shape or to something else."""


class UnprovableError(EndpointError):
    """Every endpoint failed the same check: then the check may not fit the chain."""

    def __init__(self, *, chain: str, aliases: Sequence[str], check: str) -> None:
        super().__init__(
            ", ".join(aliases),
            f'every endpoint of chain {chain} fails the same check ("{check}"), and nothing of '
            "their answers was used. Where all fail alike, it is likely that the chain computes "
            f"this in another way than Ethereum: then set a weaker proof in chain {chain}: proof "
            '("bloom", or "none"). Otherwise name another endpoint in rpc',
        )


class OtherChainError(EndpointError):
    """The endpoint is of another chain."""


class LogChangedError(DaybookError):
    """The log moved on without us; what it holds now was loaded."""

    retryable = True

    def __init__(self, chain_id: int) -> None:
        super().__init__(f"the log of chain {chain_id} was written to by somebody else")


class FinalDisputedError(EndpointError):
    """The endpoint has another block where the log has a final one: it errs, or the log does.

    Attributes:
        number: of the block.
        ours: its hash in the log.
        theirs: its hash at the endpoint.
    """

    def __init__(self, alias: str, *, number: int, ours: str, theirs: str) -> None:
        super().__init__(alias, f"block {number} was final as {ours}, but is {theirs} there")
        self.number = number
        self.ours = ours
        self.theirs = theirs


class FinalityViolationError(DaybookError):
    """No endpoint has a block that was final, and one has another. Nothing is deleted."""

    def __init__(self, *, chain: str, dispute: FinalDisputedError) -> None:
        super().__init__(
            f"finality_violation on chain {chain}: block {dispute.number} was final as "
            f"{dispute.ours}, but {dispute.alias} has {dispute.theirs}. Indexing of this chain "
            "stopped and nothing was deleted. Usually the node is still syncing, or the endpoint "
            f"belongs to another chain: check it, or name another one in chain {chain}: rpc, and "
            "start again. If the chain really left that block, `daybook index --resume` takes the "
            "branch that all endpoints agree on."
        )
        self.dispute = dispute


class ResumeRefusedError(DaybookError):
    """The endpoints do not agree on a branch to resume from. Nothing was changed."""

    def __init__(self, chain: str, problem: str) -> None:
        super().__init__(
            f"chain {chain} cannot be resumed: {problem}. Nothing was changed. Take away from "
            f"chain {chain}: rpc what is wrong or behind, and start again."
        )


class StoppedError(DaybookError):
    """We were asked to stop while waiting."""

    def __init__(self) -> None:
        super().__init__("asked to stop")
