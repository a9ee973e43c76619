"""The contracts that are followed, for the ranges that are fetched at once.

There may be thousands of them, and each range is about all; so no range copies or searches them
more often than it must, but looks at what came after it began.
"""

from collections.abc import Mapping
from types import MappingProxyType

from schema.log.chain import Followed

Contracts = Mapping[str, Followed]


class Roster:
    """Contracts in the order in which they came to be known; it only grows.

    Attributes:
        contracts: those whose logs are wanted, by address.
    """

    def __init__(self, contracts: Contracts, held: Contracts = MappingProxyType({})) -> None:
        """Want the logs of `contracts`, and not those of `held`, which the event log holds."""
        self.contracts: dict[str, Followed] = {}
        self._held = held
        self._order: list[str] = []
        self.add(contracts)

    def __len__(self) -> int:
        return len(self._order)

    def add(self, contracts: Contracts) -> None:
        """Want the logs of these contracts too, but for those that are known."""
        for address, followed in contracts.items():
            if self.is_new(address, followed):
                self.contracts[address] = followed
                self._order.append(address)

    def since(self, length: int) -> dict[str, Followed]:
        """Those that came after the first ones, of this number."""
        return {address: self.contracts[address] for address in self._order[length:]}

    def is_new(self, address: str, followed: Followed) -> bool:
        """Whether the contract is not known, or only from a later block on."""
        return is_new(self.contracts, address, followed) and is_new(self._held, address, followed)


def is_new(known: Contracts, address: str, followed: Followed) -> bool:
    """Whether the contract is not among those known, or only from a later block on."""
    # A transaction that a reorganisation moved may announce a contract earlier than before.
    before = known.get(address)
    return before is None or followed.block < before.block
