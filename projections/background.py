"""A replay beside the projector, in a thread and sessions of its own, through lost connections."""

import threading
from collections.abc import Callable
from contextlib import closing

import structlog
from psycopg import Connection
from psycopg.rows import DictRow

from projections.definition import Definition
from projections.errors import CannotGoOnError, ReplayRunningError
from projections.replay import Replay, check, replay
from projections.session import open_session
from schema.database import UNAVAILABLE, reason
from schema.errors import DatabaseUnavailableError, DaybookError
from schema.progress import Report

_BACKOFF_SECONDS = 1.0
_AGAIN = (*UNAVAILABLE, DatabaseUnavailableError, CannotGoOnError, ReplayRunningError)

_log = structlog.get_logger()

Wanted = Callable[[Connection[DictRow]], bool]


class BackgroundReplay(threading.Thread):
    """Replays until it is done, no longer wanted, or fails for good.

    Attributes:
        error: what it failed with; what served serves on then.
    """

    error: Exception | None = None

    def __init__(
        self,
        database_url: str,
        definition: Definition,
        wanted: Wanted,
        *,
        stop: threading.Event,
        report: Report,
    ) -> None:
        super().__init__(name="replay")
        self._url = database_url
        self._definition = definition
        self._wanted = wanted
        self._stopping = stop
        self._report = report

    def run(self) -> None:
        """Replay; called by `start`."""
        while not self._stopping.is_set():
            try:
                self._replay()
            except _AGAIN as error:
                _log.warning("replay_waiting", seconds=_BACKOFF_SECONDS, reason=reason(error))
                self._stopping.wait(_BACKOFF_SECONDS)
            except Exception as error:  # noqa: BLE001  raised again by whoever waits for this
                if not self._stopping.is_set():
                    self.error = error
                    known = isinstance(error, DaybookError)
                    _log.error("replay_failed", reason=str(error), exc_info=not known)
                return
            else:
                return

    def _replay(self) -> None:
        with closing(open_session(self._url, "replay")) as session:
            if not self._wanted(session):
                return
        asked = Replay(definition=self._definition)
        check(replay(self._url, asked, stop=self._stopping, report=self._report))
