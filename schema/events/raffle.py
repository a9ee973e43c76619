"""The raffle itself: the life of a season, and its own account of every position."""

from schema.events.event import Event


class SeasonCreated(Event, frozen=True):
    """A season exists; its curve and token were announced earlier in this transaction."""

    emitted_by = "raffle"
    signature = (
        "SeasonCreated(uint256 indexed seasonId, string name, uint256 startTime, "
        "uint256 endTime, address raffleToken, address bondingCurve)"
    )

    season_id: int
    name: str
    start_time: int
    end_time: int
    raffle_token: str
    bonding_curve: str


class SeasonStarted(Event, frozen=True):
    """Trading is open."""

    emitted_by = "raffle"
    signature = "SeasonStarted(uint256 indexed seasonId)"

    season_id: int


class SeasonLocked(Event, frozen=True):
    """Trading is over."""

    emitted_by = "raffle"
    signature = "SeasonLocked(uint256 indexed seasonId)"

    season_id: int


class SeasonSnapshotted(Event, frozen=True):
    """keccak256(abi.encode(address[] participants, uint256[] tickets)) at the lock."""

    emitted_by = "raffle"
    signature = "SeasonSnapshotted(uint256 indexed seasonId, bytes32 snapshotHash)"

    season_id: int
    snapshot_hash: str


class SeasonEndRequested(Event, frozen=True):
    """Randomness was asked for; the status on chain is then already VRF-pending."""

    emitted_by = "raffle"
    signature = "SeasonEndRequested(uint256 indexed seasonId, uint256 vrfRequestId)"

    season_id: int
    vrf_request_id: int


class SeasonReadyToFinalize(Event, frozen=True):
    """The random words are in; anybody may finalize."""

    emitted_by = "raffle"
    signature = "SeasonReadyToFinalize(uint256 indexed seasonId)"

    season_id: int


class VRFFulfilled(Event, frozen=True):
    """The random words arrived."""

    emitted_by = "raffle"
    signature = "VRFFulfilled(uint256 indexed seasonId, uint256 indexed requestId)"

    season_id: int
    request_id: int


class WinnersSelected(Event, frozen=True):
    """The winners, first prize first."""

    emitted_by = "raffle"
    signature = "WinnersSelected(uint256 indexed seasonId, address[] winners)"

    season_id: int
    winners: tuple[str, ...]


class SeasonCompleted(Event, frozen=True):
    """Prizes can be claimed."""

    emitted_by = "raffle"
    signature = "SeasonCompleted(uint256 indexed seasonId)"

    season_id: int


class SeasonCancelled(Event, frozen=True):
    """The season ended without winners; sells go on after it."""

    emitted_by = "raffle"
    signature = "SeasonCancelled(uint256 indexed seasonId)"

    season_id: int


class SofCurveRegistered(Event, frozen=True):
    """The curve may report positions."""

    emitted_by = "raffle"
    signature = "SofCurveRegistered(address indexed curve)"

    curve: str


class ParticipantAdded(Event, frozen=True):
    """A player joined: tickets were zero before."""

    emitted_by = "raffle"
    signature = (
        "ParticipantAdded(uint256 indexed seasonId, address participant, uint256 tickets, "
        "uint256 totalTickets)"
    )

    season_id: int
    participant: str
    tickets: int
    total_tickets: int


class ParticipantUpdated(Event, frozen=True):
    """A player who holds tickets bought more."""

    emitted_by = "raffle"
    signature = (
        "ParticipantUpdated(uint256 indexed seasonId, address participant, "
        "uint256 newTickets, uint256 totalTickets)"
    )

    season_id: int
    participant: str
    new_tickets: int
    total_tickets: int


class ParticipantRemoved(Event, frozen=True):
    """Fires on every sell, partial ones too."""

    emitted_by = "raffle"
    signature = (
        "ParticipantRemoved(uint256 indexed seasonId, address participant, uint256 totalTickets)"
    )

    season_id: int
    participant: str
    total_tickets: int


class RafflePositionUpdate(Event, frozen=True):
    """The raffle's copy of the curve's PositionUpdate: the cross-check, never counted."""

    emitted_by = "raffle"
    signature = (
        "PositionUpdate(uint256 indexed seasonId, address indexed player, "
        "uint256 oldTickets, uint256 newTickets, uint256 totalTickets)"
    )

    season_id: int
    player: str
    old_tickets: int
    new_tickets: int
    total_tickets: int


class PrizeDistributionSetup(Event, frozen=True):
    """The prize distributor of the season."""

    emitted_by = "raffle"
    signature = "PrizeDistributionSetup(uint256 indexed seasonId, address merkleDistributor)"

    season_id: int
    merkle_distributor: str


class PrizeDistributionFailed(Event, frozen=True):
    """Prizes could not be set up; says why."""

    emitted_by = "raffle"
    signature = "PrizeDistributionFailed(uint256 indexed seasonId, string reason)"

    season_id: int
    reason: str
