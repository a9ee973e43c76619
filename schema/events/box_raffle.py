"""The contract of the box raffles: numbered boxes at a fixed price, and some of them win."""

from schema.events.event import Event


class RaffleCreated(Event, frozen=True):
    """A seller offers boxes, at a price in wei each; so many of them will win."""

    emitted_by = "box_raffle"
    signature = (
        "RaffleCreated(uint256 indexed raffleId, address indexed seller, uint256 totalBoxes, "
        "uint256 boxPrice, uint256 winnerCount)"
    )

    raffle_id: int
    seller: str
    total_boxes: int
    box_price: int
    winner_count: int


class BoxPurchased(Event, frozen=True):
    """One box, at what was really paid for it, in wei."""

    emitted_by = "box_raffle"
    signature = (
        "BoxPurchased(uint256 indexed raffleId, address indexed buyer, uint256 boxNumber, "
        "uint256 price)"
    )

    raffle_id: int
    buyer: str
    box_number: int
    price: int


class RaffleFull(Event, frozen=True):
    """All boxes are sold; the winners are still to be drawn."""

    emitted_by = "box_raffle"
    signature = "RaffleFull(uint256 indexed raffleId)"

    raffle_id: int


class WinnerSelected(Event, frozen=True):
    """One winning box, and whose it is; there is one such event a winner."""

    emitted_by = "box_raffle"
    signature = (
        "WinnerSelected(uint256 indexed raffleId, address indexed winner, uint256 boxNumber)"
    )

    raffle_id: int
    winner: str
    box_number: int


class RaffleCancelled(Event, frozen=True):
    """The raffle is given up; nobody wins."""

    emitted_by = "box_raffle"
    signature = "RaffleCancelled(uint256 indexed raffleId)"

    raffle_id: int
