"""Operations on prizes: sponsor, claim, carry over into a later season, spend there."""

from schema.events import Event, UndecodedLog
from schema.events.prize_distributor import (
    ConsolationClaimed,
    ConsolationEligibilitySet,
    ERC20Sponsored,
    ERC721Sponsored,
    GrandClaimed,
    SponsoredERC20Claimed,
    SponsoredERC721Claimed,
)
from schema.events.rollover_escrow import (
    CohortActivated,
    CohortClosed,
    RolloverDeposit,
    RolloverRefund,
    RolloverSpend,
)
from scripts.simulate.deployment import TRANSFER, approval, emitted_by, foreign, word
from scripts.simulate.seasons import ROLLOVER_BONUS_BPS
from scripts.simulate.state import BPS, Cohort, RevertedError, Season, Status, World
from scripts.simulate.trading import Logs, buy, moved_sof

OPEN, ACTIVE, CLOSED = 1, 2, 3


def sponsor(world: World, season_id: int, amount: int) -> Logs:
    """A token prize is added, until the season is drawn."""
    season = world.season(season_id)
    if season.status > Status.VRF_PENDING:
        raise RevertedError
    season.prizes.sponsored.append(amount)
    distributor = world.contracts.prize_distributor
    giver, token = world.operators.deployer, world.operators.sponsored_token
    return [
        _sponsored_transfer(world, giver, distributor, amount=amount),
        ERC20Sponsored(*emitted_by(distributor), season_id, giver, token, amount),
    ]


def claim_sponsored(world: World, season_id: int) -> Logs:
    """The grand winner takes the token prizes."""
    prizes = _completed(world, season_id).prizes
    if not prizes.sponsored or prizes.grand_winner in prizes.sponsored_claimed:
        raise RevertedError
    winner, amount = prizes.grand_winner, sum(prizes.sponsored)
    prizes.sponsored_claimed.add(winner)
    distributor, token = world.contracts.prize_distributor, world.operators.sponsored_token
    return [
        _sponsored_transfer(world, distributor, winner, amount=amount),
        SponsoredERC20Claimed(*emitted_by(distributor), season_id, winner, token, amount),
    ]


def sponsor_nft(world: World, season_id: int, token_id: int) -> Logs:
    """A single thing is added as a prize."""
    season = world.season(season_id)
    if season.status > Status.VRF_PENDING:
        raise RevertedError
    season.prizes.nfts.append(token_id)
    giver, token = world.operators.deployer, world.operators.sponsored_nft
    distributor = world.contracts.prize_distributor
    return [
        _nft_transfer(world, giver, distributor, token_id=token_id),
        ERC721Sponsored(*emitted_by(distributor), season_id, giver, token, token_id),
    ]


def claim_nft(world: World, season_id: int) -> Logs:
    """The grand winner takes one of the single things."""
    prizes = _completed(world, season_id).prizes
    if len(prizes.nfts_claimed) == len(prizes.nfts):
        raise RevertedError
    token_id = prizes.nfts[len(prizes.nfts_claimed)]
    prizes.nfts_claimed.append(token_id)
    winner, token = prizes.grand_winner, world.operators.sponsored_nft
    distributor = world.contracts.prize_distributor
    return [
        _nft_transfer(world, distributor, winner, token_id=token_id),
        SponsoredERC721Claimed(*emitted_by(distributor), season_id, winner, token, token_id),
    ]


def _nft_transfer(world: World, sender: str, to: str, *, token_id: int) -> UndecodedLog:
    topics = (TRANSFER, word(sender), word(to), f"0x{token_id:064x}")
    return foreign(world.operators.sponsored_nft, *topics)


def set_eligibility(world: World, season_id: int) -> Logs:
    """Who took part may claim a consolation."""
    count = len(_completed(world, season_id).participants)
    distributor = emitted_by(world.contracts.prize_distributor)
    return [ConsolationEligibilitySet(*distributor, season_id, count)]


def _sponsored_transfer(world: World, sender: str, to: str, *, amount: int) -> UndecodedLog:
    token = world.operators.sponsored_token
    return foreign(token, TRANSFER, word(sender), word(to), data=f"0x{amount:064x}")


def claim_grand(world: World, season_id: int) -> Logs:
    """The first winner takes the grand prize."""
    prizes = _completed(world, season_id).prizes
    if prizes.is_grand_claimed or not prizes.grand_amount:
        raise RevertedError
    prizes.is_grand_claimed = True
    distributor, winner = world.contracts.prize_distributor, prizes.grand_winner
    paid = moved_sof(world, distributor, winner, value=prizes.grand_amount)
    claimed = GrandClaimed(*emitted_by(distributor), season_id, winner, prizes.grand_amount)
    return [paid, claimed]


