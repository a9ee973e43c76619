"""An endpoint that fails is left alone for a while, each time for longer, and forgiven in time."""

from indexer.health import FAILING_SECONDS, LYING_SECONDS, QUARANTINE_SECONDS, Health


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """What it shows, in seconds."""
        return self.now


def test_three_failures_in_a_row_are_too_many() -> None:
    """Given failures, when a success comes between, then it takes three again."""
    health = Health()
    assert not health.failed(1.0)
    assert not health.failed(1.0)
    health.succeeded()
    assert not health.failed(1.0)
    assert not health.failed(1.0)
    assert health.failed(1.0)
    assert health.failures == 5


def test_a_block_that_is_not_there_yet_breaks_nothing() -> None:
    """Given an endpoint that is behind, when asked again and again, then it is still asked."""
    health = Health()
    assert not any(health.failed(0.25) for _ in range(100))
    assert health.cost > 0


def test_a_breaker_opens_for_longer_each_time_and_with_jitter() -> None:
    """Given an endpoint that keeps failing, when it is left, then for ever longer, up to a cap."""
    clock = Clock()
    earliest, latest = Health(clock, lambda: 0.0), Health(clock, lambda: 1.0)
    waits = []
    for _ in range(10):
        for health in (earliest, latest):
            health.leave("suspended", "failing", FAILING_SECONDS)
        assert latest.until - clock.now == 2 * (earliest.until - clock.now)
        waits.append(latest.until - clock.now)
        clock.now = latest.until
    assert waits[:4] == [1.0, 2.0, 4.0, 8.0]
    assert waits[-1] == 60.0


def test_what_fails_together_is_left_once() -> None:
    """Given four units of work under way, when all fail, then the wait is doubled once."""
    clock = Clock()
    health = Health(clock, lambda: 1.0)
    for _ in range(4):
        health.leave("suspended", "failing", FAILING_SECONDS)
    assert health.until - clock.now == 1.0


def test_a_lie_weighs_far_more_than_a_failure() -> None:
    """Given a lie, a failure and another chain, then the waits are of other orders."""
    clock = Clock()
    waits = []
    for seconds in (FAILING_SECONDS, LYING_SECONDS, QUARANTINE_SECONDS):
        health = Health(clock, lambda: 1.0)
        health.leave("suspended", "", seconds)
        waits.append(health.until - clock.now)
    assert waits == [1.0, 10.0, 60.0]


def test_an_endpoint_is_due_when_its_wait_is_over() -> None:
    """Given a suspended endpoint, when time passes, then it is to be probed, and then restored."""
    clock = Clock()
    health = Health(clock, lambda: 1.0)
    health.leave("suspended", "failing", FAILING_SECONDS)
    assert [health.is_due, health.state] == [False, "suspended"]
    clock.now += 1.0
    assert [health.is_due, health.state] == [True, "suspended"]
    health.restore()
    assert [health.is_due, health.state] == [False, "ready"]


def test_good_service_is_forgotten_trouble() -> None:
    """Given an endpoint that was left often, when it serves well for long, it begins anew."""
    clock = Clock()
    health = Health(clock, lambda: 1.0)
    for _ in range(5):
        health.leave("suspended", "failing", FAILING_SECONDS)
        clock.now = health.until
    health.restore()
    for _ in range(200):
        health.succeeded()
    health.leave("suspended", "failing", FAILING_SECONDS)
    assert health.until - clock.now == 1.0


def test_failures_cost_and_are_forgotten() -> None:
    """Given one endpoint that fails half the time, then it costs more until it serves well."""
    flaky, good = Health(), Health()
    for _ in range(20):
        flaky.answered(0.01)
        good.answered(0.01)
        flaky.failed(1.0)
        flaky.succeeded()
        good.succeeded()
    assert flaky.cost > 10 * good.cost
    for _ in range(50):
        flaky.succeeded()
    assert flaky.cost < 2 * good.cost
