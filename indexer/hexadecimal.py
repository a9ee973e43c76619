"""Strict hex: what a node calls hex is checked for a whole answer in a few passes in C.

`int` and `bytes.fromhex` alone would let underscores, signs and spaces through.
"""

from collections.abc import Iterable, Sequence

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
    for block in blocks:
        check_hex([field for field in msgspec.structs.astuple(block) if field is not None])


def check_logs(logs: Iterable[Log]) -> None:
    """Check every field of these logs, and make addresses lower case.

    Some nodes write addresses with a checksum in their case; everything else is lower case.

    Raises:
        ValueError: a field is not hex.
    """
    fields: list[str] = []
    for log in logs:
        log.address = log.address.lower()
        if len(log.data) % 2:
            raise ValueError("data is half a byte short")
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
