"""How well an endpoint serves: its latency, its failures, and whether it is used at all.

A breaker: an endpoint that fails again and again, or whose answer fails its proof, is suspended
for a while, each time for longer; then a probe decides. One of another chain, or whose owner
must act, is in quarantine, where not even a lack of others makes it an endpoint to ask.
"""

import random
import time
from collections.abc import Callable
from typing import Literal

State = Literal["ready", "suspended", "quarantined"]

_SMOOTHING = 0.2  # how much the newest observation counts
_FAILED_SECONDS = 2.0  # a failed unit of work costs about this: it is done again elsewhere
_FAILURES_TO_SUSPEND = 3  # in a row
_SUCCESSES_TO_FORGIVE = 200  # in a row
FAILING_SECONDS, LYING_SECONDS, QUARANTINE_SECONDS = (1.0, 60.0), (10.0, 3600.0), (60.0, 3600.0)


class Health:
    """One endpoint's.

    Attributes:
        state: whether it is asked.
        reason: why it is not; empty while it is.
        until: when it is probed, by the clock.
        latency_seconds: of a request, smoothed.
        error_rate: of units of work, smoothed, from 0 to 1.
        failures: of units of work, ever.
        lies: how often it was shown to have lied, ever.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.state: State = "ready"
        self.reason = ""
        self.until = 0.0
        self.latency_seconds = 0.0
        self.error_rate = 0.0
        self.failures = 0
        self.lies = 0
        self._clock = clock
        self._jitter = jitter
        self._failures_in_a_row = 0
        self._successes_in_a_row = 0
        self._strikes = 0

    @property
    def cost(self) -> float:
        """What its latency and its failures cost, in seconds."""
        return self.latency_seconds + self.error_rate * _FAILED_SECONDS

    @property
    def is_due(self) -> bool:
        """Whether it is not asked, but is to be probed."""
        return self.state != "ready" and self._clock() >= self.until

    def answered(self, seconds: float) -> None:
        """A request took this long, whatever came of it."""
        known = self.latency_seconds or seconds
        self.latency_seconds = known + _SMOOTHING * (seconds - known)

    def succeeded(self) -> None:
        """A unit of work was done."""
        self.error_rate *= 1 - _SMOOTHING
        self._failures_in_a_row = 0
        self._successes_in_a_row += 1
        if self._successes_in_a_row >= _SUCCESSES_TO_FORGIVE:
            self._strikes = 0

    def failed(self, weight: float) -> bool:
        """A unit of work failed; whether that was once too often.

        Args:
            weight: how much of a failure it is, from 0 to 1.
        """
        self.failures += weight > 0
        self.error_rate += _SMOOTHING * (weight - self.error_rate) if weight else 0.0
        self._failures_in_a_row += weight >= 1
        self._successes_in_a_row = 0
        return self._failures_in_a_row >= _FAILURES_TO_SUSPEND

    def leave(self, state: State, reason: str, seconds: tuple[float, float]) -> None:
        """Do not ask it for a while: at first for the one, at last for the other many seconds.

        What else fails of what was asked before does not count again.
        """
        if self.state == state and not self.is_due:
            return
        first, longest = seconds
        self.state, self.reason = state, reason
        wait = min(first * 2.0 ** min(self._strikes, 20), longest)
        self.until = self._clock() + wait * (1 + self._jitter()) / 2
        self._strikes += 1
        self._failures_in_a_row = 0

    def restore(self) -> None:
        """Ask it again."""
        self.state, self.reason = "ready", ""
