"""How prediction markets are settled and priced."""

from schema.events.event import Event


class ConditionPrepared(Event, frozen=True):
    """The condition that a market is settled by."""

    emitted_by = "oracle_adapter"
    signature = (
        "ConditionPrepared(uint256 indexed seasonId, address indexed player, "
        "bytes32 indexed conditionId, bytes32 questionId)"
    )

    season_id: int
    player: str
    condition_id: str
    question_id: str


class ConditionResolved(Event, frozen=True):
    """How the condition was settled."""

    emitted_by = "oracle_adapter"
    signature = (
        "ConditionResolved(bytes32 indexed conditionId, uint256 indexed seasonId, "
        "address indexed player, bool playerWon, uint256[] payouts)"
    )

    condition_id: str
    season_id: int
    player: str
    player_won: bool
    payouts: tuple[int, ...]


class PriceUpdated(Event, frozen=True):
    """Raffle, market and mixed probability, in basis points."""

    emitted_by = "price_oracle"
    signature = (
        "PriceUpdated(address indexed fpmmAddress, uint256 raffleBps, uint256 marketBps, "
        "uint256 hybridBps, uint256 timestamp)"
    )

    fpmm_address: str
    raffle_bps: int
    market_bps: int
    hybrid_bps: int
    timestamp: int


class WeightsUpdated(Event, frozen=True):
    """How the mixed probability is weighed, in basis points."""

    emitted_by = "price_oracle"
    signature = "WeightsUpdated(uint256 raffleWeightBps, uint256 marketWeightBps)"

    raffle_weight_bps: int
    market_weight_bps: int
