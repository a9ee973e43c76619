"""A season's bonding curve: trades, and the position fact."""

from schema.events.event import Event


class CurveInitialized(Event, frozen=True):
    """The curve knows its token and its price steps."""

    emitted_by = "curve"
    signature = "CurveInitialized(address raffleToken, uint256 stepCount)"

    raffle_token: str
    step_count: int


class PositionUpdate(Event, frozen=True):
    """The position fact: what a player holds after a trade. Tickets have no decimals."""

    emitted_by = "curve"
    signature = (
        "PositionUpdate(uint256 indexed seasonId, address indexed player, "
        "uint256 oldTickets, uint256 newTickets, uint256 totalTickets, "
        "uint256 probabilityBps)"
    )

    season_id: int
    player: str
    old_tickets: int
    new_tickets: int
    total_tickets: int
    probability_bps: int


class TokensPurchased(Event, frozen=True):
    """A purchase. `sof_amount` in wei includes the fee."""

    emitted_by = "curve"
    signature = (
        "TokensPurchased(address indexed buyer, uint256 sofAmount, uint256 tokensReceived, "
        "uint256 feeAmount)"
    )

    buyer: str
    sof_amount: int
    tokens_received: int
    fee_amount: int


class TokensSold(Event, frozen=True):
    """A sale. `sof_received` in wei is net of the fee."""

    emitted_by = "curve"
    signature = (
        "TokensSold(address indexed seller, uint256 tokenAmount, uint256 sofReceived, "
        "uint256 feeAmount)"
    )

    seller: str
    token_amount: int
    sof_received: int
    fee_amount: int


class TradingLockedEvent(Event, frozen=True):
    """The curve stopped trading; `timestamp` in Unix seconds."""

    emitted_by = "curve"
    signature = "TradingLockedEvent(uint256 timestamp)"

    timestamp: int


class TradingUnlockedSellOnly(Event, frozen=True):
    """A cancelled season lets its holders out."""

    emitted_by = "curve"
    signature = "TradingUnlockedSellOnly(uint256 timestamp)"

    timestamp: int


class SofExtracted(Event, frozen=True):
    """Reserves moved to the prize distributor, in wei."""

    emitted_by = "curve"
    signature = "SofExtracted(address indexed to, uint256 amount)"

    to_address: str
    amount: int


class FeesExtracted(Event, frozen=True):
    """Fees moved to the treasury, in wei."""

    emitted_by = "curve"
    signature = "FeesExtracted(address indexed to, uint256 amount)"

    to_address: str
    amount: int
