"""What was final stays, unless nobody among the endpoints says so.

An endpoint that contradicts a final block is usually still syncing, or of another chain. Another
one that agrees with the log is believed, also if it has to be waited for; only without one the
chain halts.
"""

from collections.abc import Callable
from typing import TypeVar

from indexer.endpoint import Endpoint
from indexer.errors import EndpointError, FinalDisputedError, FinalityViolationError
from indexer.node import Node

_T = TypeVar("_T")

_DISPUTES_MIN = 2  # by two endpoints, or by the same one again: a first answer may be an accident
# How often those endpoints are asked again that say nothing just now: for about half a minute.
_ASKED = 6


def ask_agreeing(node: Node, unit: Callable[[Endpoint], _T], *, another: bool = False) -> _T:
    """Do a unit of work at an endpoint that does not contradict what is final in the log.

    Raises:
        EndpointError: no endpoint did it.
        FinalityViolationError: none did, and final blocks were contradicted repeatedly.
        StoppedError: asked to stop.
    """
    for attempt in range(1, _ASKED + 1):
        disputes: list[FinalDisputedError] = []
        try:
            return node.ask(_noting(disputes, unit), another=another)
        except EndpointError as error:
            if len(disputes) < _DISPUTES_MIN:
                raise
            if _all_dispute(node, disputes) or attempt == _ASKED:
                name = node.settings.name
                raise FinalityViolationError(chain=name, dispute=disputes[-1]) from error
        node.wait(attempt)
    raise AssertionError  # the last attempt returns or raises


def _noting(
    disputes: list[FinalDisputedError], unit: Callable[[Endpoint], _T]
) -> Callable[[Endpoint], _T]:
    """The same unit of work; who contradicts is noted."""

    def noting(endpoint: Endpoint) -> _T:
        try:
            return unit(endpoint)
        except FinalDisputedError as dispute:
            disputes.append(dispute)
            raise

    return noting


def _all_dispute(node: Node, disputes: list[FinalDisputedError]) -> bool:
    aliases = {report.alias for report in node.report() if report.state != "quarantined"}
    return aliases <= {dispute.alias for dispute in disputes}
