"""One JSON-RPC endpoint: asks, and believes an answer whole or not at all.

web3's provider carries the request (session, connection pool, timeouts, headers); msgspec decodes
the raw bytes straight into structs, because web3's own formatters are fifty times slower.
An endpoint is named by its alias: its URL may hold a key, and so may the errors of `requests`.
"""

from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from itertools import count
from time import time
from typing import Any, Generic, TypeVar

import msgspec
import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError
from web3.providers.rpc import HTTPProvider

from indexer.errors import (
    AnswerTooLargeError,
    BadAnswerError,
    EndpointError,
    EndpointUnreachableError,
    HttpStatusError,
    RateLimitedError,
    RpcError,
)
from indexer.hexadecimal import check_blocks, check_logs
from indexer.wire import Block, Log, Quantity, Receipt

_T = TypeVar("_T")

# A range of logs starts this wide, grows by this much at each success and halves when refused.
_WIDTH_STEP, _WIDTH_MAX = 64, 2_000
# A header is 1 to 20 kB on the wire, with its transactions' hashes; all receipts of a busy block
# are up to 2 MB. So batches stay below the byte cap; refused ones are halved.
_HEADERS_A_BATCH, _RECEIPTS_A_BATCH = 100, 20
# One answer at a time may take this much; ranges are kept to a tenth of it.
ANSWER_BYTES_MAX = 64 << 20
_CONNECT_SECONDS, _READ_SECONDS = 5, 30
_CONNECTIONS = 16  # more than there are threads that ask
_TOO_MANY_REQUESTS = 429
_NO_SUCH_METHOD = -32601
_NO_SUCH_METHOD_SAID = ("method not found", "method not supported", "unsupported method")
_RETRY_AFTER_SECONDS_MAX = 60.0


class _Problem(msgspec.Struct):
    """The `error` of an answer."""

    code: int = 0
    message: str = ""


class _Answer(msgspec.Struct, Generic[_T]):
    """The envelope of an answer: `result` or `error`."""

    id: int | None = None
    result: _T | msgspec.UnsetType | None = msgspec.UNSET
    error: _Problem | None = None


class _Provider(HTTPProvider):
    """web3's HTTP provider, giving status, headers and raw bytes back."""

    def post(self, body: bytes) -> tuple[int, Any, bytes]:
        assert self.endpoint_uri is not None
        with self._request_session_manager.get_response_from_post_request(
            self.endpoint_uri,
            data=body,
            headers=self.get_request_headers(),
            timeout=(_CONNECT_SECONDS, _READ_SECONDS),
            allow_redirects=False,  # the body must not go where the configuration does not say
            stream=True,
        ) as response:
            content = response.raw.read(ANSWER_BYTES_MAX + 1, decode_content=True)
            return response.status_code, response.headers, content


_BLOCKS = msgspec.json.Decoder(list[_Answer[Block]] | _Answer[Block])
_RECEIPTS = msgspec.json.Decoder(list[_Answer[list[Receipt]]] | _Answer[list[Receipt]])
_LOGS = msgspec.json.Decoder(_Answer[list[Log]])
_QUANTITY = msgspec.json.Decoder(_Answer[Quantity])
_ANY = msgspec.json.Decoder(_Answer[msgspec.Raw])


