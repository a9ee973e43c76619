"""What has to be done around the seasons: setting up, claiming prizes, carrying them over."""

import random
from collections.abc import Callable, Iterator, Sequence

from schema.events import Event, UndecodedLog
from schema.events.oracles import WeightsUpdated
from scripts.simulate import prizes
from scripts.simulate.deployment import emitted_by, role_granted
from scripts.simulate.markets import resolve_markets
from scripts.simulate.players import Players
from scripts.simulate.seasons import ROLLOVER_BONUS_BPS
from scripts.simulate.state import BPS, SOF, Season, World
from scripts.simulate.trading import approve_sof, extract_fees, mint_sof, send_sof
from scripts.simulate.transaction import Operation

# An errand is asked for its operation when its turn comes; by then it may be moot.
Errand = Callable[[World], Operation | None]

_SUPPLY = 10**15 * SOF
_PURSE = 10**7 * SOF  # nobody runs out of it
_PAID_AT_ONCE = 100
_CLAIMS_MAX = 300  # in a season
_CLAIM_SHARE, _ROLLOVER_SHARE = 0.8, 0.45
_SPEND_SHARE = 0.8


def setting_up(world: World, players: Players) -> Iterator[Operation]:
    """The deployment's first transactions: roles, the token's supply, everybody's purse."""
    deployer, contracts = world.operators.deployer, world.contracts
    for field in contracts.__struct_fields__:
        yield Operation(grant_role, (getattr(contracts, field),))
    yield Operation(set_weights, ())
    yield Operation(mint_sof, (deployer, _SUPPLY))
    yield Operation(send_sof, (deployer, [(world.operators.treasury, _SUPPLY // 1000)]))
    yield Operation(approve_sof, (world.operators.treasury, contracts.market_factory))
    addresses = players.addresses
    for first in range(0, len(addresses), _PAID_AT_ONCE):
        paid = [(address, _PURSE) for address in addresses[first : first + _PAID_AT_ONCE]]
        yield Operation(send_sof, (deployer, paid))


def grant_role(world: World, contract: str) -> list[Event | UndecodedLog]:
    """The deployer may administer a contract."""
    deployer = world.operators.deployer
    return [role_granted(contract, deployer, deployer)]


def set_weights(world: World) -> list[Event | UndecodedLog]:
    """How markets are priced."""
    return [WeightsUpdated(*emitted_by(world.contracts.price_oracle), 7000, 3000)]


def after_completion(season: Season, rng: random.Random) -> list[Errand]:
    """Everybody takes what a completed season has for them, or carries it over."""
    if not season.winners:
        return []
    number = season.season_id
    return [
        _always(Operation(prizes.set_eligibility, (number,))),
        _always(Operation(prizes.claim_grand, (number,))),
        _always(Operation(prizes.claim_sponsored, (number,))),
        _always(Operation(prizes.claim_nft, (number,))),
        *_consolations(season, rng),
        _always(Operation(resolve_markets, (number,))),
        _always(Operation(extract_fees, (number,))),
    ]


def _consolations(season: Season, rng: random.Random) -> Iterator[Errand]:
    others = [player for player in season.participants if player != season.winners[0]]
    count = min(int(len(others) * _CLAIM_SHARE), _CLAIMS_MAX)
    for player in rng.sample(others, k=count):
        carried = rng.random() < _ROLLOVER_SHARE
        act = prizes.roll_over if carried else prizes.claim_consolation
        yield _always(Operation(act, (season.season_id, player)))


def rollover(cohort_id: int, next_season_id: int, depositors: Sequence[str]) -> list[Errand]:
    """A cohort is activated; most spend half or all of it, one wants a refund, and it closes."""
    *spenders, last = depositors
    return [
        _always(Operation(prizes.activate_cohort, (cohort_id, next_season_id))),
        *(_spending(cohort_id, player, parts=1 + at % 2) for at, player in enumerate(spenders)),
        _always(Operation(prizes.refund, (cohort_id, last))),
        _always(Operation(prizes.close_cohort, (cohort_id,))),
    ]


def _spending(cohort_id: int, player: str, *, parts: int) -> Errand:
    def spending(world: World) -> Operation | None:
        cohort = world.cohorts[cohort_id]
        if cohort.phase != prizes.ACTIVE:
            return None  # a reorg dropped its activation
        base = cohort.left(player) // parts
        funds = base + base * ROLLOVER_BONUS_BPS // BPS
        tickets = _affordable(world.seasons[cohort.next_season_id], funds)
        if not tickets:
            return None
        return Operation(prizes.spend, (cohort_id, player, base, tickets))

    return spending


def _affordable(season: Season, funds: int) -> int:
    """How many tickets that much SOF buys now, or a few fewer."""
    dearest = prizes.cost_of(season, 1) + season.curve.rise
    tickets = funds // dearest
    while tickets and prizes.cost_of(season, tickets) > funds:
        tickets = tickets * 9 // 10
    return tickets


def _always(operation: Operation) -> Errand:
    return lambda _: operation
