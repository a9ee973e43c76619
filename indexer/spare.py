"""Logs that came beside those that were wanted, kept until it is known whether they are."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from itertools import chain
from types import MappingProxyType
from typing import NamedTuple

from indexer.wire import Log

# What is kept of a range, in hex digits of the logs' data: with several in flight, this bounds
# memory.
_DIGITS_MAX = 2 << 20

BlockLogs = dict[int, list[Log]]


class Spare(NamedTuple):
    """Proved logs of some blocks, which need not be asked for again.

    Attributes:
        blocks: all logs, by block hash, of the blocks whose receipts were verified.
        first: the block from which on `logs` has those of the others; None if it has none.
        logs: all logs by block number, but those of `given`.
        given: the contracts whose logs were given when they came.
    """

    blocks: Mapping[str, list[Log]] = MappingProxyType({})
    first: int | None = None
    logs: Mapping[int, list[Log]] = MappingProxyType({})
    given: AbstractSet[str] = frozenset()

    @property
    def is_whole(self) -> bool:
        """Whether the logs of contracts that are announced later are here."""
        return self.first is not None

    def has(self, addresses: AbstractSet[str], first: int) -> bool:
        """Whether all logs of these addresses are here, from the first block on."""
        is_early = self.first is not None and self.first <= first
        # One that was followed before may turn out to have been announced earlier still.
        return is_early and addresses.isdisjoint(self.given)

    def bounded(self) -> "Spare":
        """The same, or nothing if it takes much memory."""
        kept = chain(self.blocks.values(), self.logs.values())
        return self if sum(map(digits, kept)) <= _DIGITS_MAX else Spare()


def digits(logs: Iterable[Log]) -> int:
    """How many hex digits their data has."""
    return sum([len(log.data) for log in logs])


def split(
    blocks: Mapping[int, list[Log]], addresses: AbstractSet[str]
) -> tuple[BlockLogs, BlockLogs]:
    """The logs of these addresses, and those of others."""
    own, others = {}, {}
    for at, logs in blocks.items():
        own[at] = [log for log in logs if log.address in addresses]
        if len(own[at]) < len(logs):
            others[at] = [log for log in logs if log.address not in addresses]
    return own, others
