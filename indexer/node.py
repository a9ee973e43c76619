"""A chain's endpoints as one: a unit of work is done by one of them, or by the next one.

A unit is a function of an endpoint. Whatever part of it fails, all of it is thrown away, so that
no header of one endpoint ever meets a log of another.
"""

import random
import re
import threading
import time
from collections.abc import Callable
from typing import TypeVar

import structlog

from indexer.choice import Choice, Member
from indexer.endpoint import Endpoint
from indexer.errors import (
    BadAnswerError,
    EndpointError,
    EndpointUnreachableError,
    MalformedAnswerError,
    OtherChainError,
    OverloadedError,
    QuotaError,
    StoppedError,
    UnprovableError,
)
from indexer.health import FAILING_SECONDS, LYING_SECONDS, QUARANTINE_SECONDS, Health, State
from indexer.identity import Identity
from indexer.standing import Standing, standing
from schema.errors import ConfigurationError
from schema.settings import ChainSettings

_log = structlog.get_logger()
_T = TypeVar("_T")

# Four rounds take 1 to 2 s: longer trouble is told by the caller, who asks again from the start.
_ROUNDS = 4
# A longer pause that all endpoints ask for is told by the caller too.
_PAUSE_SECONDS_MAX = 1.0
_BACKOFF_SECONDS, _BACKOFF_SECONDS_MAX = 0.2, 15.0
# So long the start waits for slow endpoints, once one is known to be of the chain.
_CHECK_SECONDS = 2.0
# What differs between two failures of one check.
_PARTICULARS = re.compile(r"0x[0-9a-f]+|\d+")


