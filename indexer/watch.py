"""What a chain does over time and a person should know: a head that stands still, a loop of forks.

The time is an argument everywhere: seconds of a monotonic clock.
"""

from collections import deque
from statistics import median

import structlog

from indexer.proof import Header
from schema.log.chain import BlocksOrphaned

_log = structlog.get_logger()

# A chain stands still when it is this many times later than its blocks usually come, and in any
# case not before a minute. Until it was seen to move nothing is usual: then ten minutes.
_INTERVALS_LATE, _LATE_SECONDS_MIN, _LATE_SECONDS_AT_FIRST = 20, 60.0, 600.0
_INTERVALS_KEPT = 64

# The very same blocks left so often within so long: the chain, or two endpoints by turns, loops.
_LOOP_TIMES, _LOOP_SECONDS = 3, 600.0
_PAUSE_SECONDS, _PAUSE_SECONDS_MAX = 0.5, 10.0
_FORKS_KEPT = 1_024


class HeadWatch:
    """Tells once when a chain's head stands still, and when it moves again."""

    def __init__(self, chain: str) -> None:
        self._chain = chain
        self._head: Header | None = None
        self._since = 0.0
        self._intervals: deque[float] = deque(maxlen=_INTERVALS_KEPT)
        self._is_stalled = False

    def see(self, head: Header, now: float) -> None:
        """The chain has this head now."""
        if self._head is None or head.hash != self._head.hash:
            self._move(head, now)
        elif not self._is_stalled and now - self._since > self._late_seconds:
            self._is_stalled = True
            _log.warning("head_stalled", **self._where(now))

    def _move(self, head: Header, now: float) -> None:
        if self._is_stalled:
            self._is_stalled = False
            _log.info("head_moves", **self._where(now))
        elif self._head is not None and head.number > self._head.number:
            self._intervals.append((now - self._since) / (head.number - self._head.number))
        self._head, self._since = head, now

    @property
    def _late_seconds(self) -> float:
        if not self._intervals:
            return _LATE_SECONDS_AT_FIRST
        return max(_INTERVALS_LATE * median(self._intervals), _LATE_SECONDS_MIN)

    def _where(self, now: float) -> dict[str, object]:
        assert self._head is not None
        seconds = round(now - self._since, 1)
        return {"chain": self._chain, "block": self._head.number, "seconds": seconds}


class ForkWatch:
    """Tells of reorganisations, and once when the same blocks are left over and over."""

    def __init__(self, chain: str) -> None:
        self._chain = chain
        self._forks: deque[tuple[float, str]] = deque(maxlen=_FORKS_KEPT)
        self._is_looping = False

    def orphaned(self, fact: BlocksOrphaned, now: float) -> float:
        """The chain left these blocks; for how many seconds to leave it alone now."""
        fork, blocks = fact.fork_number, len(fact.blocks)
        _log.info("reorganised", chain=self._chain, fork_number=fork, blocks=blocks)
        lowest = fact.blocks[0].hash
        while self._forks and now - self._forks[0][0] > _LOOP_SECONDS:
            self._forks.popleft()
        self._forks.append((now, lowest))
        times = sum(left == lowest for _, left in self._forks)
        if times < _LOOP_TIMES:
            return 0.0
        if not self._is_looping:
            self._is_looping = True
            _log.error("reorg_loop", chain=self._chain, fork_number=fork, times=times)
        return min(_PAUSE_SECONDS * 2.0 ** min(times - _LOOP_TIMES, 10), _PAUSE_SECONDS_MAX)

    def see(self, now: float) -> None:
        """Time went on; whoever looped and left nothing for long is settled."""
        if self._is_looping and now - self._forks[-1][0] > _LOOP_SECONDS:
            self._is_looping = False
            _log.info("reorg_loop_over", chain=self._chain)
