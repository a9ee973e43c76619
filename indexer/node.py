"""A chain's endpoints as one: a unit of work is done by one of them, or by the next one.

A unit is a function of an endpoint. Whatever part of it fails, all of it is thrown away, so that
no header of one endpoint ever meets a log of another.
"""

import random
import threading
from collections.abc import Callable
from typing import TypeVar

import structlog

from indexer.endpoint import Endpoint
from indexer.errors import EndpointError, StoppedError
from schema.errors import ConfigurationError
from schema.settings import ChainSettings

_log = structlog.get_logger()
_T = TypeVar("_T")

# Four rounds take 1 to 2 s: longer trouble is told by the caller, who asks again from the start.
_ROUNDS = 4
_BACKOFF_SECONDS, _BACKOFF_SECONDS_MAX = 0.2, 15.0


class Node:
    """The endpoints of a chain, the one that answered last asked first.

    Attributes:
        settings: of the chain.
        stop: set to end all waiting.
    """

    def __init__(self, settings: ChainSettings, stop: threading.Event) -> None:
        self.settings = settings
        self.stop = stop
        # A websocket is no endpoint to ask: it will only hint at new heads.
        self._endpoints = {
            at: Endpoint(url, f"{settings.name}-{at + 1}")
            for at, url in enumerate(settings.rpc)
            if url.startswith("http")
        }
        self._order = list(self._endpoints)
        self._checked: set[int] = set()

    def check(self) -> None:
        """Ask every endpoint which chain it is of; one that does not answer is asked again later.

        Raises:
            ConfigurationError: one is of another chain.
        """
        for at, endpoint in self._endpoints.items():
            try:
                self._check_chain(at, endpoint)
            except EndpointError as error:
                _log.warning("endpoint_failed", chain=self.settings.name, reason=str(error))

    def ask(self, unit: Callable[[Endpoint], _T]) -> _T:
        """Do a unit of work at one endpoint; when it fails, at the next, for a few rounds.

        Raises:
            EndpointError: what the last endpoint failed with.
            StoppedError: we were asked to stop.
            ConfigurationError: an endpoint is of another chain.
        """
        for attempt in range(1, _ROUNDS + 1):
            try:
                return self._ask_each(unit, attempt)
            except EndpointError as error:
                if attempt == _ROUNDS:
                    raise
                self.wait(attempt, error)
        raise AssertionError  # the last round returns or raises

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

    def _ask_each(self, unit: Callable[[Endpoint], _T], attempt: int) -> _T:
        failure: EndpointError | None = None
        for at in list(self._order):
            if self.stop.is_set():
                raise StoppedError
            endpoint = self._endpoints[at]
            try:
                self._check_chain(at, endpoint)
                return unit(endpoint)
            except EndpointError as error:
                failure = error
                self._order.sort(key=at.__eq__)  # to the end; the others keep their order
                _log.warning(
                    "endpoint_failed",
                    chain=self.settings.name,
                    endpoint=error.alias,
                    attempt=attempt,
                    reason=str(error),
                )
        assert failure is not None
        raise failure

    def _check_chain(self, at: int, endpoint: Endpoint) -> None:
        if at in self._checked:
            return
        chain_id = endpoint.chain_id()
        if chain_id != self.settings.id:
            raise ConfigurationError(
                f"chain {self.settings.name}: rpc[{at}]",
                f"{endpoint.alias} is of chain {chain_id}, not {self.settings.id}",
                "Name an endpoint of this chain, or mend the chain's id.",
            )
        self._checked.add(at)
