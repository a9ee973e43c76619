"""Readings: a call of a view function, and which figures of the read models it must equal."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

import msgspec
from eth_abi.exceptions import EncodingError

from indexer.contract_reads import ContractCall
from scripts.verify_chain.findings import About
from scripts.verify_chain.views import View

Row = Mapping[str, Any]


class Figure(NamedTuple):
    """A figure of the read models, by read model and column."""

    name: str
    value: Any


class Mismatch(NamedTuple):
    """A figure that a contract answers otherwise."""

    about: About
    figure: str
    served: str
    chain: str


class Reading(NamedTuple):
    """A call, and what it must answer.

    Attributes:
        figures: by the name of the output that must equal them.
    """

    view: View
    contract: str
    arguments: tuple[Any, ...]
    about: About
    figures: Mapping[str, Figure]

    @property
    def call(self) -> ContractCall | None:
        """The call; None where the read models name something that can be no argument."""
        try:
            return ContractCall(self.contract, self.view.encode(self.arguments))
        except EncodingError:
            return None

    def __str__(self) -> str:
        return f"{self.view.name}({', '.join(map(str, self.arguments))})"

    def mismatches(self, outputs: Mapping[str, Any]) -> list[Mismatch]:
        """The figures that these outputs contradict."""
        return [
            mismatch
            for name, figure in self.figures.items()
            if outputs[name] != figure.value
            for mismatch in _told_apart(self.about, figure, outputs[name])
        ]


class Subject(NamedTuple):
    """Read models that are compared, and how.

    Attributes:
        tables: those that are read.
        select: rows of them, of one chain.
        readings: of a row.
    """

    tables: tuple[str, ...]
    select: str
    readings: Callable[[Row], Iterator[Reading]]


def _told_apart(about: About, figure: Figure, theirs: Any) -> Iterator[Mismatch]:
    """A list differs by its members, each of which is a player; anything else as a whole."""
    if not isinstance(theirs, list):
        yield Mismatch(about, figure.name, str(figure.value), str(theirs))
        return
    ours: Sequence[Any] = figure.value
    for place, (mine, other) in enumerate(zip_longest(ours, theirs, fillvalue="nobody")):
        if mine != other:
            player = mine if other == "nobody" else other
            of_player = msgspec.structs.replace(about, player=player)
            yield Mismatch(of_player, f"{figure.name}[{place}]", mine, other)
