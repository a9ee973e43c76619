"""The chain of a generated world: blocks as the story goes, and other branches on request."""

import copy
import random
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, pairwise
from typing import Any, NamedTuple

from schema.families import DEFAULT_FAMILY
from scripts.simulate.blocks import Blocks, SealedBlock
from scripts.simulate.families import begin
from scripts.simulate.sealing import Executed, Place, seal
from scripts.simulate.transaction import Story, Transaction, World, execute

GENESIS_TIME = 1_760_000_000  # 2025-10-09; not now, so that a seed always gives the same chain
BLOCK_SECONDS = 2  # as Base
NO_PARENT = "0x" + "00" * 32

# A reorg restores the world at this distance before its fork, so that the next one is quick.
_SAVED_BEFORE_FORK = 128
_MOVED_BY = 3  # places by which a reorg's transactions typically move
_DROPPED_SHARE, _FAILING_SHARE = 0.08, 0.05


class Clock(NamedTuple):
    """When blocks are made.

    Attributes:
        genesis_time: of block 0, in Unix seconds.
        live_from: the number from which blocks come as fast as they are made.
        live_block_seconds: how far apart they are then.
    """

    genesis_time: int = GENESIS_TIME
    live_from: int = 0
    live_block_seconds: float = BLOCK_SECONDS

    def time_of(self, number: int) -> int:
        """The time of a block, in Unix seconds."""
        early = min(number, self.live_from)
        late = (number - early) * self.live_block_seconds
        return self.genesis_time + BLOCK_SECONDS * early + int(late)


FIXED_CLOCK = Clock()


class Setting(NamedTuple):
    """What a world is generated from.

    Attributes:
        seasons: of a family of box raffles, how many raffles.
        trades: how many there are; in an endless world how many the first seasons share.
        is_endless: whether further seasons follow the first ones.
        families: of deployments: one of each is on the chain.
    """

    seed: int
    seasons: int
    players: int
    trades: int
    is_endless: bool = False
    families: Sequence[str] = (DEFAULT_FAMILY,)


def generate(setting: Setting, clock: Clock = FIXED_CLOCK) -> "GeneratedChain":
    """The chain of a world, at its first block."""
    return GeneratedChain(begin(setting), clock)


class Branch(NamedTuple):
    """A branch that the chain left: its blocks, and the transactions of each."""

    blocks: list[SealedBlock]
    transactions: list[list[Transaction]]


