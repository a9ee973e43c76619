"""Rows of the log in a file: what PostgreSQL's COPY … (FORMAT BINARY) writes and reads, gzipped.

The rows are canonical (see `schema.log.digest`), each with its position as a fifth field, so that
one who has neither our database nor a node can hash them, or load them into a table of their own.
"""

import gzip
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from uuid import UUID

from schema.errors import DaybookError
from schema.log.scan import ScannedRow, read

_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # the format's signature, no flags, no extension
_END = -1
_FIELDS = 5
_INT2, _INT4, _INT8 = struct.Struct(">h"), struct.Struct(">i"), struct.Struct(">q")
_FIELD_BYTES_MAX = 1 << 28  # what a jsonb may hold
# A third of the time of the next level for a tenth more bytes.
_COMPRESSION = 3


class RowFileError(DaybookError):
    """A file of rows that is none, or not whole."""

    exit_code = 2

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path} is not a whole file of log rows: {problem}. Copy it again.")


def write_rows(path: Path, rows: Iterable[ScannedRow]) -> None:
    """Write readable rows; the same ones make the same file."""
    with (
        path.open("wb") as raw,
        gzip.GzipFile("", "wb", compresslevel=_COMPRESSION, fileobj=raw, mtime=0) as file,
    ):
        file.write(_HEAD)
        for row in rows:
            _, canonical = read(row)
            file.write(canonical + _INT4.pack(_INT8.size) + _INT8.pack(row.position))
        file.write(_INT2.pack(_END))


def read_rows(path: Path) -> Iterator[ScannedRow]:
    """The rows of a file, one by one.

    Raises:
        RowFileError: it is none, or is damaged, or ends too soon.
    """
    try:
        with gzip.open(path) as file:
            if file.read(len(_HEAD)) != _HEAD:
                raise RowFileError(path, "it does not begin as one")
            while (fields := _INT2.unpack(_exactly(file, _INT2.size))[0]) != _END:
                if fields != _FIELDS:
                    raise RowFileError(path, f"a row of {fields} fields")
                yield _row([_field(file) for _ in range(fields)])
    except (OSError, EOFError, zlib.error, struct.error, ValueError) as error:
        raise RowFileError(path, str(error) or type(error).__name__) from error


def _row(fields: list[bytes]) -> ScannedRow:
    stream, version, topic, state, position = fields
    return ScannedRow(
        UUID(bytes=stream),
        _INT8.unpack(version)[0],
        topic.decode(),
        state[1:],  # after the byte that says that it is jsonb
        _INT8.unpack(position)[0],
    )


def _field(file: gzip.GzipFile) -> bytes:
    size = _INT4.unpack(_exactly(file, _INT4.size))[0]
    if not 0 <= size <= _FIELD_BYTES_MAX:
        raise ValueError(f"a field of {size} bytes")
    return _exactly(file, size)


def _exactly(file: gzip.GzipFile, size: int) -> bytes:
    content = file.read(size)
    if len(content) != size:
        raise EOFError("it ends in the middle")
    return content
