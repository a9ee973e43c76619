"""What every answer has in common: the block and position it reflects, its ETag, its encoding."""

from collections.abc import Callable, Sequence
from inspect import signature
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from litestar import Request, Response
from litestar.params import QueryParameter
from msgspec import UNSET, Struct, UnsetType

from api.cursors import encode_cursor
from api.database import Database, Reading
from api.problems import Problem

Row = TypeVar("Row", bound=Struct)
Content = TypeVar("Content", bound=Struct | None)

PAGE_DEFAULT = 50
Limit = Annotated[int, QueryParameter(ge=1, le=200, description="Rows a page.")]
Cursor = Annotated[
    str | None, QueryParameter(max_length=512, description="`next` of the page before this one.")
]

# Answers may be kept, and must be asked after: a 304 costs one row of the database.
_CACHE_CONTROL = "no-cache"

_encode = msgspec.json.Encoder(decimal_format="number").encode


class Block(Struct, frozen=True):
    """The newest block of a chain that an answer reflects; null before the first.

    Attributes:
        finalized: number of the highest block that is final; null where none is.
    """

    chain_id: int
    number: int | None
    hash: str | None
    finalized: int | None


class Page(Struct, Generic[Row], frozen=True):
    """A page of a list.

    Attributes:
        next: the cursor of the page after this one; null on the last.
        block: of the list's chain; of the first chain where rows come from several.
        position: the last position in the log that the answer reflects.
        blocks: of every chain, where rows come from several.
    """

    items: Sequence[Row]
    next: str | None
    block: Block | None
    position: int
    blocks: list[Block] | UnsetType = UNSET


class JsonResponse(Response[Content]):
    """A response whose decimals are JSON numbers with all their digits."""

    def render(self, content: Any, *_: Any, **__: Any) -> bytes:
        """The bytes of an answer."""
        return b"" if content is None else _encode(content)


def answer(reading: Reading, content: Content) -> Response[Content]:
    """The response with what was read."""
    return JsonResponse(content, headers=_headers(reading))


def _headers(reading: Reading) -> dict[str, str]:
    """Data changes only with the generation and the position, so these are its ETag."""
    etag = f'"{reading.version}"'
    return {"ETag": etag, "Cache-Control": _CACHE_CONTROL}


async def known_and_modified(request: Request[Any, Any, Any]) -> Response[None] | None:
    """Like `not_modified`, but refuses a parameter that the path does not take.

    To leave out a filter without a word would answer another question than was asked.

    Raises:
        Problem: there is such a parameter.
    """
    known = set(signature(request.route_handler.fn).parameters) - {"database"}
    known -= request.path_params.keys()
    for name in request.query_params:
        if name not in known:
            takes = ", ".join(sorted(known)) or "none"
            raise Problem(
                400,
                "unknown-parameter",
                title="No such parameter",
                detail=f"{name}: this path does not take it. Its parameters: {takes}.",
            )
    return await not_modified(request)


async def not_modified(request: Request[Any, Any, Any]) -> Response[None] | None:
    """Answers 304 before anything is read, where the client has what is served."""
    wanted = request.headers.get("if-none-match")
    if wanted is None:
        return None
    database: Database = request.app.state.database
    headers = _headers(await database.read())
    if headers["ETag"] not in [tag.strip().removeprefix("W/") for tag in wanted.split(",")]:
        return None
    return JsonResponse(None, status_code=304, headers=headers)


def make_page(
    reading: Reading,
    rows: list[Row],
    *,
    limit: int,
    key: Callable[[Row], Struct],
    chain_id: int | None = None,
) -> Page[Row]:
    """A page of `limit` rows.

    Args:
        reading: what the rows are from.
        rows: `limit` of them and one more, where there is one more.
        limit: rows on the page.
        key: of a row, for the cursor.
        chain_id: of the chain that all rows are from, if there is one such.
    """
    following = encode_cursor(key(rows[limit - 1])) if len(rows) > limit else None
    return page_of(reading, rows[:limit], following=following, chain_id=chain_id)


def page_of(
    reading: Reading, items: list[Row], *, following: str | None, chain_id: int | None = None
) -> Page[Row]:
    """A page of these items; `following` is the cursor of the next one, if there is one."""
    blocks = _blocks(reading, chain_id)
    return Page(
        items=items,
        next=following,
        block=blocks[0] if blocks else None,
        position=reading.position,
        blocks=blocks if len(blocks) > 1 else UNSET,
    )


def block_of(reading: Reading, chain_id: int | None = None) -> Block | None:
    """The block of one chain that an answer reflects; of the first chain if it names none."""
    return next(iter(_blocks(reading, chain_id)), None)


def _blocks(reading: Reading, chain_id: int | None) -> list[Block]:
    return [
        Block(head.chain_id, head.block_number, head.block_hash, head.finalized)
        for head in reading.chains
        if chain_id in {None, head.chain_id}
    ]
