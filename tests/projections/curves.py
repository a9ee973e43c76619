"""Curve seasons made up at random, and a fold of them that shares no code with ours.

Players join, leave and come back all the time, blocks' times stand still, jump and go back, and
seasons are locked in the middle of it, so that whatever the contracts do not rule out occurs.
"""

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import count
from typing import NamedTuple

import msgspec
from eth_hash.auto import keccak

from schema.events import Event
from schema.events.curve import PositionUpdate, TokensPurchased, TokensSold
from schema.events.raffle import SeasonCreated, SeasonSnapshotted
from schema.snapshot import snapshot_hash
from tests.projections.tape import Block, Tape

CHAIN_ID = 1
RAFFLE = "0x" + "a1" * 20
SEASONS = 3
WIDTHS = (60, 300, 3_600, 86_400)  # seconds
_GENESIS_TIME = 1_760_000_000
_STEPS_SECONDS = (0, 2, 2, 2, 31, 61, 299, 3_700, 100_000, -1, -45, -400)
_REORG_SHARE, _REORG_DEPTH_MAX = 0.1, 5
_LOCK_SHARE = 0.03

_Place = tuple[int, int, str, int, str, int]


class Candle(NamedTuple):
    """Prices in wei; volume in tickets and in wei; trades; all tickets at its end."""

    open: int
    high: int
    low: int
    close: int
    tickets: int
    sof: int
    trades: int
    total: int


class Season:
    """What a season's events come to, one after the other.

    Attributes:
        tickets: of every player who ever held any.
        order: the players who hold some, as the contract lists them.
        candles: by their width and when they begin, in seconds.
        snapshots: participants and tickets at each, with the hash that was logged.
        times: the block number and time of every position update.
    """

    def __init__(self) -> None:
        self.tickets: dict[str, int] = {}
        self.order: list[str] = []
        self.candles: dict[tuple[int, int], Candle] = {}
        self.snapshots: list[tuple[str, list[str], list[int]]] = []
        self.times: list[tuple[int, int]] = []
        self.traded = (0, 0)

    @property
    def total(self) -> int:
        """All tickets."""
        return sum(self.tickets.values())

    def move(self, player: str, new: int) -> None:
        """A player now holds so many tickets."""
        old = self.tickets.get(player, 0)
        if not old and new:
            self.order.append(player)
        elif old and not new:
            self.order[self.order.index(player)] = self.order[-1]
            self.order.pop()
        self.tickets[player] = new

    def take(self, event: Event) -> None:
        """Take the next event in."""
        match event:
            case TokensPurchased():
                self.traded = (event.tokens_received, event.sof_amount)
            case TokensSold():
                self.traded = (event.token_amount, event.sof_received)
            case PositionUpdate():
                self.move(event.player, event.new_tickets)
                self.times.append((event.block_number, event.block_time))
                self._price(event.block_time)
            case SeasonSnapshotted():
                held = [self.tickets[player] for player in self.order]
                self.snapshots.append((event.snapshot_hash, [*self.order], held))

    def _price(self, time: int) -> None:
        tickets, sof = self.traded
        if not tickets:
            return
        price = sof // tickets
        for width in WIDTHS:
            key = (width, time - time % width)
            old = self.candles.get(key, Candle(price, price, price, price, 0, 0, 0, 0))
            self.candles[key] = Candle(
                old.open,
                max(old.high, price),
                min(old.low, price),
                price,
                old.tickets + tickets,
                old.sof + sof,
                old.trades + 1,
                self.total,
            )


def fold(blocks: Iterable[Block]) -> dict[int, Season]:
    """What the events of these blocks come to, season by season."""
    seasons: defaultdict[int, Season] = defaultdict(Season)
    for block in blocks:
        for event in block.events:
            assert isinstance(event, Event)
            seasons[_season_of(event)].take(event)
    return dict(seasons)


def _season_of(event: Event) -> int:
    return int(event.contract, 16) if event.contract != RAFFLE else event.season_id  # type: ignore[attr-defined]  # those of the raffle have one


def made_up_tape(seed: int, *, blocks: int, players: int) -> Tape:
    """A chain as its head saw it, so many blocks and more, those that it left again included."""
    chance = random.Random(seed)
    branch = [_first_block()]
    seen = list(branch)
    while len(seen) < blocks or len(branch) <= max(block.number for block in seen):
        has_time = len(seen) < blocks and len(branch) > _REORG_DEPTH_MAX
        if has_time and chance.random() < _REORG_SHARE:
            del branch[-chance.randint(1, _REORG_DEPTH_MAX) :]
        parent, block_hash = branch[-1], _hash(seed, len(seen))
        time = parent.time + chance.choice(_STEPS_SECONDS)
        header = (CHAIN_ID, parent.number + 1, block_hash, time)
        events = tuple(_trading(chance, header, fold(branch), players))
        branch.append(Block(parent.number + 1, block_hash, parent.hash, time, events, ()))
        seen.append(branch[-1])
    return Tape(CHAIN_ID, tuple(seen), {RAFFLE: "raffle"})


def _hash(*label: object) -> str:
    return "0x" + keccak(repr(label).encode()).hex()


def curve_of(season: int) -> str:
    """The address of a season's curve."""
    return f"0x{season:040x}"


def _first_block() -> Block:
    place = (CHAIN_ID, 0, _hash("genesis"), _GENESIS_TIME, _hash("creations"), 0)
    events = tuple(
        SeasonCreated(*place, at, RAFFLE, at + 1, "S", 0, 0, "0x" + "70" * 20, curve_of(at + 1))
        for at in range(SEASONS)
    )
    announces = tuple(("curve", curve_of(season)) for season in range(1, SEASONS + 1))
    return Block(0, _hash("genesis"), "0x" + "00" * 32, _GENESIS_TIME, events, announces)  # type: ignore[arg-type]  # kinds


def _trading(
    chance: random.Random,
    header: tuple[int, int, str, int],
    seasons: dict[int, Season],
    players: int,
) -> Iterator[Event]:
    """Some transactions of some trades; now and then a season is locked in the midst of one."""
    log_indexes = count()
    for tx_index in range(chance.choice((0, 1, 4))):
        place = (*header, _hash(*header, tx_index), tx_index)
        for _ in range(chance.choice((1, 1, 2, 7))):
            number = chance.randint(1, SEASONS)
            season = seasons[number]
            player = f"0x{chance.randint(1, players):040x}"
            happening = _lock if chance.random() < _LOCK_SHARE else _trade
            for event in happening(chance, place, number, season, player):
                season.take(event)
                yield msgspec.structs.replace(event, log_index=next(log_indexes))


def _lock(_: random.Random, place: _Place, number: int, season: Season, __: str) -> Iterator[Event]:
    said = snapshot_hash(season.order, [season.tickets[player] for player in season.order])
    yield SeasonSnapshotted(*place, 0, RAFFLE, number, said)


def _trade(
    chance: random.Random, place: _Place, number: int, season: Season, player: str
) -> Iterator[Event]:
    """A purchase or a sale; often a sale of everything, and rarely one of nothing."""
    curve, old = (*place, 0, curve_of(number)), season.tickets.get(player, 0)
    sells = old > 0 and chance.random() < 0.6
    tickets = chance.choice((old, old, 1)) if sells else chance.choice((0, 1, 5, 70, 2**70))
    sof, new = chance.randrange(10**20), old - tickets if sells else old + tickets
    yield (TokensSold if sells else TokensPurchased)(
        *curve, player, *((tickets, sof) if sells else (sof, tickets)), 0
    )
    total = season.total + new - old
    yield PositionUpdate(*curve, number, player, old, new, total, 0)
