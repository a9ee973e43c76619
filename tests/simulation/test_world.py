"""The simulated contracts: the order of their logs, and the sums that always hold."""

from collections import Counter, defaultdict
from functools import cache
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak

from schema.events import CODECS, Event
from schema.events.curve import (
    FeesExtracted,
    PositionUpdate,
    SofExtracted,
    TokensPurchased,
    TokensSold,
)
from schema.events.raffle import SeasonSnapshotted
from schema.events.rollover_escrow import RolloverSpend
from schema.events.season_factory import SeasonContractsDeployed
from schema.events.tokens import SofTransfer
from schema.families import CurveRaffle, contracts_of
from scripts.simulate.chain import Setting, generate
from tests.simulation.reading import Mined, mined

Truth = dict[str, Any]

CREATED = ["CurveInitialized", "SofCurveRegistered", "SeasonContractsDeployed"]
TIERS, CREATION_END = ["TiersConfigured"], ["SeasonCreated"]
BOUGHT = ["SofTransfer", "RaffleTokenTransfer", "TokensPurchased", "PositionUpdate"]
BOUGHT_END = ["RafflePositionUpdate"]
SOLD = [
    "RaffleTokenTransfer",
    "SofTransfer",
    "TokensSold",
    "ParticipantRemoved",
    "RafflePositionUpdate",
    "PositionUpdate",
]
ENDED = ["TradingLockedEvent", "SeasonLocked", "SeasonSnapshotted", "SeasonEndRequested"]
FINALIZED = [
    "WinnersSelected",
    "SeasonConfigured",
    "SofTransfer",
    "SofExtracted",
    "SeasonFunded",
    "TierWinnersSet",
    "SponsorshipsLocked",
    "CohortOpened",
    "PrizeDistributionSetup",
    "SeasonCompleted",
]
NEVER_HAPPENS = {
    "PrizeDistributionFailed",
    "ConsolationDustSwept",
    "MarketCreationFailed",
    "TreasuryLow",
    "LiquidityAdded",
    "LiquidityRemoved",
}
EMPTY = ["WinnersSelected", "CohortOpened", "PrizeDistributionSetup", "SeasonCompleted"]


@cache
def _world(seed: int) -> tuple[list[Mined], Truth]:
    chain = generate(Setting(seed, seasons=6, players=40, trades=1500))
    while not chain.is_over:  # what follows must hold whatever reorgs there were
        chain.advance()
        if chain.blocks.head.number % 50 == 0:
            chain.reorg(1 + chain.blocks.head.number % 17)
    return mined(chain), chain.truth()


