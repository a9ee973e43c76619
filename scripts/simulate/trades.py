"""What players do in one transaction: a trade, several trades, a transfer, a bet, or a mistake."""

import random
from collections.abc import Callable
from typing import NamedTuple

from scripts.simulate.markets import buy_outcome, create_account, create_market, sell_outcome
from scripts.simulate.plan import Fate, fate_of
from scripts.simulate.players import Players
from scripts.simulate.state import BPS, SOF, Season, Status, World
from scripts.simulate.trading import buy, extract_fees, sell, transfer_tickets
from scripts.simulate.transaction import Operation

_SELL_SHARE = 0.4
_SELL_ALL_SHARE = 0.2
_EXIT_SHARE = 0.1  # of trades while a cancelled season still has holders
_BUNDLE_MAX = 6
_MARKETS_MAX = 10  # in a season
_MARKET_CHANCE_MIN_BPS = 100
_TICKETS_MAX = 900


class Intent(NamedTuple):
    """Operations to be sent together, by whom."""

    sender: str
    operations: list[Operation]
    is_bundle: bool


class Trades:
    """The players' next transaction, given what the world holds."""

    def __init__(self, world: World, players: Players, rng: random.Random) -> None:
        self.world = world
        self._players = players
        self._random = rng
        # Shares as in the recorded run: a quarter of all trading transactions hold several trades.
        self._kinds: dict[Callable[[list[Season]], list[Operation]], int] = {
            self._one: 720,
            self._bundle: 100,
            self._churn: 70,
            self._two_seasons: 50,
            self._mistake: 20,
            self._transfer: 12,
            self._bet: 15,
            self._market: 10,
            self._fees: 3,
        }

    def draw(self) -> Intent | None:
        """The next transaction, or None while no season is open."""
        seasons = [
            season
            for season in self.world.living.values()
            if season.can_buy and fate_of(season.season_id) is not Fate.EMPTY
        ]
        if not seasons:
            return None
        kind = self._random.choices(list(self._kinds), list(self._kinds.values()))[0]
        operations = kind(seasons)
        return self._intent(operations or self._one(seasons), is_bundle=kind == self._bundle)

    def _intent(self, operations: list[Operation], *, is_bundle: bool) -> Intent:
        operators = self.world.operators
        if operations[0].act is extract_fees:
            return Intent(operators.deployer, operations, is_bundle=False)
        actor = next(
            (word for word in operations[-1].arguments if word in self._players.owners), None
        )
        if is_bundle or actor:  # smart accounts act through the entry point
            return Intent(operators.bundler, operations, is_bundle=True)
        return Intent(operations[0].arguments[1], operations, is_bundle=False)

    def _one(self, seasons: list[Season]) -> list[Operation]:
        leaving = [
            season
            for season in self.world.living.values()
            if season.status is Status.CANCELLED and season.participants
        ]
        if leaving and self._random.random() < _EXIT_SHARE:
            season = self._random.choice(leaving)
            return self._trade(season, self._random.choice(season.participants))
        return self._trade(self._random.choice(seasons), self._players.draw())

    def _bundle(self, seasons: list[Season]) -> list[Operation]:
        players = {self._players.draw(): None for _ in range(self._random.randint(2, _BUNDLE_MAX))}
        trades = [self._trade(self._random.choice(seasons), player) for player in players]
        return [operation for trade in trades for operation in trade]

    def _churn(self, seasons: list[Season]) -> list[Operation]:
        """Buy, sell to zero, and mostly buy again, in one transaction."""
        season, player = self._random.choice(seasons), self._players.draw()
        held, more = _sellable(season, player), self._amount()
        again = [Operation(buy, (season.season_id, player, self._amount()))]
        return [
            *self._account(player),
            Operation(buy, (season.season_id, player, more)),
            Operation(sell, (season.season_id, player, held + more)),
            *(again if self._random.random() < 0.7 else []),  # noqa: PLR2004  "mostly"
        ]

    def _two_seasons(self, seasons: list[Season]) -> list[Operation]:
        player = self._players.draw()
        first, *others = self._random.sample(seasons, k=min(2, len(seasons)))
        operations = self._trade(first, player)
        for season in others:
            operations.append(self._trade(season, player)[-1])
        return operations

    def _mistake(self, seasons: list[Season]) -> list[Operation]:
        """Sell more than there is."""
        season, player = self._random.choice(seasons), self._players.draw()
        return [Operation(sell, (season.season_id, player, season.total_tickets + 1))]

    def _transfer(self, seasons: list[Season]) -> list[Operation]:
        season = self._random.choice(seasons)
        if not season.participants:
            return []
        sender = self._random.choice(season.participants)
        most = season.holdings[sender].balance
        if not most:
            return []
        tickets = self._random.randint(1, max(1, most // 4))
        call = (season.season_id, sender, self._players.draw(), tickets)
        return [Operation(transfer_tickets, call)]

    def _bet(self, _: list[Season]) -> list[Operation]:
        markets = [market for market in self.world.markets.values() if not market.is_resolved]
        if not markets:
            return []
        market, trader = self._random.choice(markets), self._players.draw()
        subject, yes = (market.season_id, market.player), self._random.random() < 0.5  # noqa: PLR2004
        if market.holdings.get((trader, yes), 0) > SOF:
            return [Operation(sell_outcome, (subject, trader, yes, SOF // 4))]
        return [Operation(buy_outcome, (subject, trader, yes, self._random.randint(1, 20) * SOF))]

    def _market(self, seasons: list[Season]) -> list[Operation]:
        season = self._random.choice(seasons)
        made = sum(number == season.season_id for number, _ in self.world.markets)
        if not season.participants or made >= _MARKETS_MAX:
            return []
        player = self._random.choice(season.participants)
        chance_bps = season.holdings[player].tickets * BPS // season.total_tickets
        is_made = (season.season_id, player) in self.world.markets
        if is_made or chance_bps < _MARKET_CHANCE_MIN_BPS:
            return []
        return [Operation(create_market, (season.season_id, player))]

    def _fees(self, seasons: list[Season]) -> list[Operation]:
        return [Operation(extract_fees, (self._random.choice(seasons).season_id,))]

    def _trade(self, season: Season, player: str) -> list[Operation]:
        """A purchase or a sale; before a smart account's first one it is created."""
        most = _sellable(season, player)
        if most and (not season.can_buy or self._random.random() < _SELL_SHARE):
            everything = self._random.random() < _SELL_ALL_SHARE
            tickets = most if everything else self._random.randint(1, most)
            return [Operation(sell, (season.season_id, player, tickets))]
        bought = Operation(buy, (season.season_id, player, self._amount()))
        return [*self._account(player), bought]

    def _account(self, player: str) -> list[Operation]:
        owner = self._players.owners.get(player)
        if owner is None or player in self.world.accounts:
            return []
        return [Operation(create_account, (player, owner))]

    def _amount(self) -> int:
        return min(int(12 * self._random.paretovariate(1.1)), _TICKETS_MAX)


def _sellable(season: Season, player: str) -> int:
    """Tickets whose tokens are still with the player."""
    holding = season.holdings.get(player)
    return min(holding.tickets, holding.balance) if holding else 0
