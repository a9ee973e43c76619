"""Which endpoint is asked next: one that serves well, and of those the least busy one."""

import threading
from collections.abc import Callable, Collection, Sequence
from itertools import count

from indexer.endpoint import Endpoint
from indexer.errors import EndpointError

# Latencies are noise up to this; what serves better than that is not told apart.
_COST_RATIO, _COST_SECONDS = 2.0, 0.05
# One that serves worse is probed this often, to see whether it still does.
_REFRESH_SECONDS = 30.0


class Member:
    """An endpoint among others.

    Attributes:
        endpoint: itself.
        place: in the chain's `rpc`, from 0.
        in_flight: how many units of work it does just now.
        is_checked: whether it is known to be of the right chain, since it was last unreachable.
        is_probed: whether it is being probed.
        refusal: why it is in quarantine.
    """

    def __init__(self, endpoint: Endpoint, place: int) -> None:
        self.endpoint = endpoint
        self.place = place
        self.in_flight = 0
        self.is_checked = False
        self.is_probed = False
        self.refusal: EndpointError | None = None
        self.turn = 0
        self.asked_at = 0.0

    @property
    def is_quarantined(self) -> bool:
        """Whether it must not be asked."""
        return self.endpoint.health.state == "quarantined"

    @property
    def is_ready(self) -> bool:
        """Whether it may be asked at once."""
        endpoint = self.endpoint
        is_unknown = self.is_probed and not self.is_checked
        is_paused = endpoint.pace.pause_seconds > 0
        return endpoint.health.state == "ready" and not is_paused and not is_unknown

    @property
    def cost(self) -> float:
        """What asking it costs, in seconds, as far as is known; less is better."""
        rate = self.endpoint.pace.rate
        return self.endpoint.health.cost + (1 / rate if rate else 0.0)


class Choice:
    """Chooses among the endpoints of a chain, for many threads."""

    def __init__(self, members: Sequence[Member], clock: Callable[[], float]) -> None:
        self._members = members
        self._clock = clock
        self._lock = threading.Lock()
        self._turns = count(1)
        for member in members:
            member.asked_at = clock()

    def take(self, tried: Collection[Member], *, another: bool) -> Member | None:
        """The endpoint to ask next, to be given back; None when this round is over.

        When none is ready the one that will be soonest is asked all the same, but in quarantine.

        Args:
            tried: those that failed in this round.
            another: of those that serve equally well take the one that was asked longest ago, and
                not the one that was asked last.
        """
        with self._lock:
            ready = [member for member in self._members if member.is_ready]
            untried = [member for member in ready if member not in tried]
            chosen = _best(untried, another=another)
            if chosen is None and not tried:
                chosen = self._soonest()
            if chosen is not None:
                chosen.in_flight += 1
                chosen.turn = next(self._turns)
                chosen.asked_at = self._clock()
            return chosen

    def give_back(self, member: Member) -> None:
        """Its unit of work is over."""
        with self._lock:
            member.in_flight -= 1

    def pause_seconds(self) -> float:
        """How long it takes until the first endpoint may be asked again, if they all paused us."""
        pauses = [m.endpoint.pace.pause_seconds for m in self._members if not m.is_quarantined]
        return min(pauses, default=0.0)

    def take_due(self) -> list[Member]:
        """Those to be probed now, each marked as being probed."""
        now = self._clock()
        with self._lock:
            due = [m for m in self._members if not m.is_probed and _is_due(m, now)]
            for member in due:
                member.is_probed, member.asked_at = True, now
            return due

    def _soonest(self) -> Member | None:
        def ready_in(member: Member) -> float:
            endpoint = member.endpoint
            suspended = endpoint.health.until - self._clock()
            suspended = 0.0 if endpoint.health.state == "ready" else suspended
            return max(suspended, endpoint.pace.pause_seconds)

        members = [member for member in self._members if not member.is_quarantined]
        return min(members, key=ready_in, default=None)


def _best(members: Sequence[Member], *, another: bool) -> Member | None:
    """Of those that serve about equally well the least busy one."""
    if not members:
        return None
    least = min(member.cost for member in members)
    good = [member for member in members if member.cost <= _COST_RATIO * least + _COST_SECONDS]
    order = 1 if another else -1
    return min(good, key=lambda member: (member.in_flight, order * member.turn, member.place))


def _is_due(member: Member, now: float) -> bool:
    health = member.endpoint.health
    if health.state != "ready":
        return health.is_due
    return member.is_checked and now - member.asked_at > _REFRESH_SECONDS
