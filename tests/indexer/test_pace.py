"""An endpoint is asked as fast as we can, until it refuses; then as fast as it lets us."""

import threading
import time

from indexer.pace import Pace

_STOP = threading.Event()


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """What it shows, in seconds."""
        return self.now


class Provider:
    """Refuses what is beyond so many requests a second, and counts what it does."""

    def __init__(self, rate_max: int) -> None:
        self._rate_max = rate_max
        self._seconds: dict[int, int] = {}
        self.accepted = 0
        self.refused = 0

    def takes(self, now: float) -> bool:
        """Whether it takes one more request now."""
        second = int(now)
        self._seconds[second] = self._seconds.get(second, 0) + 1
        is_taken = self._seconds[second] <= self._rate_max
        self.accepted += is_taken
        self.refused += not is_taken
        return is_taken


class Waiting(threading.Event):
    """An event whose waits pass at once, on a clock."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def wait(self, timeout: float | None = None) -> bool:
        """Let the time pass."""
        self._clock.now += (timeout or 0.0) + 1e-6
        return False


def play(provider: Provider, seconds: float) -> Pace:
    """Ask a provider as fast as the pace lets us; a request takes a millisecond."""
    clock = Clock()
    pace, waiting = Pace(clock, lambda: 0.5), Waiting(clock)
    end = clock.now + seconds
    while clock.now < end:
        pace.wait(waiting)
        if provider.takes(clock.now):
            pace.accepted()
        else:
            pace.refused()
        clock.now += 0.001
    return pace


def test_nothing_is_slowed_down_before_a_refusal() -> None:
    """Given no refusal, when asked a thousand times at once, then nobody ever waits."""
    clock = Clock()
    pace = Pace(clock)
    for _ in range(1_000):
        assert pace.wait(_STOP)
    assert pace.rate is None
    assert pace.pause_seconds == 0


def test_a_limit_is_found_and_most_of_it_used() -> None:
    """Given a provider of 50 requests a second, when asked a minute, then few are refused."""
    provider = Provider(50)
    play(provider, 60)
    assert provider.accepted > 0.5 * 50 * 60
    assert provider.refused < 0.02 * provider.accepted


def test_a_refusal_halves_the_rate_of_the_last_second() -> None:
    """Given 100 requests in a second, when one is refused, then 50 a second are asked."""
    clock = Clock()
    pace = Pace(clock, lambda: 0.5)
    for _ in range(100):
        pace.wait(_STOP)
        clock.now += 0.01
    pace.refused()
    assert pace.rate is not None
    assert 45 < pace.rate < 55


def test_refusals_that_come_together_count_once() -> None:
    """Given eight requests under way, when all are refused, then the rate is halved once."""
    clock = Clock()
    pace = Pace(clock, lambda: 0.5)
    for _ in range(100):
        pace.wait(_STOP)
        clock.now += 0.01
    for _ in range(8):
        pace.refused()
    assert pace.rate is not None
    assert pace.rate > 45


def test_a_stated_wait_is_never_cut_short() -> None:
    """Given a Retry-After of 7 s, when refused, then nothing is asked for 7 s, and little more."""
    clock = Clock()
    for dice in (lambda: 0.0, lambda: 0.5, lambda: 1.0):
        pace = Pace(clock, dice)
        assert 7.0 <= pace.refused(7.0) < 8.0
        assert 7.0 <= pace.pause_seconds < 8.0


def test_pauses_grow_while_everything_is_refused_and_are_bounded() -> None:
    """Given refusals only, when asked on, then the pauses double up to a few seconds."""
    clock = Clock()
    pace = Pace(clock, lambda: 1.0)
    pauses = []
    for _ in range(12):
        pauses.append(pace.refused())
        clock.now += pauses[-1]
    assert pauses[:3] == [0.5, 1.0, 2.0]
    assert max(pauses) == 4.0


def test_pauses_have_full_jitter() -> None:
    """Given the same refusals, when the dice differ, then pauses are anything from none on."""
    assert Pace(Clock(), lambda: 0.0).refused() == 0.0
    assert Pace(Clock(), lambda: 0.5).refused() == 0.25


def test_an_outage_that_ends_is_forgotten() -> None:
    """Given refusals for a while, when all is accepted again, then nothing is slowed down."""
    clock = Clock()
    pace, waiting = Pace(clock, lambda: 1.0), Waiting(clock)
    for _ in range(10):
        pace.wait(waiting)
        pace.refused()
    began = clock.now
    while pace.rate is not None:
        pace.wait(waiting)
        pace.accepted()
    assert clock.now - began < 15


def test_waiting_ends_when_we_are_asked_to_stop() -> None:
    """Given a pause of a minute, when stopped, then the wait ends at once, without a turn."""
    pace, stop = Pace(), threading.Event()
    pace.refused(60.0)
    stop.set()
    assert not pace.wait(stop)


def test_many_threads_share_one_rate() -> None:
    """Given a rate of 150 a second, when 8 threads ask, then together they keep to it."""
    pace = Pace(jitter=lambda: 0.0)
    for _ in range(300):
        pace.wait(_STOP)
    pace.refused()
    began = time.monotonic()

    def ask() -> None:
        for _ in range(20):
            pace.wait(_STOP)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - began > 0.3  # 160 requests at 150 a second, and the rate grows
