"""Opaque cursors: the key of the last row of a page, after which the next page begins.

A key is a struct with a tag of its own, so that the cursor of one list is refused by another.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from api.problems import Problem

INTEGER_MAX = 2**63 - 1

Key = TypeVar("Key", bound=msgspec.Struct)
Integer = Annotated[int, Meta(ge=0, le=INTEGER_MAX)]
Digits = Annotated[str, Meta(pattern=r"^[0-9]{1,78}$")]
SignedDigits = Annotated[str, Meta(pattern=r"^-?[0-9]{1,78}$")]

_encoder = msgspec.msgpack.Encoder()


def encode_cursor(key: msgspec.Struct) -> str:
    """The cursor of a key, in base64url without padding."""
    return urlsafe_b64encode(_encoder.encode(key)).rstrip(b"=").decode()


def decode_cursor(cursor: str, kind: type[Key]) -> Key:
    """The key of a cursor that `encode_cursor` made of a key of this kind.

    Raises:
        Problem: it is another list's, or nobody's.
    """
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        return msgspec.msgpack.decode(urlsafe_b64decode(padded), type=kind)
    except (ValueError, msgspec.MsgspecError) as error:
        raise foreign_cursor() from error


def foreign_cursor() -> Problem:
    """A cursor is another list's, or nobody's."""
    return Problem(
        400,
        "bad-cursor",
        title="Not a cursor of this list",
        detail="cursor: pass on the `next` of the page before as it is, or leave it out to "
        "begin at the first page.",
    )
