"""A transaction of the simulated world: operations that one sender asks for at once."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from schema.events import Event, UndecodedLog
from scripts.simulate.deployment import USER_OPERATION, foreign, hash_of, word
from scripts.simulate.state import RevertedError, World

# A function of this package: it takes the world, then the arguments of its operation.
Act = Callable[..., list[Event | UndecodedLog]]


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


def transaction_hash(seed: int, serial: int) -> str:
    """The hash of the transaction that a world thought of as its n-th."""
    return hash_of(seed, "transaction", serial)


def execute(world: World, transaction: Transaction) -> list[Event | UndecodedLog] | None:
    """Run a transaction on the world: its logs, or None when nothing of it succeeded."""
    logs: list[Event | UndecodedLog] = []
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
