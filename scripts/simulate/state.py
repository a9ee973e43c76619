"""What the simulated contracts hold: seasons, holdings, cohorts, markets and SOF.

This is the world's own truth, kept as it goes. It knows nothing of how the project folds events,
so read models can be compared with it.
"""

from collections import defaultdict
from enum import IntEnum

from scripts.simulate.deployment import Contracts, Operators, contracts_of, operators_of

BPS = 10_000
SOF = 10**18


class RevertedError(Exception):
    """The contracts refuse this operation: it changes nothing and logs nothing."""


class Status(IntEnum):
    """A season's status, numbered as on chain."""

    NOT_STARTED = 0
    ACTIVE = 1
    END_REQUESTED = 2
    VRF_PENDING = 3
    DISTRIBUTING = 4
    COMPLETED = 5
    CANCELLED = 6


class Curve:
    """Prices in equal steps: ticket number n costs `first_price + n // step_tickets * rise`."""

    def __init__(
        self,
        *,
        step_tickets: int,
        steps: int,
        first_price: int,
        rise: int,
        fees_bps: tuple[int, int],
    ) -> None:
        self.step_tickets = step_tickets
        self.steps = steps
        self.first_price = first_price
        self.rise = rise
        self.buy_fee_bps, self.sell_fee_bps = fees_bps

    @property
    def tickets_max(self) -> int:
        """How many tickets there can be."""
        return self.step_tickets * self.steps

    def price_between(self, low: int, high: int) -> int:
        """What tickets low to high cost together, in wei, without a fee."""
        return self._price_up_to(high) - self._price_up_to(low)

    def _price_up_to(self, tickets: int) -> int:
        full, rest = divmod(tickets, self.step_tickets)
        in_full_steps = full * self.first_price + self.rise * full * (full - 1) // 2
        return self.step_tickets * in_full_steps + rest * (self.first_price + full * self.rise)

    def bond_steps(self) -> list[list[str]]:
        """Every step as [up to this ticket, price], as the contract returns them."""
        return [
            [str(self.step_tickets * (step + 1)), str(self.first_price + self.rise * step)]
            for step in range(self.steps)
        ]


class Holding:
    """What one player did and has in one season. Amounts in wei, tickets without decimals."""

    __slots__ = (
        "balance",
        "bought",
        "buys",
        "entry_block",
        "fees",
        "first_block",
        "last_block",
        "received",
        "sells",
        "sold",
        "spent",
        "tickets",
    )

    def __init__(self) -> None:
        self.tickets = 0
        self.balance = 0  # of the raffle token, which moves without moving the position
        self.buys = self.sells = self.bought = self.sold = 0
        self.spent = self.received = self.fees = 0
        self.entry_block = self.first_block = self.last_block = 0


class Prizes:
    """A completed season's prizes in wei, and who took theirs."""

    def __init__(self) -> None:
        self.grand_winner = "0x" + "00" * 20
        self.grand_amount = self.consolation_amount = self.eligible = 0
        self.is_grand_claimed = False
        self.consolation_claimed: dict[str, int] = {}
        self.sponsored: list[int] = []
        self.sponsored_claimed: set[str] = set()
        self.nfts: list[int] = []
        self.nfts_claimed: list[int] = []


class Season:
    """One season and its curve."""

    def __init__(
        self, season_id: int, *, name: str, token: str, address: str, curve: Curve
    ) -> None:
        self.season_id = season_id
        self.name = name
        self.raffle_token = token
        self.curve_address = address
        self.curve = curve
        self.status = Status.NOT_STARTED
        self.start_time = self.end_time = 0
        self.winner_count = 1
        self.request_id = 0
        self.is_locked = False
        self.holdings: defaultdict[str, Holding] = defaultdict(Holding)
        self.participants: list[str] = []
        self._places: dict[str, int] = {}
        self.total_tickets = self.reserves = self.fees_held = 0
        self.extracted = self.fees_extracted = self.prize_pool = 0
        self.snapshot = "0x" + "00" * 32
        self.winners: tuple[str, ...] = ()
        self.prizes = Prizes()

    @property
    def can_buy(self) -> bool:
        """Whether tickets can be bought."""
        return self.status is Status.ACTIVE

    @property
    def can_sell(self) -> bool:
        """Whether tickets can be sold: in a cancelled season too."""
        return self.status in (Status.ACTIVE, Status.CANCELLED)

    def join(self, player: str) -> None:
        """Append to the participants."""
        self._places[player] = len(self.participants)
        self.participants.append(player)

    def leave(self, player: str) -> None:
        """Take out of the participants, whose last one moves into the hole."""
        hole, last = self._places.pop(player), self.participants.pop()
        if last != player:
            self.participants[hole] = last
            self._places[last] = hole


class Cohort:
    """Consolation prizes of one season, carried over."""

    def __init__(self) -> None:
        self.phase = 1  # 1 open, 2 active, 3 closed
        self.next_season_id = 0
        self.deposited: dict[str, int] = {}
        self.spent: defaultdict[str, int] = defaultdict(int)
        self.refunded: set[str] = set()
        self.bonus_paid = 0

    def left(self, player: str) -> int:
        """What a player may still spend, in wei."""
        if player in self.refunded:
            return 0
        return self.deposited.get(player, 0) - self.spent[player]


class Market:
    """A pool on whether a player wins, with its reserves of both outcomes."""

    def __init__(self, season_id: int, *, player: str, address: str, condition_id: str) -> None:
        self.season_id = season_id
        self.player = player
        self.address = address
        self.condition_id = condition_id
        self.reserves = {True: 100 * SOF, False: 100 * SOF}
        self.fees = 0
        self.holdings: defaultdict[tuple[str, bool], int] = defaultdict(int)
        self.is_resolved = False


class World:
    """Everything the contracts of one deployment hold, at the block being made."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.contracts: Contracts = contracts_of(seed)
        self.operators: Operators = operators_of(seed)
        self.block_number = 0
        self.block_time = 0
        self.seasons: dict[int, Season] = {}
        self.living: dict[int, Season] = {}  # those that are not completed
        self.cohorts: dict[int, Cohort] = {}
        self.markets: dict[tuple[int, str], Market] = {}
        self.accounts: dict[str, str] = {}  # smart account → its owner
        self.sof: defaultdict[str, int] = defaultdict(int)
        self.requests = 0

    def season(self, season_id: int) -> Season:
        """A season that exists."""
        if season_id not in self.seasons:
            raise RevertedError
        return self.seasons[season_id]
