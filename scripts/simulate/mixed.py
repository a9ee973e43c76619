"""Several families on one chain: their stories side by side, each in a world of its own."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scripts.simulate.deployment import Operators
from scripts.simulate.transaction import Logs, Operation, Story, Transaction, World


class MixedWorld:
    """The worlds of several families, which share blocks and operators."""

    def __init__(self, parts: Sequence[World]) -> None:
        self.parts = parts

    @property
    def seed(self) -> int:
        """Of all of them."""
        return self.parts[0].seed

    @property
    def operators(self) -> Operators:
        """Of all of them."""
        return self.parts[0].operators

    @property
    def block_number(self) -> int:
        """Of the block being made."""
        return self.parts[0].block_number

    @block_number.setter
    def block_number(self, number: int) -> None:
        for part in self.parts:
            part.block_number = number

    @property
    def block_time(self) -> int:
        """Of the block being made, in Unix seconds."""
        return self.parts[0].block_time

    @block_time.setter
    def block_time(self, time: int) -> None:
        for part in self.parts:
            part.block_time = time


class MixedStory:
    """The transactions of several stories, one story's after another's in each block."""

    def __init__(self, stories: Sequence[Story]) -> None:
        self._stories = stories

    @property
    def world(self) -> MixedWorld:
        """What the stories decide by."""
        return MixedWorld([story.world for story in self._stories])

    @world.setter
    def world(self, world: MixedWorld) -> None:
        for story, part in zip(self._stories, world.parts, strict=True):
            story.world = part

    @property
    def contracts(self) -> Mapping[str, str]:
        """All families' contracts: no two families have a key in common."""
        return {key: at for story in self._stories for key, at in story.contracts.items()}

    @property
    def is_over(self) -> bool:
        """Whether all of them are."""
        return all(story.is_over for story in self._stories)

    def truth(self) -> dict[str, Any]:
        """What all contracts hold."""
        return {key: value for story in self._stories for key, value in story.truth().items()}

    def call(self, world: MixedWorld, contract: str, data: bytes) -> bytes:
        """What the view function returns, of whichever story the contract is."""
        parts = zip(self._stories, world.parts, strict=True)
        return b"".join(story.call(part, contract, data) for story, part in parts)

    def transactions(self) -> Iterator[Transaction]:
        """The next block's; each is to be executed before the next one is asked for."""
        for place, story in enumerate(self._stories):
            for transaction in story.transactions():
                operations = [Operation(_act, (place, each)) for each in transaction.operations]
                yield transaction._replace(operations=operations)


def _act(world: MixedWorld, place: int, operation: Operation) -> Logs:
    """Run the operation of one story on its part of the world."""
    return operation.act(world.parts[place], *operation.arguments)
