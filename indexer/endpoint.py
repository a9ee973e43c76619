"""One JSON-RPC endpoint: asks, and believes an answer whole or not at all.

msgspec decodes the raw bytes straight into structs, because web3's own formatters are fifty times
slower. An endpoint is named by its alias: its URL may hold a key.
"""

import threading
import time
from collections.abc import Sequence
from itertools import count
from typing import Any, TypeVar

import msgspec
import requests

from indexer.allowance import Allowance
from indexer.envelope import BLOCKS, CALLS, CHAIN_ID, LOGS, RECEIPTS, Answer, Call
from indexer.errors import (
    AnswerTooLargeError,
    EndpointError,
    FilterRefusedError,
    MalformedAnswerError,
    MethodMissingError,
    RangeRefusedError,
    RateLimitedError,
    RpcError,
    StoppedError,
    TimedOutError,
)
from indexer.health import Health
from indexer.pace import Pace
from indexer.refusals import Refusals, json_of
from indexer.reverts import Reverted
from indexer.transport import Transport
from indexer.turns import TURN
from indexer.wire import Block, Log, Receipt

_T = TypeVar("_T")

# A range of logs starts this wide; 2,000 blocks are what most providers allow.
_WIDTH_FIRST, _WIDTH_MAX = 64, 2_000
_ADDRESSES_MAX = 500  # providers refuse from 1,000 on
# A header is 1 to 20 kB on the wire, with its transactions' hashes; all receipts of a busy block
# are up to 2 MB. So batches stay below the byte cap.
_HEADERS_MAX, _RECEIPTS_MAX = 100, 20
_CALLS_MAX = 100  # each of them runs a contract
# What cannot be asked for in parts, as a block's receipts, may be larger, but only one at a time.
ANSWER_BYTES_MAX, LARGE_ANSWER_BYTES_MAX = 6 << 20, 128 << 20
_LARGE = threading.Lock()
# Many times what it took so far, so that one that hangs does not hold up the ranges after it. A
# wait that was too short counts, and the next one is longer.
_LATENCIES_TO_WAIT, _READ_SECONDS_MIN, _READ_SECONDS_MAX = 20, 5.0, 30.0
# So often a request is asked again that was refused with so short a pause.
_RETRIES_IN_PLACE, _PAUSE_SECONDS_MAX = 2, 1.0
_INVALID_REQUEST = -32600