class GeneratedChain:
    """The blocks of a seed's world.

    Attributes:
        blocks: the canonical ones so far.
    """

    def __init__(self, story: Story, clock: Clock) -> None:
        self.blocks = Blocks()
        self._story = story
        self._clock = clock
        self._transactions: list[list[Transaction]] = []
        self._waiting: list[Transaction] = []  # those that a reorg left without a block
        self._left: Branch | None = None
        self._saved: list[World] = [copy.deepcopy(story.world)]
        self._past: World | None = None  # of the block that was last asked about
        self._reorgs = 0
        self._append([])

    @property
    def contracts(self) -> Mapping[str, str]:
        """The deployments' configured contracts, by the configuration's keys."""
        return self._story.contracts

    @property
    def is_over(self) -> bool:
        """Whether the story has nothing more to tell; the blocks that still come are empty."""
        return self._story.is_over and not self._waiting

    def advance(self) -> bool:
        """Add the next block: there always is one."""
        waiting, self._waiting = self._waiting, []
        self._append(waiting or self._story.transactions())
        return True

    def reorg(self, depth: int, *, length: int | None = None, is_empty: bool = False) -> None:
        """Replace the last blocks by another branch.

        Its transactions are those of the blocks replaced: re-ordered, moved to other blocks,
        some dropped and some failing now. Without a block to be in they wait for the next one.

        Args:
            depth: how many blocks are replaced.
            length: how many there are instead; as many or one more where it is not given.
            is_empty: whether the new ones are without transactions.

        Raises:
            ValueError: there are not so many blocks above genesis.
        """
        fork = len(self.blocks) - depth  # the first number that is replaced
        if not 0 < depth < len(self.blocks):
            raise ValueError(f"depth {depth}: there are {len(self.blocks)} blocks, genesis stays")
        self._reorgs += 1
        rng = random.Random(f"{self._story.world.seed}/reorg/{self._reorgs}")  # noqa: S311
        order = _other_order(self._transactions[fork:], rng)
        if length is None:
            length = depth + rng.randint(0, 1)
        self._leave(fork)
        if is_empty or not length:
            self._waiting, order = [*self._waiting, *order], []
        for transactions in _cut(order, length, rng):
            self._append(transactions)

    def go_back(self) -> None:
        """Return to the branch that the last reorg left: the very same blocks.

        What only the branch left now holds waits for the next block.

        Raises:
            ValueError: there was no reorg.
        """
        if self._left is None:
            raise ValueError("there was no reorg to go back on")
        back = self._left
        left = self._leave(back.blocks[0].number)
        for block, transactions in zip(back.blocks, back.transactions, strict=True):
            self._execute(self._story.world, block.number, transactions)
            self._transactions.append(transactions)
            self.blocks.append(block)
        mined = {transaction.hash for transaction in chain(*back.transactions)}
        open_ = chain(self._waiting, *left.transactions)
        self._waiting = [one for one in open_ if one.hash not in mined]

    def truth(self) -> dict[str, Any]:
        """What the contracts hold at the head."""
        head = self.blocks.head
        return {"block": head.number, "blockHash": head.hash, **self._story.truth()}

    def call(self, number: int, contract: str, data: bytes) -> bytes:
        """What a view function of a contract returns after a block; nothing without a contract.

        Raises:
            RevertedError: the contract does not have that function, or refuses.
        """
        return self._story.call(self._world_at(number), contract, data)

    def _world_at(self, number: int) -> World:
        """What the contracts held after a block; to be looked at only.

        An earlier one is made again from its transactions, and the last one kept: so whoever asks
        about the same block, or a later one, does not wait again.
        """
        if number == self.blocks.head.number:
            world: World = self._story.world
            return world
        past = self._past
        if past is None or past.block_number > number:
            past = copy.deepcopy(self._saved_until(number)[-1])
        for each in range(past.block_number + 1, number + 1):
            self._execute(past, each, self._transactions[each])
        self._past = past
        return past

    def _saved_until(self, number: int) -> list[World]:
        return [saved for saved in self._saved if saved.block_number <= number]

    def _append(self, transactions: Iterable[Transaction]) -> None:
        number = len(self.blocks)
        executed = self._execute(self._story.world, number, transactions)
        self._transactions.append([transaction for transaction, _ in executed])
        world = self._story.world
        parent_hash = self.blocks.head.hash if number else NO_PARENT
        place = Place(number, parent_hash, world.block_time, world.seed, self._reorgs)
        self.blocks.append(seal(place, executed))

    def _execute(
        self, world: World, number: int, transactions: Iterable[Transaction]
    ) -> list[Executed]:
        world.block_number = number
        world.block_time = self._clock.time_of(number)
        return [(transaction, execute(world, transaction)) for transaction in transactions]

    def _leave(self, fork: int) -> Branch:
        """Take the blocks from number `fork` on away, and keep them to go back to."""
        blocks = list(self.blocks.between(fork, len(self.blocks)))
        self._left = Branch(blocks, self._transactions[fork:])
        self._restore(fork)
        return self._left

    def _restore(self, fork: int) -> None:
        """Make the world again as it was before block `fork`."""
        self._saved = self._saved_until(fork - 1)
        if self._past is not None and self._past.block_number >= fork:
            self._past = None
        world = self._story.world = copy.deepcopy(self._saved[-1])
        for number in range(world.block_number + 1, fork):
            self._execute(world, number, self._transactions[number])
            if number == fork - _SAVED_BEFORE_FORK:
                self._saved.append(copy.deepcopy(world))
        self.blocks.cut(fork)
        del self._transactions[fork:]


def _other_order(branch: list[list[Transaction]], rng: random.Random) -> list[Transaction]:
    """The transactions of a branch, but some, in another order."""
    kept = [
        transaction
        for transactions in branch
        for transaction in transactions
        if transaction.is_pinned or rng.random() >= _DROPPED_SHARE
    ]
    return _shuffled(kept, rng)


def _cut(order: list[Transaction], length: int, rng: random.Random) -> list[list[Transaction]]:
    """The transactions of so many blocks; some fail."""
    cuts = sorted(rng.randint(0, len(order)) for _ in range(length - 1))
    places = [0, *cuts, len(order)][: length + 1]
    return [
        [_perhaps_failing(transaction, rng) for transaction in order[first:end]]
        for first, end in pairwise(places)
    ]


def _shuffled(transactions: list[Transaction], rng: random.Random) -> list[Transaction]:
    """Moved a little, but the pinned ones stay in order among themselves."""
    places = [
        at if transaction.is_pinned else at + rng.gauss(0, _MOVED_BY)
        for at, transaction in enumerate(transactions)
    ]
    return [transactions[at] for at in sorted(range(len(places)), key=places.__getitem__)]


def _perhaps_failing(transaction: Transaction, rng: random.Random) -> Transaction:
    if transaction.is_pinned or rng.random() >= _FAILING_SHARE:
        return transaction
    return transaction._replace(operations=())
