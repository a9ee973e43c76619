"""Errors as people and programs see them: RFC 9457 problems that say what to do."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import psycopg
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec
from msgspec import Struct
from psycopg_pool import PoolTimeout, TooManyRequests

MEDIA_TYPE = "application/problem+json"
HTTP_UNAVAILABLE = 503
_RETRY_SECONDS = "1"

_log = structlog.get_logger()


class ProblemDetails(Struct, frozen=True):
    """The body of every error."""

    type: str
    title: str
    status: int
    detail: str


class Problem(Exception):  # noqa: N818  RFC 9457's own word
    """A request that cannot be answered.

    Attributes:
        status: of the HTTP answer.
        name: what kind of problem, e.g. `unknown-season`; its type is `urn:daybook:` and this.
        title: what kind of problem, for people.
        detail: what is wrong with this request, and what to do.
    """

    def __init__(self, status: int, name: str, *, title: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.name = name
        self.title = title
        self.detail = detail


class NotServingError(Problem):
    """No generation of read models serves."""

    def __init__(self) -> None:
        super().__init__(
            503,
            "not-serving",
            title="Nothing is posted yet",
            detail="No read models serve yet. Start `daybook project` (or `daybook run`), and ask "
            "again when /ready answers 200.",
        )


class OtherVersionError(Problem):
    """What serves was posted by another version, and lacks what is asked for."""

    def __init__(self) -> None:
        super().__init__(
            503,
            "other-version",
            title="Read models of another version serve",
            detail="The read models that serve were posted by another version of daybook, and lack "
            "what this path reads. `daybook project` (or `daybook run`) posts those of this "
            "version beside them; /v1/status says how far they are.",
        )


class UnavailableError(Problem):
    """The database cannot answer now."""

    def __init__(self, detail: str) -> None:
        super().__init__(503, "unavailable", title="The database cannot answer now", detail=detail)


_MEANINGS = {
    400: "A parameter is wrong; the detail says which, and what it may be.",
    404: "There is no such thing.",
    503: "Nothing serves yet, or the database does not answer; ask again.",
}
# What a data endpoint may answer instead of data, for its OpenAPI description.
PROBLEMS = {
    status: ResponseSpec(
        ProblemDetails, generate_examples=False, description=meaning, media_type=MEDIA_TYPE
    )
    for status, meaning in _MEANINGS.items()
}


def _respond(problem: Problem, headers: Mapping[str, str]) -> Response[ProblemDetails]:
    body = ProblemDetails(
        type=f"urn:daybook:{problem.name}",
        title=problem.title,
        status=problem.status,
        detail=problem.detail,
    )
    return Response(
        body,
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers={"Cache-Control": "no-store", **headers},
    )


def answer_problem(_request: Request[Any, Any, Any], problem: Problem) -> Response[ProblemDetails]:
    """A problem of our own."""
    headers = {"Retry-After": _RETRY_SECONDS} if problem.status == HTTP_UNAVAILABLE else {}
    return _respond(problem, headers)


def answer_http_error(
    request: Request[Any, Any, Any], error: HTTPException
) -> Response[ProblemDetails]:
    """What the framework refuses: unknown paths, methods and values of the wrong type."""
    title = HTTPStatus(error.status_code).phrase
    detail = _ADVICE.get(error.status_code, error.detail).format(
        method=request.method, path=request.url.path
    )
    if isinstance(error, ValidationException) and error.extra:
        detail = "; ".join(_parameter(entry) for entry in error.extra)
    name = title.lower().replace(" ", "-")
    return _respond(
        Problem(error.status_code, name, title=title, detail=detail), error.headers or {}
    )


_ADVICE = {
    404: "{path} is no path of this api. /schema describes those there are.",
    405: "{method} is not answered here. Everything is read with GET.",
}


def _parameter(entry: Any) -> str:
    """One line of the framework's list of wrong parameters."""
    return f"{entry['key']}: {entry['message']}"


def answer_database_error(
    request: Request[Any, Any, Any], error: Exception
) -> Response[ProblemDetails]:
    """PostgreSQL is away, or too slow."""
    _log.warning("database_unavailable", path=request.url.path, reason=type(error).__name__)
    if isinstance(error, psycopg.errors.QueryCanceled):
        detail = "The answer took too long to compute. Ask for less with `limit`, or ask again."
    else:
        detail = "The database does not answer. Ask again in a second."
    return answer_problem(request, UnavailableError(detail))


def answer_fault(request: Request[Any, Any, Any], error: Exception) -> Response[ProblemDetails]:
    """A fault of our own: logged in full, told without its innards."""
    _log.error("request_failed", path=request.url.path, exc_info=error)
    detail = "This is a fault of the server; its log says more. Ask again later."
    return _respond(Problem(500, "fault", title="Internal Server Error", detail=detail), {})


EXCEPTION_HANDLERS: dict[int | type[Exception], Callable[..., Response[ProblemDetails]]] = {
    Problem: answer_problem,
    HTTPException: answer_http_error,
    psycopg.OperationalError: answer_database_error,
    PoolTimeout: answer_database_error,
    TooManyRequests: answer_database_error,
    Exception: answer_fault,
}
