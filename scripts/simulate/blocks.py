"""Blocks as the node answers them: JSON bytes made once, found by number, hash and transaction."""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

import msgspec


class SealedReceipt(NamedTuple):
    """A receipt whose JSON is `head`, then its logs, then two closing brackets."""

    transaction_hash: str
    head: bytes
    first_log: int
    logs_end: int


class SealedBlock:
    """A block that cannot change any more.

    Attributes:
        json: the whole answer of `eth_getBlockByNumber`.
        logs: the JSON of each log, in order.
        addresses: of each log.
    """

    __slots__ = ("_all_addresses", "addresses", "hash", "json", "logs", "number", "receipts")

    def __init__(self, number: int, block_hash: str, json: bytes) -> None:
        self.number = number
        self.hash = block_hash
        self.json = json
        self.logs: list[bytes] = []
        self.addresses: list[str] = []
        self.receipts: list[SealedReceipt] = []
        self._all_addresses: frozenset[str] = frozenset()

    def add(
        self, receipt: tuple[str, bytes], logs: Sequence[bytes], addresses: Sequence[str]
    ) -> None:
        """Append a receipt, as transaction hash and head, with its logs."""
        first = len(self.logs)
        self.logs += logs
        self.addresses += addresses
        self._all_addresses |= frozenset(addresses)
        self.receipts.append(SealedReceipt(*receipt, first, len(self.logs)))

    def logs_of(self, addresses: Collection[str] | None) -> Sequence[bytes]:
        """The logs that these contracts emitted; all of them for None."""
        if addresses is None or self._all_addresses.issubset(addresses):
            return self.logs
        if self._all_addresses.isdisjoint(addresses):
            return ()
        pairs = zip(self.logs, self.addresses, strict=True)
        return [log for log, address in pairs if address in addresses]

    def receipt_json(self, receipt: SealedReceipt) -> bytes:
        """The whole answer of `eth_getTransactionReceipt`."""
        logs = b",".join(self.logs[receipt.first_log : receipt.logs_end])
        return receipt.head + logs + b"]}"

    def receipts_json(self) -> bytes:
        """The whole answer of `eth_getBlockReceipts`."""
        return b"[" + b",".join(self.receipt_json(receipt) for receipt in self.receipts) + b"]"


class _Topics(msgspec.Struct):
    topics: list[str]


_TOPICS = msgspec.json.Decoder(_Topics)

# What `eth_getLogs` asks of each topic: None for anything, else one of these.
TopicFilter = Sequence[Collection[str] | None]


def matches(log: bytes, wanted: TopicFilter) -> bool:
    """Whether a log, as JSON, has the topics wanted: reading them again is cheaper than keeping."""
    topics = _TOPICS.decode(log).topics
    if len(wanted) > len(topics):
        return False
    return all(any_of is None or topics[at] in any_of for at, any_of in enumerate(wanted))


class Blocks:
    """The canonical blocks, from number 0 on.

    Attributes:
        listeners: told about each block that becomes canonical.
    """

    def __init__(self) -> None:
        self.listeners: list[Callable[[SealedBlock], None]] = []
        self._blocks: list[SealedBlock] = []
        self._by_hash: dict[str, SealedBlock] = {}
        self._by_transaction: dict[str, SealedBlock] = {}

    def __len__(self) -> int:
        return len(self._blocks)

    def __iter__(self) -> Iterator[SealedBlock]:
        return iter(self._blocks)

    @property
    def head(self) -> SealedBlock:
        """The newest block."""
        return self._blocks[-1]

    def append(self, block: SealedBlock) -> None:
        """The next block."""
        if block.number != len(self._blocks):
            raise ValueError(f"block {block.number} does not follow {len(self._blocks) - 1}")
        self._blocks.append(block)
        self._by_hash[block.hash] = block
        for receipt in block.receipts:
            self._by_transaction[receipt.transaction_hash] = block
        for listener in self.listeners:
            listener(block)

    def cut(self, length: int) -> None:
        """Drop the blocks from this number on; the node forgets them."""
        for block in self._blocks[length:]:
            del self._by_hash[block.hash]
            for receipt in block.receipts:
                self._by_transaction.pop(receipt.transaction_hash, None)
        del self._blocks[length:]

    def at(self, number: int) -> SealedBlock | None:
        """The block of a number; None beyond the head."""
        return self._blocks[number] if number < len(self._blocks) else None

    def between(self, first: int, last: int) -> Sequence[SealedBlock]:
        """The blocks of these numbers, as far as there are any."""
        return self._blocks[first : last + 1]

    def with_hash(self, block_hash: str) -> SealedBlock | None:
        """A canonical block by its hash."""
        return self._by_hash.get(block_hash)

    def with_transaction(self, transaction_hash: str) -> SealedBlock | None:
        """The canonical block that holds a transaction."""
        return self._by_transaction.get(transaction_hash)
