"""The canonical bytes of an event, the digest that chains over them, and the checks that locate.

A canonical row is what PostgreSQL's binary COPY takes of an event, but for its position: five
fields are announced, and stream, version, name and JSON follow, each with its length before it.
So the bytes that are hashed are the bytes that are appended, made once. Source of the layout: the
PostgreSQL manual, COPY, "Binary Format".

A fact with a digest is a *seal*: it covers every row of its chain after the seal before it, in
the order of the log, and itself, its own digest left empty:

    digest = SHA-256(digest before ‖ SHA-256(row ‖ row ‖ … ‖ the seal's own row))

Its `checks` hold a CRC-32 of each of these rows but its own. The digest proves; the checks, which
it covers, say which row it is that differs. The first digest follows 32 zero bytes.
"""

import base64
import hashlib
import struct
import zlib
from collections.abc import Sequence
from uuid import UUID

_INT4, _INT8, _UUID = 4, 8, 16
_FIELDS = (5).to_bytes(2) + _UUID.to_bytes(_INT4)
_VERSION_LENGTH = _INT8.to_bytes(_INT4)
_JSONB_VERSION = b"\x01"
_CHECK_BYTES = 4
_ROWS_AT_ONCE = 1_024  # many to a call, which costs as much as the hash of one


# A canonical row and its CRC-32, taken while the row is still in the processor's cache.
CheckedRow = tuple[bytes, int]


def row_head(stream: UUID) -> bytes:
    """How every canonical row of a stream begins."""
    return _FIELDS + stream.bytes + _VERSION_LENGTH


def topic_field(topic: str) -> bytes:
    """The name of an event, as its canonical row has it."""
    name = topic.encode()
    return len(name).to_bytes(_INT4) + name


def finish_row(head: bytes, version: int, topic: bytes, state: bytes) -> bytes:
    """A canonical row, from `row_head` and `topic_field`; `state` is the event's JSON."""
    size = (len(state) + 1).to_bytes(_INT4)
    return b"%b%b%b%b%b%b" % (head, version.to_bytes(_INT8), topic, size, _JSONB_VERSION, state)


def canonical_row(stream: UUID, version: int, topic: str, state: bytes) -> bytes:
    """The canonical row of an event; `state` is its JSON as it was first stored."""
    return finish_row(row_head(stream), version, topic_field(topic), state)


def split_row(row: bytes) -> tuple[UUID, int, str, bytes]:
    """Stream, version, name and JSON of a canonical row."""
    stream_end = len(_FIELDS) + _UUID
    version_end = stream_end + _INT4 + _INT8
    topic_end = version_end + _INT4 + int.from_bytes(row[version_end : version_end + _INT4])
    return (
        UUID(bytes=row[len(_FIELDS) : stream_end]),
        int.from_bytes(row[stream_end + _INT4 : version_end]),
        row[version_end + _INT4 : topic_end].decode(),
        row[topic_end + _INT4 + len(_JSONB_VERSION) :],
    )


def chain_digest(previous: str, rows: Sequence[bytes]) -> str:
    """The digest of a seal, hex, from the digest before it and the canonical rows it covers."""
    content = hashlib.sha256()
    for at in range(0, len(rows), _ROWS_AT_ONCE):
        content.update(b"".join(rows[at : at + _ROWS_AT_ONCE]))
    return link(previous, content.digest())


def link(previous: str, content: bytes) -> str:
    """`chain_digest`, from the SHA-256 of the rows' bytes."""
    return hashlib.sha256(bytes.fromhex(previous) + content).hexdigest()


def checked(rows: Sequence[bytes]) -> list[CheckedRow]:
    """Canonical rows, each with its CRC-32."""
    return list(zip(rows, map(zlib.crc32, rows), strict=True))


def pack_checks(values: Sequence[int]) -> str:
    """The checks of canonical rows: the big-endian CRC-32 of each, in base64."""
    return base64.b64encode(struct.pack(f">{len(values)}I", *values)).decode()


def unpack_checks(checks: str) -> tuple[int, ...]:
    """The CRC-32 of each row.

    Raises:
        ValueError: these are no checks.
    """
    packed = base64.b64decode(checks, validate=True)
    if len(packed) % _CHECK_BYTES:
        raise ValueError(f"{len(packed)} bytes of checks")
    return struct.unpack(f">{len(packed) // _CHECK_BYTES}I", packed)
