"""How the endpoints of a chain stand, for people and for metrics."""

from typing import NamedTuple

from indexer.choice import Member
from indexer.health import State


class Standing(NamedTuple):
    """How an endpoint stands just now.

    Attributes:
        state: "ready", "suspended" for a while, or in quarantine ("quarantined").
        reason: why it is not ready.
        latency_ms: of a request, smoothed.
        error_rate: of units of work, smoothed, from 0 to 1.
        requests_a_second: what it is slowed down to; None while it is not.
        failures: of units of work, ever.
        lies: how often it was shown to have lied, ever.
        in_flight: units of work that it does just now.
        width: how many blocks of logs it is asked for at once.
    """

    alias: str
    state: State
    reason: str
    latency_ms: float
    error_rate: float
    requests_a_second: float | None
    failures: int
    lies: int
    in_flight: int
    width: int


def standing(member: Member) -> Standing:
    """How an endpoint stands just now."""
    endpoint, health = member.endpoint, member.endpoint.health
    return Standing(
        alias=endpoint.alias,
        state=health.state,
        reason=health.reason,
        latency_ms=round(health.latency_seconds * 1000, 1),
        error_rate=round(health.error_rate, 3),
        requests_a_second=endpoint.pace.rate,
        failures=health.failures,
        lies=health.lies,
        in_flight=member.in_flight,
        width=endpoint.width,
    )