class Node:
    """The endpoints of a chain; those that serve well are asked, spread over all of them.

    Attributes:
        settings: of the chain.
        stop: set to end all waiting.
    """

    def __init__(
        self,
        settings: ChainSettings,
        stop: threading.Event,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Ask the endpoints of a chain until `stop` is set; `clock` tells when to probe them."""
        self.settings = settings
        self.stop = stop
        # A websocket is no endpoint to ask: it only hints at new heads.
        urls = {place: url for place, url in enumerate(settings.rpc) if url.startswith("http")}
        self._members = [
            Member(
                Endpoint(url, f"{settings.name}-{place + 1}", stop=stop, health=Health(clock)),
                place,
            )
            for place, url in urls.items()
        ]
        for member in self._members:
            member.endpoint.has_others = len(self._members) > 1
            member.endpoint.receipts_sample = settings.receipts_sample
        self._choice = Choice(self._members, clock)
        self._identity = Identity(settings)

    def check(self) -> None:
        """Ask every endpoint which chain it is of; one that does not answer is asked again later.

        The first one that answers decides how the chain begins; others are in quarantine.

        Raises:
            ConfigurationError: all are of another chain.
        """
        unknown = [member for member in self._members if not member.is_checked]
        while unknown and not any(member.is_checked for member in self._members):
            self._probe(unknown.pop(0))
        deadline = time.monotonic() + _CHECK_SECONDS
        for thread in [self._begin_probe(member) for member in unknown]:
            thread.join(max(deadline - time.monotonic(), 0.0))
        self._check_any_left()

    @property
    def size(self) -> int:
        """How many endpoints there are, but those in quarantine."""
        return sum(not member.is_quarantined for member in self._members)

    def ask(self, unit: Callable[[Endpoint], _T], *, another: bool = False) -> _T:
        """Do a unit of work at one endpoint; when it fails, at the next, for a few rounds.

        Args:
            unit: the work.
            another: begin with another endpoint than the last time, if there is one as good.

        Raises:
            EndpointError: what the last endpoint failed with.
            UnprovableError: every endpoint failed the same check.
            StoppedError: we were asked to stop.
            ConfigurationError: all endpoints are of another chain.
        """
        failures: dict[Member, EndpointError] = {}
        for attempt in range(1, _ROUNDS + 1):
            tried: list[Member] = []
            while member := self._take(tried, another=another):
                tried.append(member)
                try:
                    result = self._do(member, unit)
                except EndpointError as error:
                    failures[member] = error
                    self._failed(member, error, attempt=attempt)
                else:
                    self._tell_lies(failures, member)
                    return result
                finally:
                    self._choice.give_back(member)
            if self._choice.pause_seconds() > _PAUSE_SECONDS_MAX:
                break
            if attempt < _ROUNDS:
                self.wait(attempt)
        raise self._verdict(failures)

    def ask_each(self, unit: Callable[[Endpoint], _T]) -> list[tuple[str, _T]]:
        """Do a unit of work at every endpoint; what those that did it gave, by alias.

        Raises:
            EndpointError: what the last endpoint failed with, if all did.
            ConfigurationError: all endpoints are of another chain.
        """
        self._check_any_left()
        done: list[tuple[str, _T]] = []
        failure: EndpointError | None = None
        for member in [member for member in self._members if not member.is_quarantined]:
            try:
                done.append((member.endpoint.alias, self._do(member, unit)))
            except EndpointError as error:
                failure = error
                self._failed(member, error)
        if failure is not None and not done:
            raise failure
        return done

    def wait(self, attempt: int, error: EndpointError | None = None) -> None:
        """Back off after the given number of failures.

        Raises:
            StoppedError: we were asked to stop meanwhile.
        """
        backoff: float = min(_BACKOFF_SECONDS * 2 ** min(attempt, 10), _BACKOFF_SECONDS_MAX)
        backoff *= random.uniform(0.5, 1)  # noqa: S311  spreads the retries of many, no secret
        asked = error.retry_after_seconds if error else 0.0
        if self.stop.wait(max(backoff, asked)):
            raise StoppedError

    def report(self) -> list[Standing]:
        """How each endpoint stands just now, in the order of the configuration."""
        return [standing(member) for member in self._members]

    def _take(self, tried: list[Member], *, another: bool) -> Member | None:
        if self.stop.is_set():
            raise StoppedError
        for due in self._choice.take_due():
            self._begin_probe(due)
        member = self._choice.take(tried, another=another)
        if member is None and not tried:
            self._check_any_left()
        return member

    def _do(self, member: Member, unit: Callable[[Endpoint], _T]) -> _T:
        if not member.is_checked:
            self._identity.check(member.endpoint)
            member.is_checked = True
        result = unit(member.endpoint)
        self._succeeded(member)
        return result

    def _begin_probe(self, member: Member) -> threading.Thread:
        """Probe aside: an endpoint that hangs would hold up the range that we are asked for."""
        member.is_probed = True
        thread = threading.Thread(target=self._probe, args=[member], daemon=True)
        thread.start()
        return thread

    def _probe(self, member: Member) -> None:
        """Ask which chain it is of, which also tells whether it answers, and how fast."""
        try:
            self._identity.check(member.endpoint)
            member.is_checked = True
            self._succeeded(member)
        except StoppedError:
            pass  # there is nobody left to be told
        except EndpointError as error:
            self._failed(member, error)
        finally:
            member.is_probed = False

    def _succeeded(self, member: Member) -> None:
        health = member.endpoint.health
        health.succeeded()
        if health.state != "ready":
            health.restore()
            member.refusal = None
            self._tell("endpoint_restored", member)
        if conviction := member.endpoint.conviction:
            member.endpoint.conviction = ""
            self._lied(member, conviction, proved_by=member)
            self._leave(member, "suspended", conviction, LYING_SECONDS)

    def _failed(self, member: Member, error: EndpointError, **where: int) -> None:
        health = member.endpoint.health
        self._tell("endpoint_failed", member, reason=str(error), **where)
        is_over = health.failed(error.weight)
        if isinstance(error, EndpointUnreachableError):
            member.is_checked = False
        if isinstance(error, OverloadedError):
            member.endpoint.pace.refused()
        if isinstance(error, OtherChainError | QuotaError):
            member.refusal = error
            self._leave(member, "quarantined", error.problem, QUARANTINE_SECONDS)
        elif member.is_quarantined:
            self._leave(member, "quarantined", health.reason, QUARANTINE_SECONDS)
        elif _is_unproved(error):
            self._leave(member, "suspended", error.problem, LYING_SECONDS)
        elif is_over or health.state == "suspended":
            self._leave(member, "suspended", error.problem, FAILING_SECONDS)

    def _leave(
        self, member: Member, state: State, reason: str, seconds: tuple[float, float]
    ) -> None:
        before = member.endpoint.health.state
        member.endpoint.health.leave(state, reason, seconds)
        if state != before:
            self._tell(f"endpoint_{state}", member, reason=reason)

    def _tell(self, event: str, member: Member, **more: object) -> None:
        name, alias = self.settings.name, member.endpoint.alias
        log = _log.info if event == "endpoint_restored" else _log.warning
        log(event, chain=name, endpoint=alias, **more)

    def _tell_lies(self, failures: dict[Member, EndpointError], prover: Member) -> None:
        """Another endpoint proved what these did not: so it was not the check that was wrong."""
        for member, error in failures.items():
            if member is not prover and _is_unproved(error):
                self._lied(member, error.problem, proved_by=prover)

    def _lied(self, member: Member, lie: str, *, proved_by: Member) -> None:
        health = member.endpoint.health
        health.lies += 1
        alias = proved_by.endpoint.alias
        self._tell("endpoint_lied", member, reason=lie, proved_by=alias, lies=health.lies)

    def _verdict(self, failures: dict[Member, EndpointError]) -> EndpointError:
        """What to raise when nobody did a unit of work."""
        last = list(failures.values())[-1]
        asked = [member for member in self._members if not member.is_quarantined]
        checks = {
            _PARTICULARS.sub("…", error.problem) if _is_unproved(error) else ""
            for error in (failures.get(member, last) for member in asked)
        }
        if len(checks) != 1 or checks == {""}:
            return last
        aliases = [member.endpoint.alias for member in asked]
        return UnprovableError(chain=self.settings.name, aliases=aliases, check=checks.pop())

    def _check_any_left(self) -> None:
        """Raise if all endpoints are in quarantine."""
        refusals = [member.refusal for member in self._members if member.is_quarantined]
        if len(refusals) < len(self._members):
            return
        for refusal in refusals:
            if refusal is not None and not isinstance(refusal, OtherChainError):
                raise refusal
        first = self._members[0]
        assert first.refusal is not None
        raise ConfigurationError(
            f"chain {self.settings.name}: rpc[{first.place}]",
            str(first.refusal).replace(": ", " ", 1),
            "Name an endpoint of this chain, or mend the chain's id.",
        )


def _is_unproved(error: EndpointError) -> bool:
    return isinstance(error, BadAnswerError) and not isinstance(error, MalformedAnswerError)
