"""Prediction markets on a season's players: factory, manager and pools."""

from schema.events.event import Event


class MarketCreated(Event, frozen=True):
    """A market on whether `player` wins the season."""

    emitted_by = "market_factory"
    signature = (
        "MarketCreated(uint256 indexed seasonId, address indexed player, "
        "bytes32 marketType, bytes32 conditionId, address fpmmAddress)"
    )

    season_id: int
    player: str
    market_type: str
    condition_id: str
    fpmm_address: str


class MarketCreationFailed(Event, frozen=True):
    """No market; says why."""

    emitted_by = "market_factory"
    signature = (
        "MarketCreationFailed(uint256 indexed seasonId, address indexed player, "
        "bytes32 indexed marketType, string reason)"
    )

    season_id: int
    player: str
    market_type: str
    reason: str


class MarketStatusChanged(Event, frozen=True):
    """The state of a market's creation."""

    emitted_by = "market_factory"
    signature = (
        "MarketStatusChanged(uint256 indexed seasonId, address indexed player, "
        "uint8 oldStatus, uint8 newStatus, string reason)"
    )

    season_id: int
    player: str
    old_status: int
    new_status: int
    reason: str


class ProbabilityUpdated(Event, frozen=True):
    """A player's chance crossed a threshold, in basis points."""

    emitted_by = "market_factory"
    signature = (
        "ProbabilityUpdated(uint256 indexed seasonId, address indexed player, "
        "uint256 oldProbabilityBps, uint256 newProbabilityBps)"
    )

    season_id: int
    player: str
    old_probability_bps: int
    new_probability_bps: int


class SeasonMarketsResolved(Event, frozen=True):
    """All markets of the season are settled."""

    emitted_by = "market_factory"
    signature = (
        "SeasonMarketsResolved(uint256 indexed seasonId, address indexed winner, "
        "uint256 marketCount)"
    )

    season_id: int
    winner: str
    market_count: int


class TreasuryLow(Event, frozen=True):
    """The treasury cannot seed another market, in wei."""

    emitted_by = "market_factory"
    signature = "TreasuryLow(uint256 currentBalance, uint256 requiredPerMarket)"

    current_balance: int
    required_per_market: int


class FpmmMarketCreated(Event, frozen=True):
    """The pool of a market and its liquidity token."""

    emitted_by = "market_manager"
    signature = (
        "MarketCreated(uint256 indexed seasonId, address indexed player, "
        "address indexed fpmm, bytes32 conditionId, address lpToken)"
    )

    season_id: int
    player: str
    fpmm: str
    condition_id: str
    lp_token: str


class Trade(Event, frozen=True):
    """Outcome tokens traded. Bought or sold is told by the SOF transfer beside it."""

    emitted_by = "market"
    signature = "Trade(address indexed trader, bool buyYes, uint256 amountIn, uint256 amountOut)"

    trader: str
    buy_yes: bool
    amount_in: int
    amount_out: int


class LiquidityAdded(Event, frozen=True):
    """Liquidity added, in wei."""

    emitted_by = "market"
    signature = "LiquidityAdded(address indexed provider, uint256 amount, uint256 lpTokens)"

    provider: str
    amount: int
    lp_tokens: int


class LiquidityRemoved(Event, frozen=True):
    """Liquidity removed, in wei."""

    emitted_by = "market"
    signature = "LiquidityRemoved(address indexed provider, uint256 lpTokens, uint256 amount)"

    provider: str
    lp_tokens: int
    amount: int
