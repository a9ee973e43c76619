"""Where a season's two contracts are announced."""

from schema.events.event import Event


class SeasonContractsDeployed(Event, frozen=True):
    """A season's token and curve; their own first logs stand before this one."""

    emitted_by = "season_factory"
    signature = (
        "SeasonContractsDeployed(uint256 indexed seasonId, address indexed raffleToken, "
        "address indexed bondingCurve)"
    )

    season_id: int
    raffle_token: str
    bonding_curve: str
