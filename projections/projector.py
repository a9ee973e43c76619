"""Keeps the read models posted: one projector a database, through lost connections."""

import os
import socket
import threading
import time
from contextlib import closing

import structlog
from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.sql import SQL, Identifier

from projections.errors import PriorImagesMissingError
from projections.generations import create as create_generation
from projections.generations import open_generation
from projections.runner import Posted, Runner
from schema.database import UNAVAILABLE, Role, connect, reason
from schema.errors import DatabaseUnavailableError
from schema.log.store import CHANNEL
from schema.progress import Progress, Report

_ROLE: Role = "daybook_projector"
_LOCK = (0x6461_7962, 4)  # "dayb": one projector a database
# Appends notify; this only bounds what a lost notification costs.
_POLL_SECONDS = 1.0
_STOP_CHECK_SECONDS = 0.1  # how long a set `stop` may go unseen
_STANDBY_SECONDS = 0.5
_BACKOFF_SECONDS, _BACKOFF_SECONDS_MAX = 0.2, 10.0

_log = structlog.get_logger()


def project(
    database_url: str, *, finish: threading.Event, stop: threading.Event, report: Report
) -> None:
    """Post the log into the read models, as it grows, until `finish` or `stop` is set.

    Args:
        database_url: of a database whose log and control tables are installed.
        finish: once it is set, everything that then stands in the log is posted first.
        stop: ends everything soon after it is set.
        report: told how far it is, after every batch.

    Raises:
        ProjectionStoppedError: a fold cannot take the next events.
    """
    _Projector(database_url, finish=finish, stop=stop, report=report).run()


class _Projector:
    """One projector: what it was asked, and how far it is, over as many sessions as it takes."""

    def __init__(
        self, database_url: str, *, finish: threading.Event, stop: threading.Event, report: Report
    ) -> None:
        self._url = database_url
        self._finish = finish
        self._stop = stop
        self._report = report
        self._events = 0
        self._target: int | None = None

    def run(self) -> None:
        """Work on one session after another; what was committed is where the next one begins."""
        failures = 0
        is_done = False
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

    def _back_off(self, failures: int, why: str) -> None:
        seconds = min(_BACKOFF_SECONDS * 2.0 ** (failures - 1), _BACKOFF_SECONDS_MAX)
        _log.warning("projector_waiting", seconds=seconds, attempt=failures, reason=why)
        self._stop.wait(seconds)

    def _session(self) -> bool:
        """Post on one connection; whether there is nothing more to do."""
        name = f"daybook-project {socket.gethostname()} {os.getpid()}"
        with closing(connect(self._url, role=_ROLE, application_name=name)) as connection:
            if not self._take_lock(connection):
                return True
            connection.execute(SQL("LISTEN {}").format(Identifier(CHANNEL)))
            try:
                self._post(connection, Runner(connection, open_generation(connection)))
            except PriorImagesMissingError as error:
                _log.warning("posting_anew", reason=str(error))
                create_generation(connection)
                # The next session may begin before the server has ended this one.
                connection.execute("SELECT pg_advisory_unlock_all()")
                return False
            return True

    def _take_lock(self, connection: Connection[DictRow]) -> bool:
        """Be the only projector; wait as a standby while another is. False when stopped."""
        known_holder = None
        while not self._stop.is_set():
            row = connection.execute(_TRY_LOCK, _LOCK).fetchone()
            assert row is not None
            if row["is_taken"]:
                return True
            if row["holder"] != known_holder:
                known_holder = row["holder"]
                _log.warning("standing_by", holder=known_holder)
            self._stop.wait(_STANDBY_SECONDS)
        return False

    def _post(self, connection: Connection[DictRow], runner: Runner) -> None:
        while not self._stop.is_set():
            if self._target is None and self._finish.is_set():
                self._target = _log_position(connection)
            posted = runner.post_next()
            if posted is not None:
                self._tell(posted)
            if self._target is not None and (posted is None or posted.batch.last >= self._target):
                return
            if posted is None:
                self._wait_for_news(connection)

    def _tell(self, posted: Posted) -> None:
        done = posted.batch.last
        self._events += done - posted.batch.first + 1
        total = max(done, self._target or posted.log_position)
        self._report(Progress("project", "events", done, total, self._events))

    @property
    def _is_told_to_end(self) -> bool:
        return self._stop.is_set() or self._finish.is_set()

    def _wait_for_news(self, connection: Connection[DictRow]) -> None:
        """Until something is appended, or it is time to look anyway."""
        deadline = time.monotonic() + _POLL_SECONDS
        while not self._is_told_to_end and time.monotonic() < deadline:
            if list(connection.notifies(timeout=_STOP_CHECK_SECONDS, stop_after=1)):
                return


def _log_position(connection: Connection[DictRow]) -> int:
    row = connection.execute(_SELECT_LOG_POSITION).fetchone()
    assert row is not None
    position: int = row["log_position"]
    return position


_SELECT_LOG_POSITION = """
    SELECT coalesce(max(notification_id), 0) AS log_position FROM log.stored_event
"""
# Whether this session now holds the lock, and by its application name, who does otherwise.
_TRY_LOCK = """
    WITH asked (class, object) AS (SELECT %s::integer, %s::integer)
    SELECT
        pg_try_advisory_lock(asked.class, asked.object) AS is_taken,
        (
            SELECT session.application_name
            FROM pg_locks AS held
            INNER JOIN pg_stat_activity AS session USING (pid)
            WHERE
                held.locktype = 'advisory'
                AND held.granted
                AND held.database = (
                    SELECT oid FROM pg_database WHERE datname = current_database()
                )
                AND held.classid::bigint = asked.class
                AND held.objid::bigint = asked.object
        ) AS holder
    FROM asked
"""
