"""The books that the plain fold keeps: every table a dictionary, every row another one."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar

from schema.events import Event
from schema.events.raffle import SeasonCreated
from tests.projections.curves import Season

Row = dict[str, Any]

_E = TypeVar("_E", bound=Event)


class Placed(NamedTuple):
    """An event, and its position in the log."""

    position: int
    event: Event


class Offer(NamedTuple):
    """A purchase or sale that waits for its position update; SOF and fee in wei."""

    kind: str
    tickets: int
    sof: int
    fee: int
    log_index: int
    payer: str


class Books:
    """What a log's events come to, one after the other.

    Attributes:
        tables: by name, their rows by key.
        deployments: their names by chain.
        seasons: what each season's events come to by themselves, by its key.
        offers: by curve and player, within a transaction.
        earlier: the events of this transaction before this one.
    """

    def __init__(self, deployments: Mapping[int, str]) -> None:
        self.tables: defaultdict[str, dict[tuple[Any, ...], Row]] = defaultdict(dict)
        self.deployments = deployments
        self.seasons: defaultdict[int, Season] = defaultdict(Season)
        self.offers: dict[tuple[str, str], Offer] = {}
        self.earlier: list[Event] = []
        self._keys: dict[tuple[int, Any], int] = {}  # by chain, and season's id or curve

    def begin(self, event: Event) -> None:
        """Forget the transaction before, if this event is of another one."""
        if self.earlier and _transaction(self.earlier[-1]) != _transaction(event):
            self.earlier.clear()
            self.offers.clear()

    def row(self, table: str, key: Row, **start: Any) -> Row:
        """The row of a key; a new one begins as `start`."""
        return self.tables[table].setdefault(tuple(key.values()), {**key, **start})

    def count_seasons(self, events: Iterable[Event]) -> None:
        """Give keys, from 1 on: what is told of a season may stand just before its creation."""
        created = (event for event in events if isinstance(event, SeasonCreated))
        for key, event in enumerate(created, 1):
            self._keys[event.chain_id, event.season_id] = key
            self._keys[event.chain_id, event.bonding_curve] = key

    def season(self, event: Any) -> int:
        """The key of the season that an event names, or whose curve it is of."""
        named = getattr(event, "season_id", None)
        by_curve = self._keys.get((event.chain_id, event.contract))
        return by_curve or self._keys[event.chain_id, named]

    def earlier_ones(self, kind: type[_E]) -> Iterable[_E]:
        """Events of a kind that stand before this one in its transaction, the nearest first."""
        return (event for event in reversed(self.earlier) if isinstance(event, kind))


def place(event: Event) -> Row:
    """Where in its chain an event stands."""
    return {"block_number": event.block_number, "log_index": event.log_index}


def time(event: Event) -> datetime:
    """When its block was made."""
    return datetime.fromtimestamp(event.block_time, UTC)


def add(row: Row, **amounts: int) -> None:
    """Add these to a row's amounts."""
    for name, amount in amounts.items():
        row[name] += amount


def _transaction(event: Event) -> tuple[int, str, str]:
    return event.chain_id, event.block_hash, event.tx_hash
