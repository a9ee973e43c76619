"""One URL to post to. It may hold a key, and so may the errors of `requests`: neither gets out.

web3's provider carries the request: session, connection pool, headers.
"""

import logging
import re
import sys
import time
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import DecodeError, HTTPError
from urllib3.exceptions import TimeoutError as Urllib3TimeoutError
from web3.providers.rpc import HTTPProvider

from indexer.errors import (
    AnswerTooLargeError,
    EndpointError,
    EndpointUnreachableError,
    MalformedAnswerError,
    TimedOutError,
)

# py_ecc, which web3 imports, sets the limit so high that JSON of a node which is nested 100,000
# deep would overflow the stack and end the process. This is Python's own.
_RECURSION_MAX = 1_000
sys.setrecursionlimit(min(sys.getrecursionlimit(), _RECURSION_MAX))

# They log the URLs that they ask, some as warnings; what is worth saying, we say.
for _library in ("urllib3", "web3"):
    logging.getLogger(_library).setLevel(logging.CRITICAL + 1)

_CONNECTIONS = 16  # more than there are threads that ask
_CONNECT_SECONDS = 5
# A whole answer must come within this many times the wait for its first byte.
_PATIENCE = 4
_BYTES_A_READ = 1 << 18
_RETRY_AFTER_SECONDS_MAX = 60.0
_SECRET_CHARACTERS_MIN = 6  # shorter parts of a path are words such as "v3" and "rpc"
_URL = re.compile(r"\b\w+://\S+")


class Response(NamedTuple):
    """An HTTP answer, whole.

    Attributes:
        retry_after_seconds: of its `Retry-After`; 0 without one that can be read.
    """

    status: int
    content: bytes
    retry_after_seconds: float


class _Provider(HTTPProvider):
    """web3's HTTP provider, giving the answer as it comes."""

    def open(self, body: bytes, read_seconds: float) -> requests.Response:
        assert self.endpoint_uri is not None
        return self._request_session_manager.get_response_from_post_request(
            self.endpoint_uri,
            data=body,
            headers=self.get_request_headers(),
            timeout=(_CONNECT_SECONDS, read_seconds),
            allow_redirects=False,  # the body must not go where the configuration does not say
            stream=True,
        )


class Transport:
    """Posts to one URL."""

    def __init__(self, url: str, alias: str) -> None:
        self._alias = alias
        self._provider = _Provider(url, session=_session(url), exception_retry_configuration=None)
        self._secrets = _secrets(url)

    def post(self, body: bytes, *, read_seconds: float, bytes_max: int, about: str) -> Response:
        """The answer to this body.

        Args:
            body: JSON.
            read_seconds: how long to wait for the first byte of the answer.
            bytes_max: how many bytes of an answer are read, when they are unpacked.
            about: what errors say was asked for.

        Raises:
            EndpointUnreachableError: there was none, or not all of it.
            MalformedAnswerError: it cannot be unpacked.
            AnswerTooLargeError: it has more bytes.
        """
        try:
            with self._provider.open(body, read_seconds) as response:
                deadline = time.monotonic() + _PATIENCE * read_seconds
                content = self._read(response, deadline, bytes_max, about)
                wait = _retry_after(response.headers.get("Retry-After"))
                return Response(response.status_code, content, wait)
        except DecodeError:
            raise MalformedAnswerError(self._alias, f"{about}: cannot be unpacked") from None
        except (requests.RequestException, HTTPError) as error:
            raise self._unreachable(error) from None

    def redacted(self, text: str) -> str:
        """A text of the endpoint without what its URL holds."""
        return self._secrets.sub("…", _URL.sub("<url>", text))

    def _read(
        self, response: requests.Response, deadline: float, bytes_max: int, about: str
    ) -> bytes:
        parts, size = [], 0
        while part := response.raw.read1(_BYTES_A_READ, decode_content=True):
            parts.append(part)
            size += len(part)
            if size > bytes_max:
                raise AnswerTooLargeError(self._alias, method=about, bytes_max=bytes_max)
            if time.monotonic() > deadline:
                raise TimedOutError(self._alias, f"{about}: the answer did not end in time")
        return b"".join(parts)

    def _unreachable(self, error: BaseException) -> EndpointError:
        if isinstance(error, requests.Timeout | Urllib3TimeoutError):
            return TimedOutError(self._alias, "timed out")
        return EndpointUnreachableError(self._alias, _reason(error))


def _session(url: str) -> requests.Session:
    """A session that looks its environment up once: proxies and certificates."""
    session = requests.Session()
    found = session.merge_environment_settings(url, {}, None, None, None)
    session.proxies, session.verify, session.cert = found["proxies"], found["verify"], found["cert"]
    session.trust_env = False  # it would cost 0.2 ms a request
    adapter = HTTPAdapter(pool_maxsize=_CONNECTIONS)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def _secrets(url: str) -> re.Pattern[str]:
    """Matches the parts of a URL that may be secret, as they are written and as they are meant."""
    parts = urlsplit(url)
    held = [parts.username, parts.password, parts.query]
    held += [value for _, value in parse_qsl(parts.query)]
    held += [part for part in parts.path.split("/") if len(part) >= _SECRET_CHARACTERS_MIN]
    if parts.hostname and not parts.hostname.replace(".", "").isdecimal():
        held.append(parts.hostname)  # some providers put the key into a subdomain
    known = {each for part in held if part for each in (part, unquote(part))}
    longest_first = sorted(known - {"localhost"}, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)", re.IGNORECASE)


def _reason(error: BaseException) -> str:
    """What the system says beneath a `requests` error, whose own text holds the URL."""
    cause: Any = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror.lower()
        # urllib3 keeps the cause of a failed connection in `reason`, requests in the arguments.
        beneath = (getattr(cause, "reason", None), cause.__cause__, *cause.args)
        cause = next((each for each in beneath if isinstance(each, BaseException)), None)
    return type(error).__name__


def _retry_after(value: str | None) -> float:
    """Seconds of a `Retry-After`, which holds seconds or a date; 0 where it is neither."""
    if value is None:
        return 0.0
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except ValueError:
            return 0.0
    # The comparison leaves out NaN, which float reads.
    return min(seconds, _RETRY_AFTER_SECONDS_MAX) if seconds > 0 else 0.0
