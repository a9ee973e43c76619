"""Posts a generation beside the one that serves, up to where that one is, and no further.

So the two can be compared row by row at one position of the log, and one put in the other's place
without taking readers back. Where the serving one cannot be posted any further, the generation
beside it goes on to the log's end alone.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import timedelta
from typing import NamedTuple

import structlog
from psycopg import Connection
from psycopg.rows import DictRow

from projections.compare import Comparison, compare
from projections.definition import Definition
from projections.errors import (
    BesideStoppedError,
    CannotGoOnError,
    LogCutOffError,
    NothingServesError,
    ReplayRunningError,
)
from projections.generations import Generation, create, drop, load, prune
from projections.locks import REPLAYING, holder, posting, try_lock, unlock
from projections.runner import EVENTS_MAX, Posted, Runner
from projections.serving import Serving, held_still, put_in_place, read_serving
from projections.session import log_position, open_session
from schema.database import UNAVAILABLE
from schema.progress import Progress, Report

_PATIENCE = timedelta(seconds=10)  # for the server to end our own session
_WAIT_SECONDS = 0.05  # for the serving generation to be posted by whoever does it

_log = structlog.get_logger()


class Work(NamedTuple):
    """What is done beside: on which database, under which name, and who is told.

    Attributes:
        name: in progress reports and of the sessions, e.g. `replay`.
        stop: ends it soon after it is set.
        report: told how far it is, after every batch.
    """

    database_url: str
    name: str
    stop: threading.Event
    report: Report

    def session(self) -> closing[Connection[DictRow]]:
        """A session of the projector's role, ended when left."""
        return closing(open_session(self.database_url, self.name))


def _whole() -> int:
    return EVENTS_MAX


class Beside:
    """One generation, posted beside the one that serves.

    Attributes:
        generation: which.
        events: how many were posted.
        is_alone: whether it goes to the log's end, whatever the serving one does.
        obstacle: why the serving one cannot be posted any further, where that is so.
    """

    obstacle: CannotGoOnError | None = None

    def __init__(
        self,
        work: Work,
        *,
        session: Connection[DictRow],
        control: Connection[DictRow],
        generation: Generation,
        cut: Callable[[], int] = _whole,
    ) -> None:
        """Prepare.

        Args:
            work: what for.
            session: holds the lock of the generation, and posts it.
            control: another session, for what must not wait for that.
            generation: not the one that serves.
            cut: the size of each batch, in events.
        """
        self.generation = generation
        self.events = 0
        self.is_alone = False
        self._work = work
        self._session = session
        self._control = control
        self._cut = cut
        self._runner = Runner(session, generation)

    def catch_up(self) -> None:
        """Post up to where the serving one is, while that moves, and make what was left out."""
        self._follow()
        self._runner.settle()
        self._follow()

    def compare(self) -> Comparison | None:
        """Compare it with the one that serves at one position; None if that cannot be reached."""
        with ExitStack() as snapshot:
            with self._level() as serving:
                if self.is_alone:
                    return None
                snapshot.enter_context(self._session.transaction())
                self._session.execute("SELECT pg_current_snapshot()")  # which is taken here
            return compare(
                self._session,
                before=serving.generation,
                after=self.generation.number,
                position=serving.position,
            )

    def swap(self, *, rolls_back: bool = False) -> Serving:
        """Put it in the place of the one that serves; returns that one."""
        number = self.generation.number
        with self._level() as serving:
            put_in_place(self._control, serving, number, rolls_back=rolls_back)
        _log.info("generation_serves", generation=number, previous=serving.generation)
        return serving

    def post_to_end(self) -> None:
        """Post to the log's end, as the one that serves now, unless told to stop."""
        while not self._work.stop.is_set() and self._post(limit=None):
            pass

    @contextmanager
    def _level(self) -> Iterator[Serving]:
        """As far as the serving one, which is held still meanwhile."""
        is_level = False
        while not is_level:
            self._follow()
            with held_still(self._control) as serving:
                while self._post(self._limit(serving)):
                    pass
                if is_level := self._is_level(serving):
                    yield serving

    def _follow(self) -> None:
        while True:
            if self._work.stop.is_set():
                raise BesideStoppedError
            serving = read_serving(self._control)
            assert serving is not None
            if self._post(self._limit(serving)):
                continue
            if self._is_level(serving):
                return
            self._wait_for(serving)

    def _is_level(self, serving: Serving) -> bool:
        """Whether it is where it is to be, when there was nothing more to post."""
        if self.is_alone:
            return self._runner.position >= serving.position
        return self._runner.position == serving.position and serving.settled

    def _limit(self, serving: Serving) -> int | None:
        return None if self.is_alone else serving.position

    def _post(self, limit: int | None) -> Posted | None:
        posted = self._runner.post_next(limit=limit, events_max=self._cut())
        if posted is not None:
            done = posted.batch.last
            self.events += done - posted.batch.first + 1
            total = max(done, posted.log_position if limit is None else limit)
            self._work.report(Progress(self._work.name, "events", done, total, self.events))
        return posted

    def _wait_for(self, serving: Serving) -> None:
        """The serving one must move: it stands before a reorganisation, or has not caught up."""
        end = log_position(self._control)
        if end < serving.position:
            raise LogCutOffError(position=serving.position, log_position=end)
        lock = posting(serving.generation)
        if holder(self._control, lock) is not None:
            self._work.stop.wait(_WAIT_SECONDS)
            return
        with self._work.session() as session:
            if try_lock(session, lock):
                self._post_serving(session, serving)
                unlock(session, lock)

    def _post_serving(self, session: Connection[DictRow], serving: Serving) -> None:
        """Nobody else does, so it is done here."""
        try:
            runner = Runner(session, load(session, serving.generation))
            while runner.post_next() and not self._work.stop.is_set():
                pass
            runner.settle()
        except CannotGoOnError as error:
            _log.warning("posting_alone", generation=self.generation.number, reason=str(error))
            self.is_alone, self.obstacle = True, error


@contextmanager
def alone(work: Work) -> Iterator[Connection[DictRow]]:
    """A session that holds the lock of all replays.

    Raises:
        ReplayRunningError: another one holds it.
    """
    with work.session() as control:
        if not try_lock(control, REPLAYING):
            raise ReplayRunningError(holder(control, REPLAYING))
        try:
            yield control
        finally:
            with suppress(*UNAVAILABLE):  # then it ends with the session
                unlock(control, REPLAYING)


@contextmanager
def posted_anew(
    work: Work,
    control: Connection[DictRow],
    definition: Definition,
    *,
    cut: Callable[[], int] = _whole,
) -> Iterator[Beside]:
    """A new generation, which is dropped if the block fails.

    Args:
        work: what for.
        control: a session that holds the lock of all replays.
        definition: what it is posted with.
        cut: the size of each batch, in events.
    """
    serving = the_serving(control)
    prune(control)
    with work.session() as session:
        generation = create(session, definition)
        try:
            work.report(Progress(work.name, "events", 0, serving.position, 0))
            yield Beside(work, session=session, control=control, generation=generation, cut=cut)
        except BaseException:
            session.close()
            with suppress(*UNAVAILABLE):  # then the next one drops it
                drop(control, generation.number, patience=_PATIENCE)
            raise
        unlock(session, posting(generation.number))


def the_serving(control: Connection[DictRow]) -> Serving:
    """The generation that serves.

    Raises:
        NothingServesError: there is none yet.
    """
    serving = read_serving(control)
    if serving is None:
        raise NothingServesError
    return serving