def claim_consolation(world: World, season_id: int, player: str) -> Logs:
    """A consolation prize reaches the wallet."""
    amount = _take_consolation(world, season_id, player)
    distributor = world.contracts.prize_distributor
    paid = moved_sof(world, distributor, player, value=amount)
    return [paid, ConsolationClaimed(*emitted_by(distributor), season_id, player, amount)]


def roll_over(world: World, season_id: int, player: str) -> Logs:
    """A consolation prize goes to the escrow instead."""
    cohort = _cohort(world, season_id, phase=OPEN)
    amount = _take_consolation(world, season_id, player)
    cohort.deposited[player] = amount
    distributor, escrow = world.contracts.prize_distributor, world.contracts.rollover_escrow
    return [
        moved_sof(world, distributor, escrow, value=amount),
        RolloverDeposit(*emitted_by(escrow), player, season_id, amount),
        ConsolationClaimed(*emitted_by(distributor), season_id, player, amount),
    ]


def _take_consolation(world: World, season_id: int, player: str) -> int:
    """An equal share of the consolation for everybody who took part, but the grand winner."""
    season = _completed(world, season_id)
    prizes, holding = season.prizes, season.holdings.get(player)
    if holding is None or not holding.tickets or player == prizes.grand_winner:
        raise RevertedError
    if player in prizes.consolation_claimed:
        raise RevertedError
    amount = prizes.consolation_amount // (prizes.eligible - 1)
    prizes.consolation_claimed[player] = amount
    return amount


def activate_cohort(world: World, season_id: int, next_season_id: int) -> Logs:
    """What was carried over may be spent in the next season."""
    cohort = _cohort(world, season_id, phase=OPEN)
    curve = world.season(next_season_id).curve_address
    cohort.phase, cohort.next_season_id = ACTIVE, next_season_id
    escrow = emitted_by(world.contracts.rollover_escrow)
    return [CohortActivated(*escrow, season_id, next_season_id, curve)]


def spend(world: World, season_id: int, player: str, base: int, tickets: int) -> Logs:
    """Tickets of the next season, paid by the escrow with a bonus from the treasury."""
    cohort = _cohort(world, season_id, phase=ACTIVE)
    bonus = base * ROLLOVER_BONUS_BPS // BPS
    escrow, treasury = world.contracts.rollover_escrow, world.operators.treasury
    following = world.season(cohort.next_season_id)
    if not 0 < base <= cohort.left(player) or base + bonus < cost_of(following, tickets):
        raise RevertedError
    bought = buy(world, cohort.next_season_id, player, tickets, escrow)
    cohort.spent[player] += base
    cohort.bonus_paid += bonus
    spent = (player, season_id, cohort.next_season_id, base, bonus)
    return [
        moved_sof(world, treasury, escrow, value=bonus),
        approval(world.contracts.token, escrow, following.curve_address),
        *bought,
        RolloverSpend(*emitted_by(escrow), *spent),
    ]


def cost_of(season: Season, tickets: int) -> int:
    """What this many more tickets cost now, in wei, with the fee."""
    curve = season.curve
    price = curve.price_between(season.total_tickets, season.total_tickets + tickets)
    return price + price * curve.buy_fee_bps // BPS


def refund(world: World, season_id: int, player: str) -> Logs:
    """What a player did not spend goes back."""
    cohort = _cohort(world, season_id, phase=ACTIVE)
    amount = cohort.left(player)
    if not amount:
        raise RevertedError
    cohort.refunded.add(player)
    escrow = world.contracts.rollover_escrow
    paid: Event = moved_sof(world, escrow, player, value=amount)
    return [paid, RolloverRefund(*emitted_by(escrow), player, season_id, amount)]


def close_cohort(world: World, season_id: int) -> Logs:
    """Nothing more can be spent."""
    _cohort(world, season_id, phase=ACTIVE).phase = CLOSED
    return [CohortClosed(*emitted_by(world.contracts.rollover_escrow), season_id)]


def _completed(world: World, season_id: int) -> Season:
    season = world.season(season_id)
    if season.status is not Status.COMPLETED:
        raise RevertedError
    return season


def _cohort(world: World, season_id: int, *, phase: int) -> Cohort:
    cohort = world.cohorts.get(season_id)
    if cohort is None or cohort.phase != phase:
        raise RevertedError
    return cohort
