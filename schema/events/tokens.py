"""The SOF token and the raffle tokens: their transfers."""

from schema.events.event import Event


class SofTransfer(Event, frozen=True):
    """SOF moved, in wei. In a purchase its sender is the payer."""

    emitted_by = "token"
    signature = "Transfer(address indexed from, address indexed to, uint256 value)"

    from_address: str
    to_address: str
    value: int


class RaffleTokenTransfer(Event, frozen=True):
    """Tickets as a token moved; that changes no position."""

    emitted_by = "raffle_token"
    signature = "Transfer(address indexed from, address indexed to, uint256 value)"

    from_address: str
    to_address: str
    value: int
