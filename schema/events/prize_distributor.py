"""Prizes: set up, funded, sponsored and claimed."""

from schema.events.event import Event


class TiersConfigured(Event, frozen=True):
    """How many prize tiers and winners a season has."""

    emitted_by = "prize_distributor"
    signature = "TiersConfigured(uint256 indexed seasonId, uint256 tierCount, uint256 totalWinners)"

    season_id: int
    tier_count: int
    total_winners: int


class SeasonConfigured(Event, frozen=True):
    """Prize amounts of a season, in wei."""

    emitted_by = "prize_distributor"
    signature = (
        "SeasonConfigured(uint256 indexed seasonId, address indexed token, "
        "address indexed grandWinner, uint256 grandAmount, uint256 consolationAmount, "
        "uint256 totalParticipants)"
    )

    season_id: int
    token: str
    grand_winner: str
    grand_amount: int
    consolation_amount: int
    total_participants: int


class SeasonFunded(Event, frozen=True):
    """The prizes are paid in, in wei."""

    emitted_by = "prize_distributor"
    signature = "SeasonFunded(uint256 indexed seasonId, uint256 amount)"

    season_id: int
    amount: int


class TierWinnersSet(Event, frozen=True):
    """Winners of the tiers are recorded."""

    emitted_by = "prize_distributor"
    signature = "TierWinnersSet(uint256 indexed seasonId, uint256 tierCount)"

    season_id: int
    tier_count: int


class ConsolationEligibilitySet(Event, frozen=True):
    """How many may claim a consolation prize."""

    emitted_by = "prize_distributor"
    signature = "ConsolationEligibilitySet(uint256 indexed seasonId, uint256 participantCount)"

    season_id: int
    participant_count: int


class SponsorshipsLocked(Event, frozen=True):
    """No more sponsored prizes."""

    emitted_by = "prize_distributor"
    signature = "SponsorshipsLocked(uint256 indexed seasonId)"

    season_id: int


class GrandClaimed(Event, frozen=True):
    """The grand prize left the distributor, in wei."""

    emitted_by = "prize_distributor"
    signature = "GrandClaimed(uint256 indexed seasonId, address indexed winner, uint256 amount)"

    season_id: int
    winner: str
    amount: int


class ConsolationClaimed(Event, frozen=True):
    """A consolation prize was taken, or rolled over: then nothing reached the wallet."""

    emitted_by = "prize_distributor"
    signature = (
        "ConsolationClaimed(uint256 indexed seasonId, address indexed account, uint256 amount)"
    )

    season_id: int
    account: str
    amount: int


class ConsolationDustSwept(Event, frozen=True):
    """What division left over, in wei."""

    emitted_by = "prize_distributor"
    signature = (
        "ConsolationDustSwept(uint256 indexed seasonId, address indexed recipient, uint256 amount)"
    )

    season_id: int
    recipient: str
    amount: int


class ERC20Sponsored(Event, frozen=True):
    """A token prize was added, in the token's smallest unit."""

    emitted_by = "prize_distributor"
    signature = (
        "ERC20Sponsored(uint256 indexed seasonId, address indexed sponsor, "
        "address indexed token, uint256 amount)"
    )

    season_id: int
    sponsor: str
    token: str
    amount: int


class ERC721Sponsored(Event, frozen=True):
    """An NFT prize was added."""

    emitted_by = "prize_distributor"
    signature = (
        "ERC721Sponsored(uint256 indexed seasonId, address indexed sponsor, "
        "address indexed token, uint256 tokenId)"
    )

    season_id: int
    sponsor: str
    token: str
    token_id: int


class SponsoredERC20Claimed(Event, frozen=True):
    """A sponsored token prize was claimed."""

    emitted_by = "prize_distributor"
    signature = (
        "SponsoredERC20Claimed(uint256 indexed seasonId, address indexed winner, "
        "address indexed token, uint256 amount)"
    )

    season_id: int
    winner: str
    token: str
    amount: int


class SponsoredERC721Claimed(Event, frozen=True):
    """A sponsored NFT prize was claimed."""

    emitted_by = "prize_distributor"
    signature = (
        "SponsoredERC721Claimed(uint256 indexed seasonId, address indexed winner, "
        "address indexed token, uint256 tokenId)"
    )

    season_id: int
    winner: str
    token: str
    token_id: int
