"""Operations on box raffles: create, buy, draw, cancel. Log orders are the contract's."""

from collections.abc import Sequence

from schema.events import Event, UndecodedLog
from schema.events.box_raffle import (
    BoxPurchased,
    RaffleCancelled,
    RaffleCreated,
    RaffleFull,
    WinnerSelected,
)
from scripts.simulate.box_world import Box, BoxRaffle, BoxWorld, Status, Terms
from scripts.simulate.deployment import emitted_by, hash_of, role_granted
from scripts.simulate.state import RevertedError

Logs = list[Event | UndecodedLog]


def set_up(world: BoxWorld) -> Logs:
    """The deployer may administer the contract."""
    deployer = world.operators.deployer
    return [role_granted(world.contracts.box_raffle, deployer, deployer)]


def create(world: BoxWorld, raffle_id: int, terms: Terms) -> Logs:
    """A raffle, open at once."""
    if raffle_id != len(world.raffles) + 1:
        raise RevertedError
    world.raffles[raffle_id] = BoxRaffle(raffle_id, terms)
    return [RaffleCreated(*emitted_by(world.contracts.box_raffle), raffle_id, *terms)]


def buy(world: BoxWorld, raffle_id: int, player: str, numbers: Sequence[int]) -> Logs:
    """Boxes of one raffle, all or none; the first tenth of a raffle's is a tenth cheaper."""
    raffle = _raffle(world, raffle_id)
    terms = raffle.terms
    is_offered = all(0 < number <= terms.total_boxes for number in numbers)
    if not raffle.is_open or not is_offered or not raffle.boxes.keys().isdisjoint(numbers):
        raise RevertedError
    contract = emitted_by(world.contracts.box_raffle)
    logs: Logs = []
    for number in numbers:
        is_early = len(raffle.boxes) < terms.total_boxes // 10
        price = terms.box_price * 9 // 10 if is_early else terms.box_price
        raffle.boxes[number] = Box(player, price, world.block_number)
        logs.append(BoxPurchased(*contract, raffle_id, player, number, price))
    if len(raffle.boxes) == terms.total_boxes:
        raffle.status = Status.FULL
        logs.append(RaffleFull(*contract, raffle_id))
    return logs


def draw(world: BoxWorld, raffle_id: int) -> Logs:
    """Different boxes win, each as likely as any other, by the seed's random words."""
    raffle = _raffle(world, raffle_id)
    if raffle.status is not Status.FULL:
        raise RevertedError
    raffle.status = Status.DRAWN
    numbers = sorted(raffle.boxes)
    for turn in range(min(raffle.terms.winner_count, len(numbers))):
        words = int(hash_of(world.seed, "box", raffle_id, turn), 16)
        raffle.winners.append(numbers.pop(words % len(numbers)))
    contract = emitted_by(world.contracts.box_raffle)
    return [
        WinnerSelected(*contract, raffle_id, raffle.boxes[number].player, number)
        for number in raffle.winners
    ]


def cancel(world: BoxWorld, raffle_id: int) -> Logs:
    """A raffle is given up before it is drawn."""
    raffle = _raffle(world, raffle_id)
    if raffle.status not in (Status.OPEN, Status.FULL):
        raise RevertedError
    raffle.status = Status.CANCELLED
    return [RaffleCancelled(*emitted_by(world.contracts.box_raffle), raffle_id)]


def _raffle(world: BoxWorld, raffle_id: int) -> BoxRaffle:
    if raffle_id not in world.raffles:
        raise RevertedError
    return world.raffles[raffle_id]