class Endpoint:
    """One endpoint of a chain.

    Attributes:
        alias: how people are told about it: the chain's name and its place in `rpc`, from 1.
        width: how many blocks of logs it gives at once, as far as is known.
    """

    def __init__(self, url: str, alias: str) -> None:
        self.alias = alias
        self.width = _WIDTH_STEP
        self.has_receipts = True
        session = requests.Session()
        adapter = HTTPAdapter(pool_maxsize=_CONNECTIONS)
        session.mount("http://", adapter)
        session.mount("https://", adapter)
        self._provider = _Provider(url, session=session, exception_retry_configuration=None)
        self._ids = count(1)

    def widen(self, width: int) -> None:
        """It gave this many blocks of logs at once."""
        if width == self.width:
            self.width = min(width + _WIDTH_STEP, _WIDTH_MAX)

    def narrow(self, width: int) -> None:
        """It refused this many blocks of logs at once."""
        self.width = max(min(self.width, width // 2), 1)

    def chain_id(self) -> int:
        """The id of the endpoint's chain."""
        result = self._ask("eth_chainId", [], _QUANTITY)
        try:
            return int(result, 16)
        except ValueError:
            raise BadAnswerError(self.alias, "eth_chainId is not hex") from None

    def blocks(self, numbers: Sequence[int | str]) -> list[Block | None]:
        """Headers by number or tag, in that order; None for a block that is not there.

        A tag that the endpoint does not know, or not yet, is an `RpcError` of the whole call.
        """
        parameters = [[hex(n) if isinstance(n, int) else n, False] for n in numbers]
        blocks: list[Block | None] = self._ask_all(
            "eth_getBlockByNumber", parameters, _BLOCKS, size=_HEADERS_A_BATCH
        )
        self._checked(check_blocks, [block for block in blocks if block is not None])
        return blocks

    def receipts(self, blocks: Sequence[str]) -> list[list[Receipt] | None]:
        """All receipts of each block, by hash or number; None for a block that is not there.

        That they are hex is left to the proof, which hashes every byte of them anyway.
        """
        parameters = [[block] for block in blocks]
        return self._ask_all("eth_getBlockReceipts", parameters, _RECEIPTS, size=_RECEIPTS_A_BATCH)

    def logs(self, criteria: dict[str, Any]) -> list[Log]:
        """The logs that a filter matches, as the endpoint orders them."""
        logs: list[Log] = self._ask("eth_getLogs", [criteria], _LOGS)
        self._checked(check_logs, logs)
        return logs

    def _checked(self, check: Any, answer: Any) -> None:
        try:
            check(answer)
        except ValueError as error:
            raise BadAnswerError(self.alias, str(error)) from None

    def _ask(
        self, method: str, parameters: list[Any], decoder: msgspec.json.Decoder[_Answer[Any]]
    ) -> Any:
        request = self._request(method, parameters)
        answer = self._decode(method, self._post(method, msgspec.json.encode(request)), decoder)
        result = self._result(method, answer, request["id"])
        if result is None:
            raise BadAnswerError(self.alias, f"{method} answered null")
        return result

    def _ask_all(
        self,
        method: str,
        parameters: list[list[Any]],
        decoder: msgspec.json.Decoder[Any],
        *,
        size: int,
    ) -> list[Any]:
        """Ask all, in batches of a size that is halved as often as one is refused."""
        results: list[Any] = []
        while len(results) < len(parameters):
            batch = parameters[len(results) : len(results) + size]
            try:
                results += self._ask_batch(method, batch, decoder)
            except (RpcError, AnswerTooLargeError, HttpStatusError) as error:
                if len(batch) == 1 or (isinstance(error, RpcError) and lacks_method(error)):
                    raise
                size = len(batch) // 2
        return results

    def _ask_batch(
        self, method: str, parameters: list[list[Any]], decoder: msgspec.json.Decoder[Any]
    ) -> list[Any]:
        """Ask all in one batch; results in the order of `parameters`, None for a null."""
        requests_ = [self._request(method, each) for each in parameters]
        # Some endpoints refuse batches altogether: one request goes without.
        body = requests_ if len(requests_) > 1 else requests_[0]
        answers = self._decode(method, self._post(method, msgspec.json.encode(body)), decoder)
        if isinstance(answers, _Answer):
            # An error may be without an id: of a whole batch, or of a request it did not read.
            refused = answers.error is not None or len(requests_) > 1
            wanted = answers.id if refused else requests_[0]["id"]
            result = self._result(method, answers, wanted)
            if len(requests_) == 1:
                return [result]
            raise BadAnswerError(self.alias, f"{method}: one answer to a batch of many")
        by_id = {answer.id: answer for answer in answers}
        if len(by_id) != len(answers) or len(answers) != len(requests_):
            raise BadAnswerError(self.alias, f"{method}: not one answer for each request")
        return [
            self._result(method, by_id.get(request["id"]), request["id"]) for request in requests_
        ]

    def _request(self, method: str, parameters: list[Any]) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": parameters}

    def _post(self, method: str, body: bytes) -> bytes:
        try:
            status, headers, content = self._provider.post(body)
        except (requests.RequestException, HTTPError) as error:
            raise EndpointUnreachableError(self.alias, _reason(error)) from None
        if status == _TOO_MANY_REQUESTS:
            raise RateLimitedError(self.alias, _retry_after(headers.get("Retry-After")))
        if len(content) > ANSWER_BYTES_MAX:
            raise AnswerTooLargeError(self.alias, method=method, bytes_max=ANSWER_BYTES_MAX)
        if status != requests.codes.ok:
            raise self._http_error(method, status, content)
        return content

    def _http_error(self, method: str, status: int, content: bytes) -> EndpointError:
        """What an HTTP error says: many nodes put a JSON-RPC error into one."""
        try:
            problem = _ANY.decode(content).error
        except msgspec.DecodeError:
            problem = None
        if problem is None:
            return HttpStatusError(self.alias, f"HTTP status {status}")
        return RpcError(self.alias, method=method, code=problem.code, message=problem.message)

    def _decode(self, method: str, content: bytes, decoder: msgspec.json.Decoder[_T]) -> _T:
        try:
            return decoder.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadAnswerError(self.alias, f"{method}: {error}") from None

    def _result(self, method: str, answer: _Answer[_T] | None, wanted_id: int | None) -> _T | None:
        if answer is None or answer.id != wanted_id:
            raise BadAnswerError(self.alias, f"{method}: an answer to another request")
        result, problem = answer.result, answer.error
        if problem is None:
            if result is msgspec.UNSET:
                raise BadAnswerError(self.alias, f"{method}: neither result nor error")
            return result
        if result is not None and result is not msgspec.UNSET:
            raise BadAnswerError(self.alias, f"{method}: result and error together")
        raise RpcError(self.alias, method=method, code=problem.code, message=problem.message)


def lacks_method(error: RpcError) -> bool:
    """Whether the endpoint says that it does not have the method at all."""
    message = error.message.lower()
    return error.code == _NO_SUCH_METHOD or any(words in message for words in _NO_SUCH_METHOD_SAID)


def _reason(error: BaseException) -> str:
    """What the system says beneath a `requests` error, whose own text holds the URL."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror.lower()
        # urllib3 keeps the cause of a failed connection in `reason`, requests in the arguments.
        beneath = (getattr(cause, "reason", None), cause.__cause__, *cause.args)
        cause = next((each for each in beneath if isinstance(each, BaseException)), None)
    return type(error).__name__


def _retry_after(value: str | None) -> float:
    """Seconds of a `Retry-After`, which holds seconds or a date; 1 where it is neither."""
    if value is None:
        return 1.0
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time()
        except ValueError:
            return 1.0
    return min(max(seconds, 0.0), _RETRY_AFTER_SECONDS_MAX)
