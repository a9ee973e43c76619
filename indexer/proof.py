"""Whether an answer is true and whole: headers by their hash, logs by bloom or receipts root.

A header's hash commits to its parent, to the bloom of its logs and to the root of its receipts.
A bloom that does not contain an address proves that the block has no log of it. Nothing here does
I/O; `indexer.fetch` asks for what is missing.
"""

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from itertools import count
from typing import NamedTuple, TypeVar

from indexer.commitments import bloom_of, header_hash, items_of, may_contain, receipts_root
from indexer.errors import BadAnswerError
from indexer.hexadecimal import check_hex
from indexer.wire import Block, Log, Receipt
from schema.log.chain import Proof

_T = TypeVar("_T")


class Header(NamedTuple):
    """What of a header is used once it is verified."""

    number: int
    hash: str
    parent_hash: str
    time: int
    bloom: int
    receipts_root: str


def verify_header(alias: str, block: Block, *, proof: Proof) -> Header:
    """The header of a block, whose hash was recomputed unless nothing is to be proved.

    Raises:
        BadAnswerError: the hash is another.
    """
    if proof != "none" and _recomputed(header_hash, block) != block.hash:
        raise BadAnswerError(alias, f"block {block.number} does not hash to {block.hash}")
    return Header(
        int(block.number, 16),
        block.hash,
        block.parent_hash,
        int(block.timestamp, 16),
        int(block.logs_bloom, 16),
        block.receipts_root,
    )


def verify_links(alias: str, headers: Sequence[Header], *, first: int) -> None:
    """Check that the headers are numbered from `first` on and each is the parent of the next.

    Raises:
        BadAnswerError: they are not.
    """
    parent = headers[0].parent_hash
    for number, header in enumerate(headers, first):
        if header.number != number or header.parent_hash != parent:
            raise BadAnswerError(alias, f"block {number} does not follow block {number - 1}")
        parent = header.hash


def verify_logs(alias: str, header: Header, logs: Sequence[Log]) -> None:
    """Check that logs are of this block, in order, and none was removed.

    Raises:
        BadAnswerError: they are not.
    """
    last = -1
    for log in logs:
        index = int(log.log_index, 16)
        if log.block_hash != header.hash or log.removed:
            raise BadAnswerError(alias, f"a log of block {header.number} is of another block")
        if index <= last:
            raise BadAnswerError(alias, f"logs of block {header.number} are out of order")
        last = index


def verify_bloom(alias: str, header: Header, logs: Sequence[Log]) -> int:
    """The bloom of these logs, which that of their block contains.

    Raises:
        BadAnswerError: it excludes one.
    """
    bloom = bloom_of(items_of(logs))
    if not may_contain(header.bloom, bloom):
        raise BadAnswerError(alias, f"the bloom of block {header.number} excludes its logs")
    return bloom


def verify_receipts(alias: str, header: Header, receipts: Sequence[Receipt]) -> list[Log]:
    """All logs of a block, from receipts that its receipts root commits to.

    The root commits to address, topics, data and order; where a log says it stands is checked
    against that order.

    Raises:
        BadAnswerError: the root is another, or a log is misplaced.
    """
    if _recomputed(receipts_root, receipts) != header.receipts_root:
        raise BadAnswerError(alias, f"receipts of block {header.number} have another root")
    try:
        _check_places(header, receipts)
    except ValueError as error:
        raise BadAnswerError(alias, f"receipts of block {header.number}: {error}") from None
    return [log for receipt in receipts for log in receipt.logs]


def logs_of(logs: Iterable[Log], addresses: AbstractSet[str]) -> list[Log]:
    """Those logs of verified receipts that are of these addresses, in lower-case hex.

    That address, topics and data are hex is proved by the root, which hashes their bytes.
    """
    kept = []
    for log in logs:
        log.address = log.address.lower()
        if log.address in addresses:
            log.data = "0x" + log.data[2:].lower()
            log.topics = ["0x" + topic[2:].lower() for topic in log.topics]
            kept.append(log)
    return kept


def _check_places(header: Header, receipts: Sequence[Receipt]) -> None:
    """Raise ValueError where a log says that it stands elsewhere."""
    check_hex([receipt.transaction_hash for receipt in receipts])
    indexes = count()
    for tx_index, receipt in enumerate(receipts):
        here = (header.hash, receipt.transaction_hash, tx_index)
        for log in receipt.logs:
            there = (log.block_hash, log.transaction_hash, int(log.transaction_index, 16))
            if there != here or int(log.log_index, 16) != next(indexes):
                raise ValueError("a log is misplaced")


def _recomputed(commitment: Callable[[_T], str], content: _T) -> str:
    """What content commits to; nothing where it cannot be encoded, as with half a byte."""
    try:
        return commitment(content)
    except ValueError:
        return ""


def by_block(
    alias: str, logs: Iterable[Log], *, numbers: AbstractSet[int], addresses: AbstractSet[str]
) -> dict[int, list[Log]]:
    """Logs by the number of their block; all must be of these blocks and addresses.

    Raises:
        BadAnswerError: one is not.
    """
    blocks: dict[int, list[Log]] = {}
    for log in logs:
        blocks.setdefault(int(log.block_number, 16), []).append(log)
        if log.address not in addresses:
            raise BadAnswerError(alias, f"a log of {log.address}, which was not asked for")
    if not blocks.keys() <= numbers:
        raise BadAnswerError(alias, "logs of blocks that were not asked for")
    return blocks
