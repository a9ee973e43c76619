"""The contracts' view functions, answered from what a simulated world holds.

Signatures and encodings are the real contracts'. As on a real node, an address without a contract
answers nothing, and a contract reverts where it has no such function.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from eth_abi.exceptions import DecodingError
from eth_hash.auto import keccak

from scripts.simulate.deployment import NOBODY
from scripts.simulate.seasons import GRAND_PRIZE_BPS, ROLLOVER_BONUS_BPS
from scripts.simulate.state import Cohort, Holding, Market, RevertedError, Season, Status, World

_SELECTOR_BYTES = 4
_CONFIG = (
    "(string,uint256,uint256,uint16,uint16,address,address,address,address,bool,bool,bool,uint32)"
)


class Function(NamedTuple):
    """A view function.

    Attributes:
        inputs: ABI types of its arguments.
        outputs: ABI types of what it returns.
        answer: from what the contract holds, and the arguments, the values that it returns.
    """

    inputs: list[str]
    outputs: list[str]
    answer: Callable[..., tuple[Any, ...]]


# Functions of one kind of contract, by selector.
Interface = Mapping[bytes, Function]


def answer(world: World, contract: str, data: bytes) -> bytes:
    """What a call returns.

    Args:
        world: at the block that is asked about.
        contract: its address, in lower case.
        data: selector and arguments.

    Raises:
        RevertedError: the contract does not have that function, or refuses.
    """
    found = _contract_at(world, contract)
    if found is None:
        return b""
    interface, held = found
    function = interface.get(data[:_SELECTOR_BYTES])
    if function is None:
        raise RevertedError
    try:
        arguments = abi_decode(function.inputs, data[_SELECTOR_BYTES:])
    except DecodingError as error:
        raise RevertedError from error
    return abi_encode(function.outputs, function.answer(held, *arguments))


def _contract_at(world: World, address: str) -> tuple[Interface, Any] | None:
    """What is deployed at an address: its functions, and what they look at."""
    contracts = world.contracts
    singletons = {
        contracts.raffle: _RAFFLE,
        contracts.token: _SOF,
        contracts.prize_distributor: _DISTRIBUTOR,
        contracts.rollover_escrow: _ESCROW,
    }
    if address in singletons:
        return singletons[address], world
    for season in world.seasons.values():
        if address == season.curve_address:
            return _CURVE, season
        if address == season.raffle_token:
            return _RAFFLE_TOKEN, season
    markets = (market for market in world.markets.values() if market.address == address)
    market = next(markets, None)
    return (_MARKET, market) if market else None


def _interface(*functions: tuple[str, list[str], Callable[..., tuple[Any, ...]]]) -> Interface:
    """Functions by selector, each from its signature, its outputs, and what answers."""
    interface = {}
    for signature, outputs, answers in functions:
        inputs = signature.partition("(")[2].removesuffix(")")
        selector = keccak(signature.encode())[:_SELECTOR_BYTES]
        interface[selector] = Function(inputs.split(",") if inputs else [], outputs, answers)
    return interface


def _details(world: World, season_id: int) -> tuple[Any, ...]:
    season = world.season(season_id)
    config = (
        season.name,
        season.start_time,
        season.end_time,
        season.winner_count,
        GRAND_PRIZE_BPS,
        world.operators.treasury,
        season.raffle_token,
        season.curve_address,
        world.operators.deployer,
        season.status is Status.ACTIVE,
        season.status is Status.COMPLETED,
        False,
        0,
    )
    totals = (len(season.participants), season.total_tickets, season.prize_pool)
    return (config, int(season.status), *totals)


def _winners(world: World, season_id: int) -> tuple[Any, ...]:
    season = world.season(season_id)
    if season.status is not Status.COMPLETED:
        raise RevertedError
    return (season.winners,)


def _participant_position(world: World, season_id: int, player: str) -> tuple[Any, ...]:
    holding = world.season(season_id).holdings.get(player, Holding())
    blocks = (holding.entry_block, holding.last_block)
    return ((holding.tickets, *blocks, holding.tickets > 0),)


def _snapshot(world: World, season_id: int) -> tuple[Any, ...]:
    return (bytes.fromhex(world.season(season_id).snapshot[2:]),)


def _curve_config(season: Season) -> tuple[Any, ...]:
    curve = season.curve
    fees = (curve.buy_fee_bps, curve.sell_fee_bps)
    is_sell_only = season.status is Status.CANCELLED
    step = _step_number(season)
    return (
        season.total_tickets,
        season.reserves,
        step,
        *fees,
        season.is_locked,
        True,
        is_sell_only,
    )


def _step_number(season: Season) -> int:
    return min(season.total_tickets // season.curve.step_tickets, season.curve.steps - 1)


def _current_step(season: Season) -> tuple[Any, ...]:
    step = _step_number(season)
    curve = season.curve
    return step, curve.first_price + step * curve.rise, (step + 1) * curve.step_tickets


def _bond_steps(season: Season) -> tuple[Any, ...]:
    return ([tuple(map(int, step)) for step in season.curve.bond_steps()],)


def _payouts(world: World, season_id: int) -> tuple[Any, ...]:
    season = world.seasons.get(season_id)
    if season is None or not season.winners:
        return ((NOBODY, NOBODY, 0, 0, 0, False, False),)
    prizes = season.prizes
    amounts = (prizes.grand_amount, prizes.consolation_amount, prizes.eligible)
    flags = (bool(season.extracted), prizes.is_grand_claimed)
    return ((world.contracts.token, prizes.grand_winner, *amounts, *flags),)


def _is_consolation_claimed(world: World, season_id: int, account: str) -> tuple[Any, ...]:
    season = world.seasons.get(season_id)
    return (season is not None and account in season.prizes.consolation_claimed,)


def _cohort_state(world: World, season_id: int) -> tuple[Any, ...]:
    cohort = world.cohorts.get(season_id)
    if cohort is None:
        return 0, 0, 0, 0, 0, 0, False
    totals = (sum(cohort.deposited.values()), sum(cohort.spent.values()), cohort.bonus_paid)
    return cohort.phase, cohort.next_season_id, ROLLOVER_BONUS_BPS, *totals, False


def _user_position(world: World, season_id: int, user: str) -> tuple[Any, ...]:
    cohort = world.cohorts.get(season_id, Cohort())
    return cohort.deposited.get(user, 0), cohort.spent.get(user, 0), user in cohort.refunded


def _tickets(season: Season, player: str) -> tuple[Any, ...]:
    return (season.holdings.get(player, Holding()).tickets,)


def _ticket_balance(season: Season, account: str) -> tuple[Any, ...]:
    return (season.holdings.get(account, Holding()).balance,)


def _ticket_supply(season: Season) -> tuple[Any, ...]:
    return (sum(holding.balance for holding in season.holdings.values()),)


def _reserve(*, is_yes: bool) -> Callable[[Market], tuple[Any, ...]]:
    return lambda market: (market.reserves[is_yes],)


_RAFFLE = _interface(
    (
        "getSeasonDetails(uint256)",
        [_CONFIG, "uint8", "uint256", "uint256", "uint256"],
        _details,
    ),
    ("getParticipants(uint256)", ["address[]"], lambda w, n: (w.season(n).participants,)),
    ("getWinners(uint256)", ["address[]"], _winners),
    (
        "getParticipantPosition(uint256,address)",
        ["(uint256,uint256,uint256,bool)"],
        _participant_position,
    ),
    ("getSeasonSnapshot(uint256)", ["bytes32"], _snapshot),
)
_CURVE = _interface(
    ("playerTickets(address)", ["uint256"], _tickets),
    (
        "curveConfig()",
        ["uint256", "uint256", "uint256", "uint16", "uint16", "bool", "bool", "bool"],
        _curve_config,
    ),
    ("accumulatedFees()", ["uint256"], lambda season: (season.fees_held,)),
    ("getCurrentStep()", ["uint256", "uint256", "uint256"], _current_step),
    ("getBondSteps()", ["(uint128,uint128)[]"], _bond_steps),
)
_RAFFLE_TOKEN = _interface(
    ("balanceOf(address)", ["uint256"], _ticket_balance),
    ("totalSupply()", ["uint256"], _ticket_supply),
)
_SOF = _interface(
    ("balanceOf(address)", ["uint256"], lambda world, account: (world.sof.get(account, 0),)),
)
_DISTRIBUTOR = _interface(
    (
        "getSeason(uint256)",
        ["(address,address,uint256,uint256,uint256,bool,bool)"],
        _payouts,
    ),
    ("isConsolationClaimed(uint256,address)", ["bool"], _is_consolation_claimed),
)
_ESCROW = _interface(
    (
        "getCohortState(uint256)",
        ["uint8", "uint256", "uint16", "uint256", "uint256", "uint256", "bool"],
        _cohort_state,
    ),
    ("getUserPosition(uint256,address)", ["uint256", "uint256", "bool"], _user_position),
)
_MARKET = _interface(
    ("yesReserve()", ["uint256"], _reserve(is_yes=True)),
    ("noReserve()", ["uint256"], _reserve(is_yes=False)),
    ("feesCollected()", ["uint256"], lambda market: (market.fees,)),
)
