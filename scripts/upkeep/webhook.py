"""Posts alerts to an HTTP endpoint, in a thread of its own, so that nobody waits for it.

Its URL may hold a secret, and so may the errors of `requests`: neither is ever logged.
"""

import logging
import queue
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

import msgspec
import requests
import structlog

from scripts.upkeep.alerts import Alert

logging.getLogger("urllib3").setLevel(logging.CRITICAL + 1)  # it logs the hosts that it asks

_TRIES = 5
_BACKOFF_SECONDS = 1.0  # then twice as much each time: 15 s in all
_TIMEOUT_SECONDS = 5.0
_CLOSING_SECONDS = 10.0
_WAITING_MAX = 1_000

_log = structlog.get_logger()


class Webhook:
    """An endpoint that is told of alerts, in their order; use as a context manager.

    What it does not take after a few tries is given up, and said in the log.
    """

    def __init__(self, url: str, *, backoff_seconds: float = _BACKOFF_SECONDS) -> None:
        self._url = url
        self._backoff_seconds = backoff_seconds
        self._closing = threading.Event()
        self._waiting: queue.Queue[Alert | None] = queue.Queue(_WAITING_MAX)
        self._thread = threading.Thread(target=self._run, name="webhook", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Post what is waiting yet, until one cannot be delivered, and not for long."""
        self._closing.set()
        with suppress(queue.Full):  # then the first failure ends it, or its time is over
            self._waiting.put_nowait(None)
        self._thread.join(_CLOSING_SECONDS)

    def tell(self, alert: Alert) -> None:
        """Post an alert soon."""
        try:
            self._waiting.put_nowait(alert)
        except queue.Full:
            _tell_undelivered(alert, "too many are waiting")

    def _run(self) -> None:
        while (alert := self._waiting.get()) is not None:
            if not self._deliver(alert) and self._closing.is_set():
                return

    def _deliver(self, alert: Alert) -> bool:
        """Post until it is taken; whether it was."""
        problem = self._post(alert)
        for attempt in range(1, _TRIES):
            if problem is None or self._closing.wait(self._backoff_seconds * 2 ** (attempt - 1)):
                break
            problem = self._post(alert)
        if problem is not None:
            _tell_undelivered(alert, problem)
        return problem is None

    def _post(self, alert: Alert) -> str | None:
        """Post once; what went wrong, if anything did."""
        try:
            with requests.post(
                self._url,
                data=msgspec.json.encode(alert),
                headers={"Content-Type": "application/json"},
                timeout=_TIMEOUT_SECONDS,
                allow_redirects=False,  # the secret is for this host alone
                stream=True,  # nobody reads the answer, however long it is
            ) as response:
                return None if response.ok and not response.is_redirect else _said(response)
        except (requests.RequestException, ValueError) as error:
            return type(error).__name__  # its text would hold the URL


def _said(response: requests.Response) -> str:
    return f"HTTP {response.status_code}"


def _tell_undelivered(alert: Alert, problem: str) -> None:
    _log.error(
        "alert_not_delivered",
        alert=alert.alert,
        subject=alert.subject,
        change=alert.event,
        reason=problem,
    )