class Endpoint:
    """One endpoint of a chain.

    Attributes:
        alias: how people are told about it: the chain's name and its place in `rpc`, from 1.
        receipts_sample: the share of blocks proved by bloom whose receipts are looked at too.
        foreign_share: how many of all logs are of contracts that are not followed, from 0 to 1, as
            far as blocks were seen whole; 1 before.
        needs_addresses: whether it refused a filter that names no addresses.
        has_receipts: whether it has `eth_getBlockReceipts`, as far as is known.
        takes_block_hashes: whether `eth_call` takes a block by its hash, as far as is known.
        health: how well it serves.
        pace: how fast it is asked.
        has_others: whether another endpoint can be asked rather than this one waited for.
        conviction: a lie of which its own answers convict it, until it is dealt with; else empty.
    """

    def __init__(
        self,
        url: str,
        alias: str,
        *,
        stop: threading.Event | None = None,
        health: Health | None = None,
        pace: Pace | None = None,
    ) -> None:
        """Ask `url`; `stop` ends all waiting."""
        self.alias = alias
        self.receipts_sample = 0.0
        self.foreign_share = 1.0
        self.needs_addresses = False
        self.has_receipts = True
        self.takes_block_hashes = True
        self.has_others = False
        self.conviction = ""
        self.health = health or Health()
        self.pace = pace or Pace()
        self._blocks = Allowance(_WIDTH_FIRST, _WIDTH_MAX)
        self._addresses = Allowance(_ADDRESSES_MAX, _ADDRESSES_MAX)
        self._headers = Allowance(_HEADERS_MAX, _HEADERS_MAX)
        self._receipts = Allowance(_RECEIPTS_MAX, _RECEIPTS_MAX)
        self._calls = Allowance(_CALLS_MAX, _CALLS_MAX)
        self._transport = Transport(url, alias)
        self._refusals = Refusals(alias, self._transport.redacted)
        self._stop = stop or threading.Event()
        self._ids = count(1)

    @property
    def width(self) -> int:
        """How many blocks of logs to ask for at once."""
        return self._blocks.value

    @property
    def receipts_at_once(self) -> int:
        """Of how many blocks to ask for the receipts at once."""
        return self._receipts.value

    @property
    def addresses_max(self) -> int:
        """How many addresses to name in one filter."""
        return self._addresses.value

    def widen(self, width: int) -> None:
        """It gave this many blocks of logs at once."""
        self._blocks.given(width)

    def narrow(self, width: int, refusal: EndpointError) -> None:
        """It refused this many blocks of logs at once; what it proposes counts where it is less."""
        limit = suggested = None
        if isinstance(refusal, RangeRefusedError):
            limit, suggested = refusal.limit, refusal.suggested
        first, last = suggested or (0, -1)
        self._blocks.refused(width, better=last - first + 1, limit=limit)

    def allow_more_addresses(self, addresses: int) -> None:
        """It took this many addresses in one filter."""
        self._addresses.given(addresses)

    def allow_fewer_addresses(self, addresses: int, refusal: FilterRefusedError) -> None:
        """It refused this many addresses in one filter; a limit that it names counts if less."""
        self._addresses.refused(addresses, limit=refusal.limit)

    def chain_id(self) -> int:
        """The id of the endpoint's chain."""
        chain_id: str = self._ask(CHAIN_ID, [])
        return int(chain_id, 16)

    def blocks(self, numbers: Sequence[int | str]) -> list[Block | None]:
        """Headers by number or tag, in that order; None for a block that is not there.

        A tag that the endpoint does not know, or not yet, is an `RpcError` of the whole call.
        """
        parameters = [[hex(n) if isinstance(n, int) else n, False] for n in numbers]
        return self._ask_all(BLOCKS, parameters, size=self._headers)

    def receipts(self, blocks: Sequence[str]) -> list[list[Receipt] | None]:
        """All receipts of each block, by hash or number; None for a block that is not there.

        That they are hex is left to the proof, which hashes every byte of them anyway.
        """
        return self._ask_all(RECEIPTS, [[block] for block in blocks], size=self._receipts)

    def call_contracts(
        self, calls: Sequence[dict[str, str]], at: dict[str, str] | str
    ) -> list[str | Reverted]:
        """What contracts return, in 0x hex, or why they refuse; in the order of the calls.

        Args:
            calls: objects as `eth_call` takes them.
            at: the block, by number or as an object with its hash (EIP-1898).
        """
        results = self._ask_all(CALLS, [[call, at] for call in calls], size=self._calls)
        if None in results:
            raise MalformedAnswerError(self.alias, f"{CALLS.method} answered null")
        return results

    def logs(self, criteria: dict[str, Any]) -> list[Log]:
        """The logs that a filter matches, as the endpoint orders them.

        Raises:
            RangeRefusedError, AnswerTooLargeError: ask for fewer blocks.
            FilterRefusedError: name fewer addresses.
            EndpointError: it failed otherwise; `may_halve` says whether fewer blocks may help.
        """
        logs: list[Log] = self._ask(LOGS, [criteria], is_one="blockHash" in criteria)
        return logs

    def _ask(self, call: Call, parameters: list[Any], *, is_one: bool = True) -> Any:
        (result,) = self._ask_batch(call, [parameters], is_one=is_one)
        if result is None:
            raise MalformedAnswerError(self.alias, f"{call.method} answered null")
        return result

    def _ask_all(self, call: Call, parameters: list[list[Any]], *, size: Allowance) -> list[Any]:
        """Ask all, in batches as large as the endpoint takes."""
        results: list[Any] = []
        halvings = 0
        while len(results) < len(parameters):
            batch = parameters[len(results) : len(results) + size.value]
            try:
                results += self._ask_batch(call, batch, is_one=len(batch) == 1)
            except EndpointError as error:
                # Where calls are limited, each one of a batch may count.
                is_about_size = error.is_about_size or isinstance(error, RateLimitedError)
                if len(batch) == 1 or not is_about_size:
                    raise
                size.refused(len(batch))
                if not (error.may_halve(halvings) or _refuses_batches(error)):
                    raise
                halvings += 1
            else:
                size.given(len(batch))
        return results

    def _ask_batch(self, call: Call, parameters: list[list[Any]], *, is_one: bool) -> list[Any]:
        """Ask all at once; results in the order of `parameters`, None for a null.

        What `is_one` cannot be asked for in parts.
        """
        asked = [
            {"jsonrpc": "2.0", "id": next(self._ids), "method": call.method, "params": each}
            for each in parameters
        ]
        for retries in count():
            with TURN.given():
                may_ask = self.pace.wait(self._stop)
            if not may_ask:
                raise StoppedError
            try:
                results = self._results(call, asked, is_one=is_one)
            except RateLimitedError as error:
                self.health.failed(error.weight)
                pause = self.pace.refused(error.retry_after_seconds)
                is_short = pause <= _PAUSE_SECONDS_MAX and not self.has_others
                if retries == _RETRIES_IN_PLACE or not is_short:
                    raise
            else:
                self.pace.accepted()
                return results
        raise AssertionError  # unreachable

    def _results(self, call: Call, asked: list[dict[str, Any]], *, is_one: bool) -> list[Any]:
        """The results of one request, decoded and checked here, whole or not at all."""
        method = call.method
        # Some endpoints refuse batches altogether: one request goes without.
        content = self._content(method, asked if len(asked) > 1 else asked[0], is_one=is_one)
        answers = self._decode(method, content, call.decoder)
        if isinstance(answers, Answer):
            answers = [answers]
        for answer in answers:
            self._check_error(call, answer)
        by_id = {answer.id: answer for answer in answers}
        if len(by_id) != len(asked) or len(answers) != len(asked):
            raise MalformedAnswerError(self.alias, f"{method}: not one answer for each request")
        results = [self._result(method, by_id.get(request["id"])) for request in asked]
        try:
            call.check(results, content)
        except ValueError as error:
            raise MalformedAnswerError(self.alias, f"{method}: {error}") from None
        return results

    def _content(self, method: str, body: Any, *, is_one: bool) -> bytes:
        try:
            with TURN.given():
                return self._post(method, body, ANSWER_BYTES_MAX)
        except AnswerTooLargeError:
            if not is_one:
                raise
        with TURN.given(), _LARGE:
            return self._post(method, body, LARGE_ANSWER_BYTES_MAX)

    def _post(self, method: str, body: Any, bytes_max: int) -> bytes:
        patience = _LATENCIES_TO_WAIT * self.health.latency_seconds
        started = time.perf_counter()
        try:
            response = self._transport.post(
                msgspec.json.encode(body),
                read_seconds=min(max(patience, _READ_SECONDS_MIN), _READ_SECONDS_MAX),
                bytes_max=bytes_max,
                about=method,
            )
        except TimedOutError as error:
            if self.has_others:
                error.halvings = 0
            raise
        finally:
            self.health.answered(time.perf_counter() - started)
        if response.status == requests.codes.ok:
            return response.content
        raise self._refusals.of_http(
            method,
            status=response.status,
            content=response.content,
            retry_after_seconds=response.retry_after_seconds,
        )

    def _decode(self, method: str, content: bytes, decoder: msgspec.json.Decoder[_T]) -> _T:
        try:
            return decoder.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        # An error of a node may be of any shape.
        problem = json_of(content)
        if isinstance(problem, dict) and problem.get("error") and problem.get("result") is None:
            raise self._refusals.of(method, problem)
        raise MalformedAnswerError(self.alias, f"{method}: {reason}")

    def _check_error(self, call: Call, answer: Answer[Any]) -> None:
        """Raise the error of an answer, unless it stands for a result.

        It may be without an id, when it is of a whole batch.
        """
        method, result = call.method, answer.result
        if result is msgspec.UNSET and (meant := call.read_error(answer.error)) is not None:
            answer.result, answer.error = meant, None
            return
        problem = answer.message if result is msgspec.UNSET else None
        problem = problem if answer.error is None else answer.error
        if problem is None:
            return
        if result is not None and result is not msgspec.UNSET:
            raise MalformedAnswerError(self.alias, f"{method}: result and error together")
        raise self._refusals.of(method, problem)

    def _result(self, method: str, answer: Answer[_T] | None) -> _T | None:
        if answer is None:
            raise MalformedAnswerError(self.alias, f"{method}: an answer to another request")
        if answer.result is msgspec.UNSET:
            raise MalformedAnswerError(self.alias, f"{method}: neither result nor error")
        return answer.result


def lacks_method(error: RpcError) -> bool:
    """Whether the endpoint says that it does not have the method at all."""
    return isinstance(error, MethodMissingError)


def _refuses_batches(error: EndpointError) -> bool:
    return isinstance(error, RpcError) and error.code == _INVALID_REQUEST
