"""A raffle on a development node, and people who play it at random."""

import random
from collections.abc import Iterable, Sequence

from eth_typing import HexAddress, HexStr
from web3.types import Nonce
from web3.utils.address import get_create_address

from tests.anvil.contracts import Contract, compiled, deploy, deploy_blueprint, transaction
from tests.anvil.node import Anvil, Json

SOF_EACH = 10**24  # wei

_PLAYERS = 6
_UNBOUNDED = 2**256 - 1


class Game:
    """A deployment, its players, and a stranger whose token nobody follows.

    Attributes:
        node: where it runs.
        contracts: the addresses that a configuration names.
        players: their accounts, each with the same SOF at the beginning.
        sof: the token that is paid with.
        raffle: the contract of all seasons.
    """

    def __init__(self, node: Anvil, *, seed: int) -> None:
        self.node = node
        self._chance = random.Random(seed)
        self._owner, self._stranger, *players = node.call("eth_accounts")
        self.players: list[str] = players[:_PLAYERS]
        self.sof = deploy(node, self._owner, "Token", self._owner)
        self._factory = deploy(
            node,
            self._owner,
            "SeasonFactory",
            deploy_blueprint(node, self._owner, "Curve"),
            deploy_blueprint(node, self._owner, "Token"),
            self.sof.address,
        )
        self.raffle = deploy(node, self._owner, "Raffle", self._factory.address)
        self._other = deploy(node, self._stranger, "Token", self._stranger)
        self._strangers = 0
        self.contracts = {
            "raffle": self.raffle.address,
            "season_factory": self._factory.address,
            "token": self.sof.address,
        }
        self.mine(self.sof.call(self._owner, "mint", each, SOF_EACH) for each in self.players)

    def season(self) -> list[Json]:
        """Transactions that begin the next season, and let its curve take the players' SOF."""
        number = self.seasons + 1
        curve = self.curve(number).address
        name = f"Saison d’été \N{TICKET} {number}"
        return [
            self.raffle.call(self._owner, "create_season", name),
            *[self.sof.call(player, "approve", curve, _UNBOUNDED) for player in self.players],
        ]

    def trades(self, count: int, *, season: int | None = None) -> list[Json]:
        """Purchases, sales and what else happens; some sales are of more than is held, and fail.

        Args:
            count: how many transactions.
            season: in which season; in any that exists where it is left out.
        """
        seasons = [season] if season else range(1, self.seasons + 1)
        return [self._trade(self.curve(self._chance.choice(seasons))) for _ in range(count)]

    def mine(self, transactions: Iterable[Json]) -> list[str]:
        """Mine the next block, of these transactions; their hashes."""
        hashes = self.node.batch("eth_sendTransaction", [[each] for each in transactions])
        self.node.mine()
        return hashes

    def play(self, blocks: int) -> None:
        """Mine blocks of up to eight trades each; some are empty."""
        for _ in range(blocks):
            self.mine(self.trades(self._chance.randrange(9)))

    def reorg(self, depth: int, transactions: Sequence[Json] = ()) -> None:
        """Replace the last blocks by as many others, over which these transactions are strewn.

        In the first of them is a transaction that never was before, or it might be the same again.
        """
        self._strangers += 1
        at = sorted(self._chance.randrange(depth) for _ in transactions)
        stranger = self._other.call(self._stranger, "mint", self._owner, self._strangers)
        replacing = [(stranger, 0), *zip(transactions, at, strict=True)]
        self.node.call("anvil_reorg", depth, replacing)

    def end(self, season: int) -> Json:
        """The transaction that ends a season."""
        return self.raffle.call(self._owner, "end_season", season)

    @property
    def seasons(self) -> int:
        """How many seasons were begun."""
        count: int = self.raffle.view("season_count")
        return count

    def curve(self, season: int) -> Contract:
        """The curve of a season, which has its address even before it is begun."""
        # The factory creates two contracts a season, the curve first.
        creator = HexAddress(HexStr(self._factory.address))
        address = get_create_address(creator, Nonce(2 * season - 1))
        return Contract(self.node, address.lower(), compiled("Curve"))

    def _trade(self, curve: Contract) -> Json:
        player = self._chance.choice(self.players)
        amount = self._chance.randrange(1, 20)
        match self._chance.choices(["buy", "sell", "elsewhere", "value"], [6, 3, 1, 1])[0]:
            case "elsewhere":
                return self._other.call(self._stranger, "mint", player, amount)
            case "value":
                return transaction(player, "0x", to=self._stranger, value=hex(amount))
            case kind:
                return curve.call(player, kind, amount)
