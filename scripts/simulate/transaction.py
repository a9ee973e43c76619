"""A transaction of the simulated world: operations that one sender asks for at once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from schema.events import Event, UndecodedLog
from scripts.simulate.deployment import USER_OPERATION, Operators, foreign, hash_of, word
from scripts.simulate.state import RevertedError

Logs = list[Event | UndecodedLog]

# A function of this package: it takes its family's world, then the arguments of its operation.
Act = Callable[..., Logs]


class World(Protocol):
    """What a family's contracts hold, at the block being made."""

    block_number: int
    block_time: int

    @property
    def seed(self) -> int:
        """What everything is generated from."""
        ...

    @property
    def operators(self) -> Operators:
        """Who acts, and contracts that nobody follows."""
        ...


class Operation(NamedTuple):
    """One call of a contract."""

    act: Act
    arguments: tuple[Any, ...]


class Transaction(NamedTuple):
    """Operations under one hash, which stays the same in whatever block they are mined.

    Attributes:
        is_bundle: sent through the entry point; then an operation may fail without the others.
        is_pinned: part of a season's life: a reorg may move it, but neither drops nor swaps it.
    """

    hash: str
    sender: str
    operations: Sequence[Operation]
    is_bundle: bool
    is_pinned: bool


class Story(Protocol):
    """What happens in a family's world, block by block.

    Attributes:
        world: what the story decides by; a reorg puts another one in its place.
    """

    world: Any  # of its own family

    @property
    def contracts(self) -> Mapping[str, str]:
        """The deployment's configured contracts, by the configuration's keys."""
        ...

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do."""
        ...

    def transactions(self) -> Iterator[Transaction]:
        """The next block's; each is to be executed before the next one is asked for."""
        ...

    def truth(self) -> dict[str, Any]:
        """What the contracts hold now."""
        ...

    def call(self, world: Any, contract: str, data: bytes) -> bytes:
        """What a view function of a contract returns in this world; nothing without a contract.

        Raises:
            RevertedError: the contract does not have that function, or refuses.
        """
        ...


def transaction_hash(seed: int, serial: int) -> str:
    """The hash of the transaction that a world thought of as its n-th."""
    return hash_of(seed, "transaction", serial)


def execute(world: World, transaction: Transaction) -> Logs | None:
    """Run a transaction on the world: its logs, or None when nothing of it succeeded."""
    logs: Logs = []
    succeeded = 0
    for operation in transaction.operations:
        try:
            done = operation.act(world, *operation.arguments)
        except RevertedError:
            continue
        succeeded += 1
        logs += done
        if transaction.is_bundle:
            logs.append(_user_operation(world, transaction))
    return logs if succeeded else None


def _user_operation(world: World, transaction: Transaction) -> UndecodedLog:
    topics = (USER_OPERATION, transaction.hash, word(transaction.sender))
    return foreign(world.operators.entry_point, *topics)
