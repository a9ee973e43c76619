"""Consolation prizes carried into a later season."""

from schema.events.event import Event


class CohortOpened(Event, frozen=True):
    """Deposits of this season are open; `bonus_bps` in basis points."""

    emitted_by = "rollover_escrow"
    signature = "CohortOpened(uint256 indexed seasonId, uint16 bonusBps)"

    season_id: int
    bonus_bps: int


class CohortActivated(Event, frozen=True):
    """Deposits may be spent in the next season."""

    emitted_by = "rollover_escrow"
    signature = (
        "CohortActivated(uint256 indexed seasonId, uint256 indexed nextSeasonId, "
        "address indexed bondingCurve)"
    )

    season_id: int
    next_season_id: int
    bonding_curve: str


class CohortClosed(Event, frozen=True):
    """Spending is over."""

    emitted_by = "rollover_escrow"
    signature = "CohortClosed(uint256 indexed seasonId)"

    season_id: int


class RolloverDeposit(Event, frozen=True):
    """A consolation prize was carried over, in wei."""

    emitted_by = "rollover_escrow"
    signature = "RolloverDeposit(address indexed user, uint256 indexed seasonId, uint256 amount)"

    user_address: str
    season_id: int
    amount: int


class RolloverSpend(Event, frozen=True):
    """Tickets of the next season were bought from the escrow, base and bonus in wei."""

    emitted_by = "rollover_escrow"
    signature = (
        "RolloverSpend(address indexed user, uint256 indexed seasonId, "
        "uint256 indexed nextSeasonId, uint256 baseAmount, uint256 bonusAmount)"
    )

    user_address: str
    season_id: int
    next_season_id: int
    base_amount: int
    bonus_amount: int


class RolloverRefund(Event, frozen=True):
    """What was left went back to the player, in wei."""

    emitted_by = "rollover_escrow"
    signature = "RolloverRefund(address indexed user, uint256 indexed seasonId, uint256 amount)"

    user_address: str
    season_id: int
    amount: int
