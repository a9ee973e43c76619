"""Strict hex: what a node calls hex is checked for a whole answer in a few passes in C.

`int` and `bytes.fromhex` alone would let underscores, signs and spaces through.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

import msgspec

from indexer.wire import Block, Log

_DIGITS = b"0123456789abcdef"


def check_hex(fields: Sequence[str]) -> None:
    """Check that every field is 0x and then nothing but lower-case hex digits.

    Raises:
        ValueError: one of them is not.
    """
    joined = "," + ",".join(fields) if fields else ""
    # Without digits one comma and one x must remain of each field, and they began it.
    remains = joined.encode().translate(None, _DIGITS)
    if remains != b",x" * len(fields) or joined.count(",0x") != len(fields):
        raise ValueError("a field is not hex")


def check_blocks(blocks: Iterable[Block]) -> None:
    """Check every field of these blocks.

    Raises:
        ValueError: one of them is not hex.
    """
    fields = [msgspec.structs.astuple(block) for block in blocks]
    check_hex([field for each in fields for field in each if field is not None])


def check_logs(logs: Iterable[Log], content: bytes | None = None) -> None:
    """Check every field of these logs, and make addresses lower case.

    Some nodes write addresses with a checksum in their case; everything else is lower case.

    Args:
        logs: decoded from it.
        content: the answer as it came.

    Raises:
        ValueError: a field is not hex.
    """
    logs = list(logs)
    if any([len(log.data) % 2 for log in logs]):  # noqa: C419  a list takes half as long
        raise ValueError("data is half a byte short")
    if content is None or not _is_all_hex(content):
        _check_fields(logs)


def _is_all_hex(content: bytes) -> bool:
    """Whether every string value of an answer is hex, as seen from its bytes alone.

    Without hex digits the logs of an answer differ by their number of topics only, so that of
    many megabytes few different pieces remain to be read: half the time of looking at each field.
    False only means that a closer look is needed.
    """
    remains = content.translate(None, _DIGITS)
    pieces = set(remains.split(b"}"))
    # What remains as "x" was 0x and then digits, if as many values began so.
    return all(map(_is_plain, pieces)) and len(_BEGUN.findall(content)) == remains.count(b'"x')


# What hex digits leave of values: of hex itself, of a list of it, of numbers, null, true, false.
_VALUE = r'(?:"x"|\[(?:"x"(?:,"x")*)?\]|[a-z]*)'
_LOG = rf',?\{{"\w*":{_VALUE}(?:,"\w*":{_VALUE})*'
_BEFORE = r'\{(?:"\w*":(?:"\."|[a-z]*),)*"rsult":\['
_AFTER = r'\](?:,"\w*":(?:"\."|[a-z]*))*'
_BEGUN = re.compile(b'"0x')  # found in half the time that `bytes.count` takes
_PLAIN = re.compile(rf"(?:(?:{_BEFORE})?(?:{_LOG})?(?:{_AFTER})?|\s*)".encode())


@lru_cache(maxsize=64)  # of each node the same few again and again
def _is_plain(piece: bytes) -> bool:
    return _PLAIN.fullmatch(piece) is not None


def _check_fields(logs: Iterable[Log]) -> None:
    fields: list[str] = []
    for log in logs:
        log.address = log.address.lower()
        fields += (
            log.address,
            log.data,
            log.block_number,
            log.block_hash,
            log.transaction_hash,
            log.transaction_index,
            log.log_index,
            *log.topics,
        )
    check_hex(fields)
