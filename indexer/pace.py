"""How fast an endpoint is asked: as fast as we can, until it refuses.

The first refusal sets a rate, half of what was asked in the last second. From then on the rate
grows by a constant each second and is halved by each refusal: additive increase, multiplicative
decrease. Once it is far above what was refused, it is forgotten. A batch is one request: where its
calls are counted, it is the batches that shrink.
"""

import random
import threading
import time
from collections.abc import Callable

_RATE_MIN = 0.5  # requests a second
_DECREASE = 0.5
# Each second the rate grows by this part of what was refused, and by one request at least.
_SECONDS_TO_RECOVER, _GROWTH_MIN = 10, 1.0
_FORGOTTEN_AT = 3.0  # times the rate that was refused
_BACKOFF_SECONDS, _BACKOFF_SECONDS_MAX = 0.25, 4.0
_WINDOW_SECONDS = 1.0


class Pace:
    """The rate of requests to one endpoint, for many threads.

    Attributes:
        rate: requests a second; None while nothing limits it.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.rate: float | None = None
        self._clock = clock
        self._jitter = jitter
        self._lock = threading.Lock()
        self._refused_rate = 0.0
        self._refusals = 0  # in a row
        self._paused_until = 0.0
        self._next = 0.0
        self._grown_at = 0.0
        self._window = (0.0, 0)
        self._last_window = 0.0

    @property
    def pause_seconds(self) -> float:
        """For how long nothing may be asked."""
        return max(self._paused_until - self._clock(), 0.0)

    def wait(self, stop: threading.Event) -> bool:
        """Wait for the turn of one request; whether it came before we were asked to stop."""
        while (pause := self._turn()) > 0:
            if stop.wait(pause):
                return False
        return True

    def _turn(self) -> float:
        """0 when it is a request's turn, which is then taken; else how long to wait."""
        with self._lock:
            now = self._clock()
            pause = max(self._paused_until, self._next) - now
            if pause <= 0:
                self._count(now)
                self._next = now + self._spacing(now)
            return pause

    def _count(self, now: float) -> None:
        began, count = self._window
        if now - began < _WINDOW_SECONDS:
            self._window = (began, count + 1)
            return
        self._last_window = count / max(now - began, _WINDOW_SECONDS)
        self._window = (now, 1)

    def _spacing(self, now: float) -> float:
        """How long nothing more is asked after a request; the rate grows meanwhile."""
        if self.rate is None:
            return 0.0
        growth = max(self._refused_rate / _SECONDS_TO_RECOVER, _GROWTH_MIN)
        self.rate, self._grown_at = self.rate + growth * (now - self._grown_at), now
        spacing = 1 / self.rate
        if self.rate > _FORGOTTEN_AT * self._refused_rate:
            self.rate = None
        return spacing

    def refused(self, retry_after_seconds: float = 0.0) -> float:
        """The endpoint asks for fewer requests; for how long it is left alone from now on.

        Args:
            retry_after_seconds: what it asked for; 0 where it did not say.
        """
        with self._lock:
            now = self._clock()
            if now >= self._paused_until:  # else an answer to what was asked before the pause
                if not self._refusals:  # else it is no matter of the rate
                    self._slow_down(now)
                self._refusals += 1
            pause = self._jitter() * min(
                _BACKOFF_SECONDS * 2 ** min(self._refusals, 10), _BACKOFF_SECONDS_MAX
            )
            if retry_after_seconds:
                pause = retry_after_seconds * (1 + self._jitter() / 10)
            self._paused_until = max(self._paused_until, now + pause)
            return self._paused_until - now

    def _slow_down(self, now: float) -> None:
        began, count = self._window
        asked = max(self._last_window, count / max(now - began, _WINDOW_SECONDS))
        self._refused_rate = max(min(asked, self.rate or asked), _RATE_MIN)
        self.rate = max(self._refused_rate * _DECREASE, _RATE_MIN)
        self._grown_at = self._next = now

    def accepted(self) -> None:
        """The endpoint answered."""
        self._refusals = 0
