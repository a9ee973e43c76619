"""Chains of box raffles made up at random, and a fold of them that shares no code with ours.

They do whatever the events allow: boxes are sold again, winners bought nothing, draws last for
blocks. What the read models say of it must all the same follow from the log's order alone.
"""

import random
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from eth_hash.auto import keccak

from schema.events import Event, Header, UndecodedLog
from schema.events.box_raffle import (
    BoxPurchased,
    RaffleCancelled,
    RaffleCreated,
    RaffleFull,
    WinnerSelected,
)
from tests.projections.tape import Block, Tape

_PEOPLE = [f"0x{number:040x}" for number in range(1, 8)]
_NUMBERS = [0, 1, 2, 3, 4, 5, 2**64, 2**256 - 1]
_REORG_SHARE = 0.15
_REORG_DEPTH_MAX = 5


def made_up_tape(seed: int, chain_id: int, blocks: int) -> Tape:
    """A chain as its head saw it: about so many blocks, those that it left again included.

    It ends with its highest block, as a tape must.
    """
    chance = random.Random(f"{seed}/{chain_id}")
    contract = f"0x{chain_id:040x}"
    seen: list[Block] = [Block(0, _hash(chain_id, 0), "0x" + "00" * 32, 0, (), ())]
    branch = list(seen)
    while len(seen) < blocks or branch[-1].number < max(block.number for block in seen):
        may_leave = len(seen) < blocks and len(branch) > _REORG_DEPTH_MAX
        if may_leave and chance.random() < _REORG_SHARE:
            del branch[-chance.randint(1, _REORG_DEPTH_MAX) :]
        parent = branch[-1]
        block_hash, number = _hash(chain_id, len(seen)), parent.number + 1
        raffles = sum(isinstance(e, RaffleCreated) for block in branch for e in block.events)
        header = (chain_id, number, block_hash, 2 * number)
        events = tuple(_events(chance, header, contract, raffles))
        branch.append(Block(number, block_hash, parent.hash, 2 * number, events, ()))
        seen.append(branch[-1])
    return Tape(chain_id, tuple(seen), {contract: "box_raffle"})


def _hash(*label: object) -> str:
    return "0x" + keccak(repr(label).encode()).hex()


def _events(
    chance: random.Random, header: tuple[int, int, str, int], contract: str, raffles: int
) -> Iterator[Event]:
    """Some events in a few transactions; raffles are numbered as they are created."""
    for log_index in range(chance.choice((0, 1, 3, 9))):
        tx_index = log_index // 3
        place: Header = (*header, _hash(*header, tx_index), tx_index, log_index, contract)
        kinds = [_create] if not raffles else [_create, *[_buy] * 8, _fill, *[_draw] * 2, _cancel]
        kind = chance.choice(kinds)
        raffles += kind is _create
        yield kind(chance, place, raffles if kind is _create else chance.randint(1, raffles))


def _create(chance: random.Random, place: Header, raffle: int) -> Event:
    terms = (chance.choice(_NUMBERS), chance.randrange(2**200), chance.choice(_NUMBERS))
    return RaffleCreated(*place, raffle, chance.choice(_PEOPLE), *terms)


def _buy(chance: random.Random, place: Header, raffle: int) -> Event:
    number, price = chance.choice(_NUMBERS), chance.randrange(2**100)
    return BoxPurchased(*place, raffle, chance.choice(_PEOPLE), number, price)


def _fill(_: random.Random, place: Header, raffle: int) -> Event:
    return RaffleFull(*place, raffle)


def _draw(chance: random.Random, place: Header, raffle: int) -> Event:
    return WinnerSelected(*place, raffle, chance.choice(_PEOPLE), chance.choice(_NUMBERS))


def _cancel(_: random.Random, place: Header, raffle: int) -> Event:
    return RaffleCancelled(*place, raffle)


class Books(NamedTuple):
    """What the events of some deployments come to.

    Keys and winners begin with deployment and raffle; but a seller's is deployment and seller.
    """

    raffles: dict[tuple[str, int], dict[str, Any]]
    boxes: dict[tuple[str, int, int], tuple[Any, ...]]
    winners: list[tuple[Any, ...]]
    participants: dict[tuple[str, int, str], dict[str, Any]]
    sellers: dict[tuple[str, str], dict[str, Any]]


def fold(events_of: Mapping[str, Iterable[Event | UndecodedLog]]) -> Books:
    """Keep the books of these deployments, one event after the other."""
    books = Books({}, {}, [], {}, {})
    for deployment, events in events_of.items():
        for event in events:
            _post(books, deployment, event)
    return books


def _post(books: Books, deployment: str, event: Any) -> None:
    key, place = (deployment, event.raffle_id), (event.block_number, event.log_index)
    if isinstance(event, RaffleCreated):
        books.raffles[key] = {
            "seller": event.seller,
            "total_boxes": event.total_boxes,
            "box_price_wei": event.box_price,
            "winner_count": event.winner_count,
            "status": "open",
            "boxes_sold": 0,
            "proceeds_wei": 0,
            "full_block": None,
            "closed_block": None,
        }
    raffle = books.raffles[key]
    sales = books.sellers.setdefault(
        (deployment, raffle["seller"]),
        {"raffles": 0, "cancelled": 0, "boxes_sold": 0, "proceeds_wei": 0},
    )
    match event:
        case RaffleCreated():
            sales["raffles"] += 1
        case BoxPurchased():
            books.boxes[*key, event.box_number] = (event.buyer, event.price, *place)
            for seller_or_raffle in (raffle, sales):
                seller_or_raffle["boxes_sold"] += 1
                seller_or_raffle["proceeds_wei"] += event.price
            taking = _participant(books, (*key, event.buyer))
            taking["boxes"] += 1
            taking["spent_wei"] += event.price
            taking["block_number"], taking["log_index"] = place
        case RaffleFull():
            raffle |= {"status": "full", "full_block": event.block_number}
        case WinnerSelected():
            raffle |= {"status": "drawn", "closed_block": event.block_number}
            books.winners.append((*key, *place, event.box_number, event.winner))
            _participant(books, (*key, event.winner))["won"] += 1
        case RaffleCancelled():
            raffle |= {"status": "cancelled", "closed_block": event.block_number}
            sales["cancelled"] += 1


def _participant(books: Books, key: tuple[str, int, str]) -> dict[str, Any]:
    nothing = {"boxes": 0, "spent_wei": 0, "won": 0, "block_number": None, "log_index": None}
    return books.participants.setdefault(key, nothing)
