"""Operations on accounts and prediction markets."""

from itertools import pairwise

from schema.events.account_factory import AccountCreated
from schema.events.markets import (
    FpmmMarketCreated,
    MarketCreated,
    MarketStatusChanged,
    ProbabilityUpdated,
    SeasonMarketsResolved,
    Trade,
)
from schema.events.oracles import ConditionPrepared, ConditionResolved, PriceUpdated
from scripts.simulate.deployment import address_of, emitted_by, hash_of
from scripts.simulate.state import BPS, SOF, Market, RevertedError, Status, World
from scripts.simulate.trading import Logs, moved_sof

LIQUIDITY = 100 * SOF
FEE_PERCENT = 2
MARKET_TYPE = hash_of(0, "winner prediction")


def create_account(world: World, account: str, owner: str) -> Logs:
    """A wallet's smart account comes to be."""
    if account in world.accounts:
        raise RevertedError
    world.accounts[account] = owner
    return [AccountCreated(*emitted_by(world.contracts.account_factory), owner, account)]


def create_market(world: World, season_id: int, player: str) -> Logs:
    """A market on a player whose chance is worth a bet, with the treasury's liquidity."""
    season = world.season(season_id)
    holding = season.holdings.get(player)
    if (season_id, player) in world.markets or holding is None or not holding.tickets:
        raise RevertedError
    address = address_of(world.seed, "market", season_id, player)
    condition = hash_of(world.seed, "condition", season_id, player)
    market = Market(season_id, player=player, address=address, condition_id=condition)
    world.markets[season_id, player] = market
    chance_bps = holding.tickets * BPS // season.total_tickets
    return [
        *_preparation_logs(world, market, chance_bps),
        *_liquidity_logs(world),
        *_announcement_logs(world, market, chance_bps),
    ]


def _preparation_logs(world: World, market: Market, chance_bps: int) -> Logs:
    subject = (market.season_id, market.player)
    factory = emitted_by(world.contracts.market_factory)
    question = hash_of(world.seed, "question", *subject)
    adapter = emitted_by(world.contracts.oracle_adapter)
    return [
        ProbabilityUpdated(*factory, *subject, 0, chance_bps),
        MarketStatusChanged(*factory, *subject, 0, 1, "Condition prepared"),
        ConditionPrepared(*adapter, *subject, market.condition_id, question),
        MarketStatusChanged(*factory, *subject, 1, 2, "Starting liquidity transfer"),
    ]


def _liquidity_logs(world: World) -> Logs:
    factory, manager = world.contracts.market_factory, world.contracts.market_manager
    way = [world.operators.treasury, factory, manager, world.operators.outcome_tokens]
    return [moved_sof(world, sender, to, value=LIQUIDITY) for sender, to in pairwise(way)]


def _announcement_logs(world: World, market: Market, chance_bps: int) -> Logs:
    subject = (market.season_id, market.player)
    factory = emitted_by(world.contracts.market_factory)
    token = address_of(world.seed, "liquidity token", *subject)
    pool = (market.address, market.condition_id, token)
    created = (MARKET_TYPE, market.condition_id, market.address)
    prices = (market.address, chance_bps, BPS // 2, (7 * chance_bps + 3 * BPS // 2) // 10)
    return [
        FpmmMarketCreated(*emitted_by(world.contracts.market_manager), *subject, *pool),
        MarketStatusChanged(*factory, *subject, 2, 3, "Market created successfully"),
        MarketCreated(*factory, *subject, *created),
        PriceUpdated(*emitted_by(world.contracts.price_oracle), *prices, world.block_time),
    ]


def buy_outcome(world: World, subject: tuple[int, str], trader: str, yes: bool, sof: int) -> Logs:  # noqa: FBT001  operations are called with positional arguments
    """Outcome tokens for SOF, by the constant product of the reserves."""
    market = _tradable(world, subject)
    if world.sof[trader] < sof:
        raise RevertedError
    net = sof - sof * FEE_PERCENT // 100
    ours, other = market.reserves[yes], market.reserves[not yes]
    left = -(-ours * other // (other + net))  # rounded up, in favour of the pool
    bought = ours + net - left
    market.reserves[yes], market.reserves[not yes] = left, other + net
    market.fees += sof - net
    market.holdings[trader, yes] += bought
    return [
        moved_sof(world, trader, market.address, value=sof),
        moved_sof(world, market.address, world.operators.outcome_tokens, value=net),
        Trade(*emitted_by(market.address), trader, yes, sof, bought),
    ]


def sell_outcome(world: World, subject: tuple[int, str], trader: str, yes: bool, sof: int) -> Logs:  # noqa: FBT001  as above
    """SOF for as many outcome tokens as that takes."""
    market = _tradable(world, subject)
    gross = sof * 100 // (100 - FEE_PERCENT)
    ours, other = market.reserves[yes], market.reserves[not yes]
    if gross >= other:
        raise RevertedError
    after = -(-ours * other // (other - gross))
    given = after + gross - ours
    if market.holdings.get((trader, yes), 0) < given:
        raise RevertedError
    market.reserves[yes], market.reserves[not yes] = after, other - gross
    market.fees += gross - sof
    market.holdings[trader, yes] -= given
    return [
        moved_sof(world, world.operators.outcome_tokens, market.address, value=gross),
        moved_sof(world, market.address, trader, value=sof),
        Trade(*emitted_by(market.address), trader, yes, given, sof),
    ]


def _tradable(world: World, subject: tuple[int, str]) -> Market:
    market = world.markets.get(subject)
    if market is None or market.is_resolved:
        raise RevertedError
    return market


def resolve_markets(world: World, season_id: int) -> Logs:
    """Every market of a completed season is settled."""
    season = world.season(season_id)
    markets = [market for market in world.markets.values() if market.season_id == season_id]
    if season.status is not Status.COMPLETED or not markets:
        raise RevertedError
    adapter, winner = emitted_by(world.contracts.oracle_adapter), season.prizes.grand_winner
    logs: Logs = []
    for market in markets:
        market.is_resolved = True
        won = market.player == winner
        subject = (market.condition_id, season_id, market.player)
        logs.append(ConditionResolved(*adapter, *subject, won, (1, 0) if won else (0, 1)))
    factory = emitted_by(world.contracts.market_factory)
    return [*logs, SeasonMarketsResolved(*factory, season_id, winner, len(markets))]
