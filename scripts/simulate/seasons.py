"""Operations on seasons: create, start, end, finalize, cancel. Log orders are the contracts'."""

from typing import NamedTuple

from eth_abi.abi import encode as abi_encode
from eth_hash.auto import keccak

from schema.events.curve import (
    CurveInitialized,
    SofExtracted,
    TradingLockedEvent,
    TradingUnlockedSellOnly,
)
from schema.events.prize_distributor import (
    SeasonConfigured,
    SeasonFunded,
    SponsorshipsLocked,
    TiersConfigured,
    TierWinnersSet,
)
from schema.events.raffle import (
    PrizeDistributionSetup,
    SeasonCancelled,
    SeasonCompleted,
    SeasonCreated,
    SeasonEndRequested,
    SeasonLocked,
    SeasonReadyToFinalize,
    SeasonSnapshotted,
    SeasonStarted,
    SofCurveRegistered,
    VRFFulfilled,
    WinnersSelected,
)
from schema.events.rollover_escrow import CohortOpened
from schema.events.season_factory import SeasonContractsDeployed
from scripts.simulate.deployment import (
    RANDOM_WORDS_REQUESTED,
    address_of,
    emitted_by,
    foreign,
    hash_of,
    role_granted,
)
from scripts.simulate.state import BPS, Cohort, Curve, RevertedError, Season, Status, World
from scripts.simulate.trading import Logs, moved_sof

GRAND_PRIZE_BPS = 6_500
ROLLOVER_BONUS_BPS = 600
DAY_SECONDS = 86_400
TIERS = 2


class Terms(NamedTuple):
    """What a season is created with."""

    name: str
    winner_count: int
    curve: Curve


def create(world: World, season_id: int, terms: Terms) -> Logs:
    """A season with its own curve and token, whose first logs precede their announcement."""
    if season_id != len(world.seasons) + 1:
        raise RevertedError
    token = address_of(world.seed, "raffle token", season_id)
    curve = address_of(world.seed, "curve", season_id)
    season = Season(season_id, name=terms.name, token=token, address=curve, curve=terms.curve)
    season.winner_count = terms.winner_count
    season.start_time, season.end_time = world.block_time, world.block_time + 14 * DAY_SECONDS
    world.seasons[season_id] = world.living[season_id] = season
    return [*_deployment_logs(world, season), *_creation_logs(world, season)]


def _deployment_logs(world: World, season: Season) -> Logs:
    contracts, token, curve = world.contracts, season.raffle_token, season.curve_address
    factory = contracts.season_factory
    return [
        role_granted(token, factory, factory),
        role_granted(curve, factory, factory),
        role_granted(curve, contracts.raffle, factory),
        CurveInitialized(*emitted_by(curve), token, season.curve.steps),
        role_granted(token, curve, factory),
        SofCurveRegistered(*emitted_by(contracts.raffle), curve),
        SeasonContractsDeployed(*emitted_by(factory), season.season_id, token, curve),
    ]


def _creation_logs(world: World, season: Season) -> Logs:
    number, winners = season.season_id, season.winner_count
    distributor = emitted_by(world.contracts.prize_distributor)
    tiers = [TiersConfigured(*distributor, number, TIERS, winners)] if winners > 1 else []
    times = (season.start_time, season.end_time)
    addresses = (season.raffle_token, season.curve_address)
    raffle = emitted_by(world.contracts.raffle)
    return [*tiers, SeasonCreated(*raffle, number, season.name, *times, *addresses)]


def start(world: World, season_id: int) -> Logs:
    """Trading opens."""
    season = world.season(season_id)
    _require(season, Status.NOT_STARTED)
    season.status = Status.ACTIVE
    return [SeasonStarted(*emitted_by(world.contracts.raffle), season_id)]


def request_end(world: World, season_id: int) -> Logs:
    """Trading is locked, the participants are fixed, and randomness is asked for."""
    season = world.season(season_id)
    _require(season, Status.ACTIVE)
    season.status, season.is_locked = Status.VRF_PENDING, True
    season.snapshot = snapshot_hash(season)
    season.prize_pool = season.reserves
    world.requests += 1
    season.request_id = world.requests
    raffle = emitted_by(world.contracts.raffle)
    return [
        TradingLockedEvent(*emitted_by(season.curve_address), world.block_time),
        SeasonLocked(*raffle, season_id),
        SeasonSnapshotted(*raffle, season_id, season.snapshot),
        foreign(world.operators.randomness, RANDOM_WORDS_REQUESTED),
        SeasonEndRequested(*raffle, season_id, season.request_id),
    ]


