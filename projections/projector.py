"""Keeps the read models posted: one projector a generation, through lost connections.

The generation that serves is posted by its own folds, whatever this code's are. Where these are
other ones, a generation of theirs is posted beside it, compared with it, and put in its place.
"""

import threading
import time
from contextlib import closing

import structlog
from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.sql import SQL, Identifier

from projections.background import BackgroundReplay, Wanted
from projections.definition import Definition, of_this_code
from projections.errors import CannotGoOnError
from projections.generations import Generation, load, open_generation
from projections.locks import holder, posting, try_lock, unlock
from projections.replay import is_demanded
from projections.runner import Posted, Runner
from projections.serving import SWAPPED, read_serving
from projections.session import log_position, open_session, session_name
from projections.stopping import raise_stopped
from schema.database import UNAVAILABLE, reason
from schema.errors import DatabaseUnavailableError
from schema.log.store import CHANNEL
from schema.progress import Progress, Report

# Appends notify; this only bounds what a lost notification costs.
_POLL_SECONDS = 1.0
_STOP_CHECK_SECONDS = 0.1  # how long a set `stop` may go unseen
_STANDBY_SECONDS = 0.5
_SWAP_CHECK_SECONDS = 0.05  # where our own replay is about to let go of what serves now
_BACKOFF_SECONDS, _BACKOFF_SECONDS_MAX = 0.2, 10.0

_log = structlog.get_logger()


def project(
    database_url: str,
    *,
    finish: threading.Event,
    stop: threading.Event,
    report: Report,
    definition: Definition | None = None,
) -> None:
    """Post the log into the read models, as it grows, until `finish` or `stop` is set.

    Args:
        database_url: of a database whose log and control tables are installed.
        finish: once it is set, everything that then stands in the log is posted first, and a
            replay that is demanded is over.
        stop: ends everything soon after it is set.
        report: told how far it is, after every batch.
        definition: of the generation that is to serve in the end; this code's if none is given.

    Raises:
        ProjectionStoppedError: a fold cannot take the next events.
        ReadModelsStoppedError: all is posted, but for read models that stopped.
    """
    wanted = definition or of_this_code()
    _Projector(database_url, wanted, finish=finish, stop=stop, report=report).run()


