"""What the simulated contract of box raffles holds: raffles, their boxes, and who won.

This is the world's own truth, kept as it goes. It knows nothing of how the project folds events,
so read models can be compared with it.
"""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum, auto
from typing import Any, NamedTuple

import msgspec

from scripts.simulate.deployment import CHAIN_ID, Operators, address_of, operators_of


class BoxContracts(msgspec.Struct, frozen=True):
    """The contract of one deployment; the field is the key of its configuration."""

    box_raffle: str


class Status(StrEnum):
    """What has become of a raffle."""

    OPEN = auto()
    FULL = auto()
    DRAWN = auto()
    CANCELLED = auto()


class Box(NamedTuple):
    """A sold box; the price in wei."""

    player: str
    price: int
    block_number: int


class Terms(NamedTuple):
    """What a raffle is created with; the price in wei."""

    seller: str
    total_boxes: int
    box_price: int
    winner_count: int


class BoxRaffle:
    """One raffle: its sold boxes by number, and the numbers that won, in the order drawn."""

    def __init__(self, raffle_id: int, terms: Terms) -> None:
        self.raffle_id = raffle_id
        self.terms = terms
        self.status = Status.OPEN
        self.boxes: dict[int, Box] = {}
        self.winners: list[int] = []

    @property
    def is_open(self) -> bool:
        """Whether boxes can be bought."""
        return self.status is Status.OPEN


class BoxWorld:
    """Everything the contract of one deployment holds, at the block being made."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.contracts = BoxContracts(address_of(seed, "box_raffle"))
        self.operators: Operators = operators_of(seed)
        self.block_number = 0
        self.block_time = 0
        self.raffles: dict[int, BoxRaffle] = {}

    def truth(self) -> dict[str, Any]:
        """What the contract holds now; integers beyond 64 bits are decimal strings."""
        raffles = self.raffles.values()
        sellers = {raffle.terms.seller for raffle in raffles}
        return {
            "chainId": CHAIN_ID,
            "boxRaffles": {str(raffle.raffle_id): _raffle(raffle) for raffle in raffles},
            "boxSellers": {
                seller: _sales(raffle for raffle in raffles if raffle.terms.seller == seller)
                for seller in sellers
            },
        }


def _raffle(raffle: BoxRaffle) -> dict[str, Any]:
    terms = raffle.terms
    return {
        "seller": terms.seller,
        "totalBoxes": terms.total_boxes,
        "boxPrice": str(terms.box_price),
        "winnerCount": terms.winner_count,
        "status": str(raffle.status),
        "boxesSold": len(raffle.boxes),
        "proceeds": str(_proceeds(raffle)),
        "boxes": {
            str(number): {**box._asdict(), "price": str(box.price)}
            for number, box in raffle.boxes.items()
        },
        "winners": [
            {"player": raffle.boxes[number].player, "boxNumber": number}
            for number in raffle.winners
        ],
        "participants": _participants(raffle),
    }


def _participants(raffle: BoxRaffle) -> dict[str, dict[str, Any]]:
    bought: Counter[str] = Counter()
    spent: Counter[str] = Counter()
    for box in raffle.boxes.values():
        bought[box.player] += 1
        spent[box.player] += box.price
    won = Counter(raffle.boxes[number].player for number in raffle.winners)
    return {
        player: {"boxes": boxes, "spent": str(spent[player]), "won": won[player]}
        for player, boxes in bought.items()
    }


def _sales(raffles: Iterable[BoxRaffle]) -> dict[str, Any]:
    listed = list(raffles)
    return {
        "raffles": len(listed),
        "cancelled": sum(raffle.status is Status.CANCELLED for raffle in listed),
        "boxesSold": sum(len(raffle.boxes) for raffle in listed),
        "proceeds": str(sum(map(_proceeds, listed))),
    }


def _proceeds(raffle: BoxRaffle) -> int:
    return sum(box.price for box in raffle.boxes.values())