def snapshot_hash(season: Season) -> str:
    """keccak256(abi.encode(address[] participants, uint256[] tickets)), in the contract's order."""
    tickets = [season.holdings[player].tickets for player in season.participants]
    encoded = abi_encode(["address[]", "uint256[]"], [season.participants, tickets])
    return "0x" + keccak(encoded).hex()


def fulfil(world: World, season_id: int) -> Logs:
    """The random words arrive."""
    season = world.season(season_id)
    _require(season, Status.VRF_PENDING)
    season.status = Status.DISTRIBUTING
    raffle = emitted_by(world.contracts.raffle)
    return [
        VRFFulfilled(*raffle, season_id, season.request_id),
        SeasonReadyToFinalize(*raffle, season_id),
    ]


def finalize(world: World, season_id: int) -> Logs:
    """Winners are drawn and the prizes funded; a season that nobody entered has neither."""
    season, contracts = world.season(season_id), world.contracts
    _require(season, Status.DISTRIBUTING)
    season.status = Status.COMPLETED
    del world.living[season_id]
    season.winners = _draw(world.seed, season)
    world.cohorts[season_id] = Cohort()
    raffle = emitted_by(contracts.raffle)
    opened = emitted_by(contracts.rollover_escrow)
    return [
        WinnersSelected(*raffle, season_id, season.winners),
        *(_funding_logs(world, season) if season.winners else []),
        CohortOpened(*opened, season_id, ROLLOVER_BONUS_BPS),
        PrizeDistributionSetup(*raffle, season_id, contracts.prize_distributor),
        SeasonCompleted(*raffle, season_id),
    ]


def _draw(seed: int, season: Season) -> tuple[str, ...]:
    """Different winners, each by tickets, from the seed's random words."""
    entries = [(player, season.holdings[player].tickets) for player in season.participants]
    winners: list[str] = []
    while entries and len(winners) < season.winner_count:
        words = int(hash_of(seed, "random words", season.season_id, len(winners)), 16)
        ticket = words % sum(tickets for _, tickets in entries)
        for at, (player, tickets) in enumerate(entries):
            ticket -= tickets
            if ticket < 0:
                winners.append(player)
                del entries[at]
                break
    return tuple(winners)


def _funding_logs(world: World, season: Season) -> Logs:
    number, pool, prizes = season.season_id, season.reserves, season.prizes
    season.reserves, season.extracted = 0, pool
    prizes.grand_winner = season.winners[0]
    prizes.grand_amount = pool * GRAND_PRIZE_BPS // BPS
    prizes.consolation_amount = pool - prizes.grand_amount
    prizes.eligible = len(season.participants)
    distributor = world.contracts.prize_distributor
    at = emitted_by(distributor)
    return [
        SeasonConfigured(
            *at,
            number,
            world.contracts.token,
            prizes.grand_winner,
            prizes.grand_amount,
            prizes.consolation_amount,
            prizes.eligible,
        ),
        moved_sof(world, season.curve_address, distributor, value=pool),
        SofExtracted(*emitted_by(season.curve_address), distributor, pool),
        SeasonFunded(*at, number, pool),
        *([TierWinnersSet(*at, number, TIERS)] if season.winner_count > 1 else []),
        SponsorshipsLocked(*at, number),
    ]


def cancel(world: World, season_id: int) -> Logs:
    """A stuck season is given up: its holders may sell, nobody may buy."""
    season = world.season(season_id)
    _require(season, Status.VRF_PENDING)
    season.status, season.is_locked = Status.CANCELLED, False
    return [
        TradingUnlockedSellOnly(*emitted_by(season.curve_address), world.block_time),
        SeasonCancelled(*emitted_by(world.contracts.raffle), season_id),
    ]


def _require(season: Season, status: Status) -> None:
    if season.status is not status:
        raise RevertedError
