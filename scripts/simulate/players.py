"""Who plays: some a lot, most a little."""

import random
from itertools import accumulate

from scripts.simulate.deployment import address_of

# The busiest player of a thousand makes every twentieth trade; half make one in a hundred.
_ACTIVITY_EXPONENT = 0.8
_DRAWN_AT_ONCE = 256


class Players:
    """Wallets and smart accounts, drawn by how active they are.

    Attributes:
        addresses: who holds positions: a third of them smart accounts.
        owners: the wallet of each smart account.
    """

    def __init__(self, seed: int, count: int) -> None:
        self._random = random.Random(f"{seed}/players")  # noqa: S311  a simulation, not a secret
        self.addresses = [address_of(seed, "player", number) for number in range(count)]
        self.owners = {
            account: address_of(seed, "owner", number)
            for number, account in enumerate(self.addresses)
            if number % 3 == 1
        }
        ranked = range(1, count + 1)
        self._cumulated = list(accumulate(rank**-_ACTIVITY_EXPONENT for rank in ranked))
        self._drawn: list[str] = []

    def draw(self) -> str:
        """A player, the active ones more often."""
        if not self._drawn:
            self._drawn = self._random.choices(
                self.addresses, cum_weights=self._cumulated, k=_DRAWN_AT_ONCE
            )
        return self._drawn.pop()
