"""What happens in a world of box raffles, block by block.

The story only decides, by the seed and by what the world holds, so it goes on in the same way
after a reorg has changed what the world holds.
"""

import random
from collections import deque
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from scripts.simulate.box_operations import buy, cancel, create, draw, set_up
from scripts.simulate.box_world import BoxRaffle, BoxWorld, Status, Terms
from scripts.simulate.deployment import address_of, hash_of
from scripts.simulate.players import Players
from scripts.simulate.state import SOF, RevertedError
from scripts.simulate.transaction import Operation, Transaction

_TRANSACTIONS = (0, 1, 2, 3, 4, 5)  # of players, in a block
_TRANSACTION_SHARES = (14, 22, 24, 20, 12, 8)  # some blocks are empty
_OPEN_AT_ONCE = 3
_OLDEST_SHARE = 0.6  # of purchases: so that raffles fill one after the other
_AT_ONCE_MAX = 6  # boxes, or players, in one transaction
_ONE, _SEVERAL, _BUNDLE, _MISTAKE = range(4)
_KIND_SHARES = (60, 20, 15, 5)

# Of every five raffles the second is given up half sold, the fourth when it is full.
_CYCLE = 5
_GIVEN_UP_HALF_SOLD, _GIVEN_UP_FULL = 2, 4


class BoxPlan(NamedTuple):
    """How many raffles there are and how large; in an endless world others follow.

    Every fifth raffle is priced beyond what 64 bits hold. The last one of a world that ends is so
    large that it stays open, as a real one is.
    """

    seed: int
    raffles: int
    purchases: int
    is_endless: bool

    def has(self, raffle_id: int) -> bool:
        """Whether a raffle is ever created."""
        return self.is_endless or raffle_id <= self.raffles

    def terms(self, raffle_id: int) -> Terms:
        """What a raffle is created with."""
        share = self.purchases // self.raffles
        is_last = raffle_id == self.raffles and not self.is_endless
        boxes = self.purchases if is_last else share * (4 + raffle_id % 3) // 5
        price = 2**200 if raffle_id % _CYCLE == 0 else SOF // 100 * (1 + raffle_id % 7)
        seller = address_of(self.seed, "seller", raffle_id % 3)
        return Terms(seller, max(boxes, 2), price + raffle_id, 1 + raffle_id % 3)


class BoxStory:
    """The transactions of block after block.

    Attributes:
        world: what the story decides by; a reorg puts another one in its place.
    """

    def __init__(self, world: BoxWorld, players: Players, plan: BoxPlan) -> None:
        self.world = world
        self._random = random.Random(f"{world.seed}/box story")  # noqa: S311  a simulation
        self._players = players
        self._plan = plan
        self._bought = 0
        self._serial = 0
        self._pinned = deque([Operation(set_up, ())])  # one a block, in order

    @property
    def contracts(self) -> Mapping[str, str]:
        """The deployment's contracts, by the configuration's keys."""
        return msgspec.structs.asdict(self.world.contracts)

    @property
    def is_over(self) -> bool:
        """Whether all purchases are made and nothing is left to do."""
        return self._are_purchases_made and not self._pinned and not any(self._duties())

    @property
    def _are_purchases_made(self) -> bool:
        return not self._plan.is_endless and self._bought >= self._plan.purchases

    def truth(self) -> dict[str, Any]:
        """What the contract holds."""
        return self.world.truth()

    def call(self, world: BoxWorld, contract: str, _data: bytes) -> bytes:
        """The contract has no view function that is known; elsewhere there is no contract."""
        if contract == world.contracts.box_raffle:
            raise RevertedError
        return b""

    def transactions(self) -> Iterator[Transaction]:
        """The next block's; each is to be executed before the next one is asked for."""
        if not self._pinned:
            self._pinned.extend(islice(self._duties(), 1))
        if self._pinned:
            deployer = self.world.operators.deployer
            yield self._transaction(deployer, [self._pinned.popleft()], is_pinned=True)
        for _ in range(self._random.choices(_TRANSACTIONS, _TRANSACTION_SHARES)[0]):
            raffles = [raffle for raffle in self.world.raffles.values() if raffle.is_open]
            if raffles and not self._are_purchases_made:
                yield self._purchase(raffles)

    def _duties(self) -> Iterator[Operation]:
        """What is to be done next with the raffles, as they are now."""
        raffles = self.world.raffles.values()
        for raffle in raffles:
            place = raffle.raffle_id % _CYCLE
            is_half_sold = len(raffle.boxes) * 2 >= raffle.terms.total_boxes
            if raffle.status is Status.FULL:
                act = cancel if place == _GIVEN_UP_FULL else draw
                yield Operation(act, (raffle.raffle_id,))
            elif raffle.is_open and place == _GIVEN_UP_HALF_SOLD and is_half_sold:
                yield Operation(cancel, (raffle.raffle_id,))
        following = len(raffles) + 1
        if sum(raffle.is_open for raffle in raffles) < _OPEN_AT_ONCE and self._plan.has(following):
            yield Operation(create, (following, self._plan.terms(following)))

    def _purchase(self, raffles: list[BoxRaffle]) -> Transaction:
        kind = self._random.choices((_ONE, _SEVERAL, _BUNDLE, _MISTAKE), _KIND_SHARES)[0]
        many = self._random.randint(2, _AT_ONCE_MAX)
        if kind == _BUNDLE:
            operations = [self._buy(self._choice(raffles), 1) for _ in range(many)]
            return self._transaction(self.world.operators.bundler, operations, is_bundle=True)
        raffle = self._choice(raffles)
        operation = self._buy(raffle, many if kind == _SEVERAL else 1)
        _, player, _ = operation.arguments
        if kind == _MISTAKE:  # a box that there is not, or that is sold
            taken = next(iter(raffle.boxes), raffle.terms.total_boxes + 1)
            operation = Operation(buy, (raffle.raffle_id, player, [taken]))
        return self._transaction(player, [operation])

    def _choice(self, raffles: list[BoxRaffle]) -> BoxRaffle:
        takes_oldest = self._random.random() < _OLDEST_SHARE
        return raffles[0] if takes_oldest else self._random.choice(raffles)

    def _buy(self, raffle: BoxRaffle, count: int) -> Operation:
        """So many boxes for somebody, or those that are left."""
        total = raffle.terms.total_boxes
        start = self._random.randrange(total)
        numbers = (1 + (start + step) % total for step in range(total))
        unsold = list(islice((n for n in numbers if n not in raffle.boxes), count))
        self._bought += len(unsold)
        return Operation(buy, (raffle.raffle_id, self._players.draw(), unsold))

    def _transaction(
        self,
        sender: str,
        operations: list[Operation],
        *,
        is_bundle: bool = False,
        is_pinned: bool = False,
    ) -> Transaction:
        self._serial += 1
        name = hash_of(self.world.seed, "box transaction", self._serial)
        return Transaction(name, sender, operations, is_bundle, is_pinned)
