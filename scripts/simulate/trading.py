"""Operations on curves and tokens: buy, sell, transfer, extract."""

from collections.abc import Sequence

from schema.events import Event, UndecodedLog
from schema.events.curve import FeesExtracted, PositionUpdate, TokensPurchased, TokensSold
from schema.events.raffle import (
    ParticipantAdded,
    ParticipantRemoved,
    ParticipantUpdated,
    RafflePositionUpdate,
)
from schema.events.tokens import RaffleTokenTransfer, SofTransfer
from scripts.simulate.deployment import NOBODY, approval, emitted_by
from scripts.simulate.state import BPS, Holding, RevertedError, Season, World

Logs = list[Event | UndecodedLog]


def mint_sof(world: World, to: str, value: int) -> Logs:
    """New SOF."""
    world.sof[to] += value
    return [SofTransfer(*emitted_by(world.contracts.token), NOBODY, to, value)]


def send_sof(world: World, sender: str, transfers: Sequence[tuple[str, int]]) -> Logs:
    """SOF from one sender to many."""
    if world.sof[sender] < sum(value for _, value in transfers):
        raise RevertedError
    return [moved_sof(world, sender, to, value=value) for to, value in transfers]


def moved_sof(world: World, sender: str, to: str, *, value: int) -> SofTransfer:
    """The log of SOF that moves, once it was checked that the sender has it."""
    world.sof[sender] -= value
    world.sof[to] += value
    return SofTransfer(*emitted_by(world.contracts.token), sender, to, value)


def approve_sof(world: World, owner: str, spender: str) -> Logs:
    """An approval, which the raffle does not care about."""
    return [approval(world.contracts.token, owner, spender)]


def buy(world: World, season_id: int, player: str, tickets: int, payer: str = "") -> Logs:
    """Tickets for SOF: six logs, the position fact fourth. The player pays, or somebody else."""
    season, payer = world.season(season_id), payer or player
    total = season.total_tickets + tickets
    price = season.curve.price_between(season.total_tickets, total)
    fee = price * season.curve.buy_fee_bps // BPS
    too_many = total > season.curve.tickets_max
    if not season.can_buy or tickets <= 0 or too_many or world.sof[payer] < price + fee:
        raise RevertedError
    holding = season.holdings[player]
    old, new = holding.tickets, holding.tickets + tickets
    if not old:
        season.join(player)
        holding.entry_block = world.block_number
    season.reserves += price
    season.fees_held += fee
    holding.buys += 1
    holding.bought += tickets
    holding.spent += price + fee
    holding.balance += tickets
    _keep(world, season, holding, (new, total, fee))
    paid = moved_sof(world, payer, season.curve_address, value=price + fee)
    return [paid, *_purchase_logs(world, season, player, (old, new, price + fee, fee))]


def _purchase_logs(
    world: World, season: Season, player: str, trade: tuple[int, int, int, int]
) -> Logs:
    old, new, sof, fee = trade
    raffle, curve = emitted_by(world.contracts.raffle), emitted_by(season.curve_address)
    number, total = season.season_id, season.total_tickets
    joined = ParticipantUpdated if old else ParticipantAdded
    return [
        RaffleTokenTransfer(*emitted_by(season.raffle_token), NOBODY, player, new - old),
        TokensPurchased(*curve, player, sof, new - old, fee),
        PositionUpdate(*curve, number, player, old, new, total, new * BPS // total),
        joined(*raffle, number, player, new, total),
        RafflePositionUpdate(*raffle, number, player, old, new, total),
    ]


def sell(world: World, season_id: int, player: str, tickets: int) -> Logs:
    """SOF for tickets: six logs in another order, the position fact last."""
    season = world.season(season_id)
    holding = season.holdings.get(player)
    if not season.can_sell or holding is None or tickets <= 0:
        raise RevertedError
    if tickets > min(holding.tickets, holding.balance):
        raise RevertedError
    old, new, total = holding.tickets, holding.tickets - tickets, season.total_tickets - tickets
    price = season.curve.price_between(total, season.total_tickets)
    fee = price * season.curve.sell_fee_bps // BPS
    if not new:
        season.leave(player)
    season.reserves -= price
    season.fees_held += fee
    holding.sells += 1
    holding.sold += tickets
    holding.received += price - fee
    holding.balance -= tickets
    _keep(world, season, holding, (new, total, fee))
    paid = moved_sof(world, season.curve_address, player, value=price - fee)
    burned = emitted_by(season.raffle_token)
    return [
        RaffleTokenTransfer(*burned, player, NOBODY, tickets),
        paid,
        *_sale_logs(world, season, player, (old, new, price - fee, fee)),
    ]


def _sale_logs(world: World, season: Season, player: str, trade: tuple[int, int, int, int]) -> Logs:
    old, new, sof, fee = trade
    raffle, curve = emitted_by(world.contracts.raffle), emitted_by(season.curve_address)
    number, total = season.season_id, season.total_tickets
    chance_bps = new * BPS // total if total else 0
    return [
        TokensSold(*curve, player, old - new, sof, fee),
        ParticipantRemoved(*raffle, number, player, total),
        RafflePositionUpdate(*raffle, number, player, old, new, total),
        PositionUpdate(*curve, number, player, old, new, total, chance_bps),
    ]


def _keep(world: World, season: Season, holding: Holding, after: tuple[int, int, int]) -> None:
    """Write down what a trade left: tickets, total, and its fee."""
    holding.tickets, season.total_tickets, fee = after
    holding.fees += fee
    holding.first_block = holding.first_block or world.block_number
    holding.last_block = world.block_number


def transfer_tickets(world: World, season_id: int, sender: str, to: str, tickets: int) -> Logs:
    """The raffle token moves from wallet to wallet, and no position changes."""
    season = world.season(season_id)
    if season.holdings[sender].balance < tickets:
        raise RevertedError
    season.holdings[sender].balance -= tickets
    season.holdings[to].balance += tickets
    return [RaffleTokenTransfer(*emitted_by(season.raffle_token), sender, to, tickets)]


def extract_fees(world: World, season_id: int) -> Logs:
    """The curve's fees go to the treasury."""
    season, treasury = world.season(season_id), world.operators.treasury
    if not season.fees_held:
        raise RevertedError
    amount, season.fees_held = season.fees_held, 0
    season.fees_extracted += amount
    paid = moved_sof(world, season.curve_address, treasury, value=amount)
    return [paid, FeesExtracted(*emitted_by(season.curve_address), treasury, amount)]