class _Projector:
    """One projector: what it was asked, and how far it is, over as many sessions as it takes."""

    def __init__(
        self,
        database_url: str,
        definition: Definition,
        *,
        finish: threading.Event,
        stop: threading.Event,
        report: Report,
    ) -> None:
        self._url = database_url
        self._definition = definition
        self._finish = finish
        self._stop = stop
        self._report = report
        self._reporting = threading.Lock()
        self._events = 0
        self._target: int | None = None
        self._replay: BackgroundReplay | None = None
        self._asked_for_demand = False

    def run(self) -> None:
        """Work on one session after another; what was committed is where the next one begins."""
        failures = 0
        is_done = False
        try:
            while not is_done and not self._stop.is_set():
                begun = self._events
                try:
                    is_done = self._session()
                    failures = 0
                except UNAVAILABLE as error:
                    failures = 1 if self._events > begun else failures + 1
                    self._back_off(failures, reason(error))
                except DatabaseUnavailableError as error:
                    failures += 1
                    self._back_off(failures, str(error))
        finally:
            self._end_replay()

    def _back_off(self, failures: int, why: str) -> None:
        seconds = min(_BACKOFF_SECONDS * 2.0 ** (failures - 1), _BACKOFF_SECONDS_MAX)
        _log.warning("projector_waiting", seconds=seconds, attempt=failures, reason=why)
        self._stop.wait(seconds)

    def _session(self) -> bool:
        """Post what serves on one connection; whether there is nothing more to do."""
        with closing(open_session(self._url, "project")) as connection:
            number = self._take_lock(connection)
            if number is None:
                return True
            try:
                generation = load(connection, number)
                self._ask_for_demand(connection)
                return self._post(connection, generation)
            except CannotGoOnError as error:
                _log.warning("posting_anew", reason=str(error))
                unlock(connection, posting(number))  # whoever replays may try
                self._wait_for_another(connection, number)
                return False

    def _take_lock(self, connection: Connection[DictRow]) -> int | None:
        """Be the only one to post what serves; wait as a standby while another does.

        Returns:
            The number of the generation that serves; None when stopped.
        """
        known_holder = None
        while not self._stop.is_set():
            number = _serving(connection)
            lock = posting(number)
            if try_lock(connection, lock):
                if number == _serving(connection):
                    return number
                unlock(connection, lock)
                continue
            current = holder(connection, lock)
            is_ours = current == session_name("replay")
            if current != known_holder and not is_ours:
                known_holder = current
                _log.warning("standing_by", holder=current)
            self._stop.wait(_SWAP_CHECK_SECONDS if is_ours else _STANDBY_SECONDS)
        return None

    def _ask_for_demand(self, connection: Connection[DictRow]) -> None:
        """Once only: what people put in place while we run stays there."""
        if not self._asked_for_demand:
            self._asked_for_demand = True
            if is_demanded(connection, self._definition):
                _log.info("replay_demanded", fingerprint=self._definition.fingerprint[:12])
                self._begin_replay(lambda session: is_demanded(session, self._definition))

    def _post(self, connection: Connection[DictRow], generation: Generation) -> bool:
        """Post the generation as long as it serves; whether there is nothing more to do."""
        for channel in (CHANNEL, SWAPPED):
            connection.execute(SQL("LISTEN {}").format(Identifier(channel)))
        runner = Runner(connection, generation)
        while not self._stop.is_set():
            if self._target is None and self._finish.is_set():
                self._target = log_position(connection)
            posted = runner.post_next()
            if not runner.serves:
                return False
            if posted is not None:
                self._tell(posted)
            if self._has_reached(runner.position) and not self._is_replaying:
                runner.settle()
                return self._finished(connection, generation)
            if posted is None and not self._is_news(connection):
                runner.settle()
        return True

    def _has_reached(self, position: int) -> bool:
        return self._target is not None and position >= self._target

    def _finished(self, connection: Connection[DictRow], generation: Generation) -> bool:
        if self._replay is not None and self._replay.error is not None:
            raise self._replay.error
        raise_stopped(connection, generation)
        return True

    def _tell(self, posted: Posted) -> None:
        done = posted.batch.last
        self._events += done - posted.batch.first + 1
        total = max(done, self._target or posted.log_position)
        self._report_safely(Progress("project", "events", done, total, self._events))

    def _report_safely(self, progress: Progress) -> None:
        """From one thread at a time: a replay reports too."""
        with self._reporting:
            self._report(progress)

    @property
    def _is_told_to_end(self) -> bool:
        return self._stop.is_set() or (self._finish.is_set() and self._target is None)

    def _is_news(self, connection: Connection[DictRow]) -> bool:
        """Wait until something is appended or swapped, or it is time to look anyway: no news."""
        deadline = time.monotonic() + _POLL_SECONDS
        was_replaying = self._is_replaying
        while not self._is_told_to_end and time.monotonic() < deadline:
            if list(connection.notifies(timeout=_STOP_CHECK_SECONDS, stop_after=1)):
                return True
            if was_replaying and not self._is_replaying:
                return True
        return self._is_told_to_end

    @property
    def _is_replaying(self) -> bool:
        return self._replay is not None and self._replay.is_alive()

    def _begin_replay(self, wanted: Wanted) -> None:
        self._replay = BackgroundReplay(
            self._url, self._definition, wanted, stop=self._stop, report=self._report_safely
        )
        self._replay.start()

    def _end_replay(self) -> None:
        """When told to stop, or on an error of ours, a replay under way is given up."""
        if self._is_replaying:
            self._stop.set()
        if self._replay is not None:
            self._replay.join()

    def _wait_for_another(self, connection: Connection[DictRow], number: int) -> None:
        """What serves cannot be posted any further: wait until another generation does.

        Raises:
            Exception: that one cannot be posted either; the replay's own error.
        """
        if not self._is_replaying:
            self._begin_replay(lambda session: _serving(session) == number)
        while _serving(connection) == number and not self._stop.wait(_SWAP_CHECK_SECONDS):
            if self._replay is not None and self._replay.error is not None:
                raise self._replay.error


def _serving(connection: Connection[DictRow]) -> int:
    """The number of the generation that serves; where none does, the first one is made."""
    serving = read_serving(connection)
    return open_generation(connection).number if serving is None else serving.generation
