"""Whether an answer is true and whole: headers by their hash, logs by bloom or receipts root.

A header's hash commits to its parent, to the bloom of its logs and to the root of its receipts.
A bloom that does not contain an address proves that the block has no log of it. Nothing here does
I/O; `indexer.fetch` asks for what is missing.
"""

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from itertools import count, groupby, pairwise, starmap
from operator import attrgetter, ge
from typing import NamedTuple, TypeVar

from indexer.commitments import bloom_of, header_hash, items_of, may_contain, receipts_root
from indexer.errors import BadAnswerError
from indexer.hexadecimal import check_hex
from indexer.wire import Block, Log, Receipt
from schema.log.chain import Proof

_T = TypeVar("_T")
_BLOCK_HASH = attrgetter("block_hash")


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


def by_block(
    alias: str, logs: Iterable[Log], headers: Iterable[Header], addresses: AbstractSet[str] | None
) -> dict[int, list[Log]]:
    """The logs of a filter's answer, by the number of their block, without empty blocks.

    The filter named these addresses, or none.

    Raises:
        BadAnswerError: one is of another block or address, out of order, or removed.
    """
    asked = {header.hash: header for header in headers}
    blocks: dict[int, list[Log]] = {}
    for block_hash, together in groupby(logs, _BLOCK_HASH):
        header = asked.get(block_hash)
        if header is None:
            raise BadAnswerError(alias, f"logs of block {block_hash}, which was not asked for")
        blocks.setdefault(header.number, []).extend(together)
    for header in asked.values():
        if group := blocks.get(header.number):
            _check_block(alias, header, group, addresses)
    return blocks


def _check_block(
    alias: str, header: Header, logs: Sequence[Log], addresses: AbstractSet[str] | None
) -> None:
    indexes = [int(log.log_index, 16) for log in logs]
    number = hex(header.number)
    if any(starmap(ge, pairwise(indexes))):
        raise BadAnswerError(alias, f"logs of block {header.number} are out of order")
    if any([log.removed or log.block_number != number for log in logs]):  # noqa: C419  as above
        raise BadAnswerError(alias, f"a log of block {header.number} is of another block")
    if addresses is not None and not addresses >= {log.address for log in logs}:
        raise BadAnswerError(alias, f"block {header.number} has logs that were not asked for")


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


def logs_of(logs: Iterable[Log], addresses: AbstractSet[str] | None) -> list[Log]:
    """Those logs of verified receipts that are of these addresses, or all, in lower-case hex.

    That address, topics and data are hex is proved by the root, which hashes their bytes.
    """
    kept = []
    for log in logs:
        log.address = log.address.lower()
        if addresses is None or log.address in addresses:
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
