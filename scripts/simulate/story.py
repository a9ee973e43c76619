"""What happens in a simulated world, block by block: who trades, and how seasons come and go.

The story only decides. Every decision comes from the seed and from what the world holds, so it
goes on in the same way after a reorg has changed what the world holds.
"""

import heapq
import random
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from scripts.simulate import errands, prizes, seasons, views
from scripts.simulate.plan import Fate, Plan, fate_of
from scripts.simulate.players import Players
from scripts.simulate.state import Season, Status, World
from scripts.simulate.trades import Trades
from scripts.simulate.trading import buy, sell
from scripts.simulate.transaction import Act, Operation, Transaction, transaction_hash
from scripts.simulate.truth import truth_of

_TRANSACTIONS = (0, 1, 2, 3, 4, 5)  # of players, in a block
_TRANSACTION_SHARES = (14, 22, 24, 20, 12, 8)  # some blocks are empty
_ERRANDS_IN_A_BLOCK = 3
_SPONSORED = 10**9


class Story:
    """The transactions of block after block.

    Attributes:
        world: what the story decides by; a reorg puts another one in its place.
        traded: how many trades were asked for.
    """

    def __init__(
        self, world: World, players: Players, plan: Plan, *, trades_max: int | None
    ) -> None:
        self._random = random.Random(f"{world.seed}/story")  # noqa: S311  a simulation
        self._trades = Trades(world, players, self._random)
        self._plan = plan
        self._trades_max = trades_max
        self.traded = 0
        self._serial = 0
        self._setup = deque(errands.setting_up(world, players))
        self._pinned: deque[Operation] = deque()  # one a block, in order: the life of the seasons
        self._errands: deque[errands.Errand] = deque()
        self._agenda: list[tuple[int, int, Callable[[int], None]]] = []
        self._awaited: list[int] = []  # seasons whose completion is still to be settled
        self._carrying: list[int] = []  # settled seasons whose prizes may be carried over
        self._schedule(plan.begin(1), 1, self._begin)

    @property
    def world(self) -> World:
        """What the story decides by."""
        return self._trades.world

    @world.setter
    def world(self, world: World) -> None:
        self._trades.world = world

    @property
    def contracts(self) -> Mapping[str, str]:
        """The deployment's singletons, by the configuration's keys."""
        return msgspec.structs.asdict(self.world.contracts)

    def truth(self) -> dict[str, Any]:
        """What the contracts hold."""
        return truth_of(self.world)

    def call(self, world: World, contract: str, data: bytes) -> bytes:
        """What a view function of a contract returns in this world."""
        return views.answer(world, contract, data)

    @property
    def is_over(self) -> bool:
        """Whether all trades are made and nothing is left to do."""
        due = self._agenda and self._agenda[0][0] <= self.traded
        waiting = self._setup or self._pinned or self._errands or due or self._unsettled()
        return self._are_trades_made and not waiting

    @property
    def _are_trades_made(self) -> bool:
        return self._trades_max is not None and self.traded >= self._trades_max

    def transactions(self) -> Iterator[Transaction]:
        """The next block's; each is to be executed before the next one is asked for."""
        if self._setup:
            yield self._administration(self._setup.popleft())
            return
        self._keep_agenda()
        if self._pinned:
            yield self._administration(self._pinned.popleft())
        yield from self._run_errands()
        for _ in range(self._random.choices(_TRANSACTIONS, _TRANSACTION_SHARES)[0]):
            if self._are_trades_made:
                return
            yield from self._trade()

    def _trade(self) -> Iterator[Transaction]:
        intent = self._trades.draw()
        if intent is None:
            self.traded += 1  # time passes by trades, also while no season is open
            return
        self.traded += sum(operation.act in (buy, sell) for operation in intent.operations)
        name = self._next_hash()
        yield Transaction(name, intent.sender, intent.operations, intent.is_bundle, is_pinned=False)

    def _run_errands(self) -> Iterator[Transaction]:
        for _ in range(min(_ERRANDS_IN_A_BLOCK, len(self._errands))):
            operation = self._errands.popleft()(self.world)
            if operation is not None:
                sender = self.world.operators.bundler
                yield Transaction(self._next_hash(), sender, [operation], False, is_pinned=False)  # noqa: FBT003

    def _administration(self, operation: Operation) -> Transaction:
        sender = self.world.operators.deployer
        return Transaction(self._next_hash(), sender, [operation], False, is_pinned=True)  # noqa: FBT003

    def _next_hash(self) -> str:
        self._serial += 1
        return transaction_hash(self.world.seed, self._serial)

    def _keep_agenda(self) -> None:
        while self._agenda and self._agenda[0][0] <= self.traded:
            _, season_id, act = heapq.heappop(self._agenda)
            act(season_id)
        for season in self._unsettled():
            self._awaited.remove(season.season_id)
            self._carrying.append(season.season_id)
            self._errands += errands.after_completion(season, self._random)
        if not self._errands:
            self._carry_over()

    def _unsettled(self) -> list[Season]:
        seasons_ = self.world.seasons
        awaited = [seasons_[season_id] for season_id in self._awaited if season_id in seasons_]
        return [season for season in awaited if season.status is Status.COMPLETED]

    def _schedule(self, at: int, season_id: int, act: Callable[[int], None]) -> None:
        heapq.heappush(self._agenda, (at, season_id, act))

    def _begin(self, season_id: int) -> None:
        self._pin(seasons.create, season_id, self._plan.terms(season_id))
        self._awaited.append(season_id)
        fate = fate_of(season_id)
        if fate is not Fate.NEVER_STARTED:
            self._pin(seasons.start, season_id)
        if fate is Fate.COMPLETED:
            self._pin(prizes.sponsor, season_id, _SPONSORED)
            self._pin(prizes.sponsor_nft, season_id, season_id)
        end = self.traded if fate is Fate.EMPTY else self._plan.end(season_id)
        if fate is not Fate.NEVER_STARTED and end is not None:
            self._schedule(end, season_id, self._end)
        if self._plan.has(season_id + 1):
            self._schedule(self._plan.begin(season_id + 1), season_id + 1, self._begin)

    def _end(self, season_id: int) -> None:
        self._pin(seasons.request_end, season_id)
        if fate_of(season_id) is Fate.CANCELLED:
            self._pin(seasons.cancel, season_id)
            return
        self._pin(seasons.fulfil, season_id)
        self._pin(seasons.finalize, season_id)

    def _pin(self, act: Act, *arguments: object) -> None:
        self._pinned.append(Operation(act, arguments))

    def _carry_over(self) -> None:
        """Spend what was carried over, once a later season is open."""
        buyable = [season.season_id for season in self.world.living.values() if season.can_buy]
        for season_id in sorted(self._carrying):
            depositors = list(self.world.cohorts[season_id].deposited)
            later = [each for each in buyable if each > season_id]
            if depositors and not later:
                continue
            self._carrying.remove(season_id)
            if depositors:
                self._errands += errands.rollover(season_id, later[0], depositors)