@pytest.fixture(params=[7, 8, 9], name="seed")
def _seed(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def transactions(seed: int) -> list[Mined]:
    """Every transaction of a world."""
    return _world(seed)[0]


@pytest.fixture
def truth(seed: int) -> Truth:
    """What the world says it holds."""
    return _world(seed)[1]


def _with(transactions: list[Mined], name: str) -> list[list[str]]:
    return [one.names for one in transactions if name in one.names]


def test_purchases_and_sales_log_in_the_contracts_order(transactions: list[Mined]) -> None:
    """Given every trade, then its six logs stand around it in the order of its kind."""
    trades: Counter[str] = Counter()
    for names in (one.names for one in transactions):
        for at, name in enumerate(names):
            if name == "TokensPurchased":
                assert names[at - 2 : at + 2] == BOUGHT
                assert names[at + 2] in ("ParticipantAdded", "ParticipantUpdated")
                assert names[at + 3 : at + 4] == BOUGHT_END
            elif name == "TokensSold":
                assert names[at - 2 : at + 4] == SOLD
            trades[name] += 1
    assert trades["PositionUpdate"] == trades["TokensPurchased"] + trades["TokensSold"] > 1000


def test_seasons_come_and_go_in_the_contracts_order(transactions: list[Mined]) -> None:
    """Given every season's life, then each step logs what the contracts log, in their order."""
    created = _with(transactions, "SeasonCreated")
    assert created[0] == CREATED + TIERS + CREATION_END
    assert created[1] == CREATED + CREATION_END
    assert _with(transactions, "SeasonLocked") == [ENDED] * 4
    assert _with(transactions, "VRFFulfilled") == [["VRFFulfilled", "SeasonReadyToFinalize"]] * 3
    assert _with(transactions, "SeasonFunded") == [FINALIZED] * 2
    assert EMPTY in _with(transactions, "SeasonCompleted")
    cancelled = [["TradingUnlockedSellOnly", "SeasonCancelled"]]
    assert _with(transactions, "SeasonCancelled") == cancelled


def test_prizes_are_claimed_in_the_contracts_order(transactions: list[Mined]) -> None:
    """Given claims, carried-over prizes and what they buy, then their logs are in order."""
    assert all(
        names == ["SofTransfer", "GrandClaimed"] for names in _with(transactions, "GrandClaimed")
    )
    carried = ["SofTransfer", "RolloverDeposit", "ConsolationClaimed"]
    claimed = ["SofTransfer", "ConsolationClaimed"]
    kinds = {tuple(names) for names in _with(transactions, "ConsolationClaimed")}
    assert kinds == {tuple(carried), tuple(claimed)}
    for names in _with(transactions, "RolloverSpend"):
        assert names[:5] == ["SofTransfer", *BOUGHT]
        assert names[6:] == [*BOUGHT_END, "RolloverSpend"]


def test_carried_over_prizes_are_spent_by_the_escrow_for_the_player(
    transactions: list[Mined],
) -> None:
    """Given a spend, then the escrow pays and the player gets the tickets."""
    spends = [one.events for one in transactions if "RolloverSpend" in one.names]
    assert spends
    for events in spends:
        spend = next(event for event in events if isinstance(event, RolloverSpend))
        payments = [event for event in events if isinstance(event, SofTransfer)]
        position = next(event for event in events if isinstance(event, PositionUpdate))
        assert payments[-1].from_address == spend.contract
        assert position.player == spend.user_address
        assert position.season_id == spend.next_season_id


def test_a_world_shows_every_kind_of_thing(transactions: list[Mined], truth: Truth) -> None:
    """Given six seasons, then all their fates, batches, failures and nearly all events occur."""
    statuses = {season["status"] for season in truth["seasons"].values()}
    assert statuses == {0, 1, 5, 6}
    names = Counter(name for one in transactions for name in one.names)
    emitters = {e.emitted_by for one in transactions for e in one.events if isinstance(e, Event)}
    assert emitters >= set(contracts_of(CurveRaffle).__struct_fields__)
    known = {event.__name__ for event in CODECS if event.emitted_by in emitters}
    assert known - names.keys() == NEVER_HAPPENS
    assert any(not one.succeeded and not one.events for one in transactions)
    batches = [one.names.count("PositionUpdate") for one in transactions]
    assert max(batches) >= 4
    assert sum(size > 1 for size in batches) > sum(size == 1 for size in batches) / 10


def test_exits_go_on_after_a_cancellation(transactions: list[Mined]) -> None:
    """Given a cancelled season, then its holders sell on, and nobody buys."""
    at = next(n for n, one in enumerate(transactions) if "SeasonCancelled" in one.names)
    later = [
        event
        for one in transactions[at:]
        for event in one.events
        if isinstance(event, PositionUpdate) and event.season_id == 2
    ]
    assert later
    assert all(event.new_tickets < event.old_tickets for event in later)


def test_the_chain_tells_what_the_world_holds(transactions: list[Mined], truth: Truth) -> None:
    """Given a naive fold of the logs, then tickets, participants and snapshots are the world's."""
    tickets: defaultdict[int, dict[str, int]] = defaultdict(dict)
    order: defaultdict[int, list[str]] = defaultdict(list)
    for event in _events(transactions):
        if isinstance(event, PositionUpdate):
            season, player = event.season_id, event.player
            assert tickets[season].get(player, 0) == event.old_tickets
            tickets[season][player] = event.new_tickets
            _keep_order(order[season], event)
            total = sum(tickets[season].values())
            assert event.total_tickets == total
            assert event.probability_bps == (event.new_tickets * 10_000 // total if total else 0)
        elif isinstance(event, SeasonSnapshotted):
            held = [tickets[event.season_id][player] for player in order[event.season_id]]
            encoded = encode(["address[]", "uint256[]"], [order[event.season_id], held])
            assert event.snapshot_hash == "0x" + keccak(encoded).hex()
    for number, season in truth["seasons"].items():
        assert season["participantsInOrder"] == order[int(number)]
        folded = {player: held for player, held in tickets[int(number)].items() if held}
        assert {p: int(held) for p, held in season["tickets"].items() if int(held)} == folded


def _keep_order(order: list[str], event: PositionUpdate) -> None:
    if not event.old_tickets:
        order.append(event.player)
    elif not event.new_tickets:
        hole, last = order.index(event.player), order.pop()
        if last != event.player:
            order[hole] = last


class Books:
    """What the logs say the curves and wallets hold."""

    def __init__(self, seasons: dict[str, Any]) -> None:
        self.seasons = seasons
        self.curves: dict[str, str] = {}
        self.reserves: Counter[str] = Counter()
        self.fees: Counter[str] = Counter()
        self.supply: Counter[str] = Counter()
        self.balances: Counter[str] = Counter()

    def post(self, event: Event) -> None:
        """Take one event in."""
        curve = event.contract
        if isinstance(event, SeasonContractsDeployed):
            self.curves[event.bonding_curve] = str(event.season_id)
        elif isinstance(event, TokensPurchased):
            price, fee = self._price(curve, event.tokens_received, "buyFee")
            assert (event.sof_amount, event.fee_amount) == (price + fee, fee)
            self._trade(curve, event.tokens_received, price, fee)
        elif isinstance(event, TokensSold):
            self.supply[curve] -= event.token_amount
            price, fee = self._price(curve, event.token_amount, "sellFee")
            assert (event.sof_received, event.fee_amount) == (price - fee, fee)
            self._trade(curve, 0, -price, fee)
        elif isinstance(event, SofExtracted):
            self.reserves[curve] -= event.amount
        elif isinstance(event, FeesExtracted):
            self.fees[curve] -= event.amount
        elif isinstance(event, SofTransfer):
            self.balances[event.from_address] -= event.value
            self.balances[event.to_address] += event.value

    def _price(self, curve: str, tickets: int, fee_key: str) -> tuple[int, int]:
        terms = self.seasons[self.curves[curve]]["curve"]
        price = _price(terms["bondSteps"], self.supply[curve], tickets)
        return price, price * terms[fee_key] // 10_000

    def _trade(self, curve: str, tickets: int, price: int, fee: int) -> None:
        self.supply[curve] += tickets
        self.reserves[curve] += price
        self.fees[curve] += fee


def test_money_adds_up(transactions: list[Mined], truth: Truth) -> None:
    """Given every amount logged, then reserves, fees, balances and prices are the world's."""
    books = Books(truth["seasons"])
    for event in _events(transactions):
        books.post(event)
    for curve, number in books.curves.items():
        held = truth["seasons"][number]["curve"]
        assert books.reserves[curve] == int(held["sofReserves"])
        assert books.fees[curve] == int(held["accumulatedFees"])
        assert books.balances[curve] == books.reserves[curve] + books.fees[curve]
    del books.balances["0x" + "00" * 20]
    assert min(books.balances.values()) >= 0
    assert {address: held for address, held in books.balances.items() if held} == {
        address: int(value) for address, value in truth["sofBalances"].items() if int(value)
    }


def _price(steps: list[list[str]], low: int, tickets: int) -> int:
    """What tickets above `low` cost, one by one."""
    ends = [(int(end), int(price)) for end, price in steps]
    return sum(
        next(price for end, price in ends if ticket < end) for ticket in range(low, low + tickets)
    )


def _events(transactions: list[Mined]) -> list[Event]:
    return [event for one in transactions for event in one.events if isinstance(event, Event)]
