"""Runs jobs now and then in the background: none twice at once, and none ends another one."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC
from types import TracebackType
from typing import NamedTuple, Self

import psycopg
import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from psycopg import Connection
from psycopg.rows import DictRow

from schema.database import UNAVAILABLE, Role, connect, reason
from schema.errors import DatabaseUnavailableError

_THREADS = 4  # a long job leaves room for the short ones
# It speaks of jobs that are still under way when their time comes again, as they may be.
logging.getLogger("apscheduler").setLevel(logging.CRITICAL)

_log = structlog.get_logger()


class Job(NamedTuple):
    """Something that is done now and then.

    Attributes:
        every_seconds: how long after it was due it is due again.
        work: what it does, on a session of its own; must be short, and harmless when done again.
        role: of the session; None for the database's owner.
        at_end: whether it is done once more at the end.
    """

    name: str
    every_seconds: float
    work: Callable[[Connection[DictRow]], None]
    role: Role | None = "daybook_projector"
    at_end: bool = False


class Schedule:
    """Runs jobs until left; use as a context manager.

    Attributes:
        failures: how often each job failed.
    """

    def __init__(self, database_url: str, jobs: Sequence[Job]) -> None:
        self.failures = Counter[str]()
        self._url = database_url
        self._jobs = jobs
        self._skipped: set[str] = set()
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(_THREADS)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def __enter__(self) -> Self:
        for job in self._jobs:
            self._scheduler.add_job(self._run, "interval", [job], seconds=job.every_seconds)
        self._scheduler.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Wait for what is under way, which its statements' timeouts bound."""
        self._scheduler.shutdown(wait=True)
        for job in self._jobs:
            if job.at_end:
                self._run(job)

    def _run(self, job: Job) -> None:
        """Do a job; a database that is away is told once, any other failure each time."""
        try:
            with connect(
                self._url, role=job.role, application_name=f"daybook-upkeep {job.name}"
            ) as session:
                session.execute(_SESSION)
                job.work(session)
            self._skipped.discard(job.name)
        except psycopg.errors.QueryCanceled:
            self._tell_failed(job)
        except (*UNAVAILABLE, DatabaseUnavailableError) as error:
            if job.name not in self._skipped:
                self._skipped.add(job.name)
                _log.warning("upkeep_skipped", job=job.name, reason=reason(error))
        except Exception:  # noqa: BLE001  a job's bug is no reason to end what it looks after
            self._tell_failed(job)

    def _tell_failed(self, job: Job) -> None:
        """In the handler of what it failed with."""
        self.failures[job.name] += 1
        _log.exception("upkeep_failed", job=job.name, failures=self.failures[job.name])


# Whoever works or reads never waits long for upkeep.
_SESSION = "SET statement_timeout = '10s'; SET lock_timeout = '2s'; SET jit = off"
