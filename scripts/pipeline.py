"""Runs the parts of daybook: each alone, or all in one process."""

import threading
from collections.abc import Callable
from functools import partial

import structlog

import api
import indexer
import projections
from schema.errors import DaybookError
from schema.progress import Report
from schema.settings import Settings
from scripts.database import open_database
from scripts.progress import Display

_log = structlog.get_logger()

Part = Callable[[], None]


def index(settings: Settings, *, until_head: bool, stop: threading.Event) -> None:
    """Write the chains' logs into the event log."""
    with open_database(settings) as url, Display() as display:
        indexer.index(settings, url, until_head=until_head, stop=stop, report=display.report)


def project(settings: Settings, *, until_head: bool, stop: threading.Event) -> None:
    """Post the event log into the read models."""
    with open_database(settings) as url, Display() as display:
        projections.project(url, until_head=until_head, stop=stop, report=display.report)


def serve(settings: Settings, *, host: str | None = None, port: int | None = None) -> None:
    """Serve the read models; returns after SIGINT or SIGTERM."""
    with open_database(settings) as url:
        api.serve(
            url,
            host=settings.api.host if host is None else host,
            port=settings.api.port if port is None else port,
        )


def catch_up(settings: Settings) -> None:
    """Index up to the heads as they are, posting meanwhile; return when all of it is posted."""
    with open_database(settings) as url, Display() as display:
        indexed = threading.Event()
        posting = _Thread("project", partial(_post_until, url, indexed, display.report))
        posting.start()
        try:
            indexer.index(settings, url, until_head=True, stop=posting.ended, report=display.report)
        finally:
            indexed.set()
            posting.join()
        posting.raise_error()


def _post_until(url: str, indexed: threading.Event, report: Report) -> None:
    """Post while indexing goes on, and then what came last."""
    projections.project(url, until_head=False, stop=indexed, report=report)
    projections.project(url, until_head=True, stop=threading.Event(), report=report)


def run(settings: Settings, *, stop: threading.Event) -> None:
    """Index, project and serve until `stop` is set; what fails stops, the rest serves on."""
    with open_database(settings) as url, Display() as display:
        parts = [
            _Thread(
                "index",
                partial(
                    indexer.index,
                    settings,
                    url,
                    until_head=False,
                    stop=stop,
                    report=display.report,
                ),
            ),
            _Thread(
                "project",
                partial(
                    projections.project, url, until_head=False, stop=stop, report=display.report
                ),
            ),
        ]
        for part in parts:
            part.start()
        try:
            api.serve(url, host=settings.api.host, port=settings.api.port)
        finally:
            stop.set()
            for part in parts:
                part.join()
        for part in parts:
            part.raise_error()


class _Thread(threading.Thread):
    """Runs a part, keeps its error for the main thread, and says at once that it stopped.

    Attributes:
        ended: set when the part has returned or failed.
    """

    def __init__(self, name: str, part: Part) -> None:
        super().__init__(name=name)
        self._part = part
        self._error: BaseException | None = None
        self.ended = threading.Event()

    def run(self) -> None:
        """Run the part; called by `start`."""
        try:
            self._part()
        except BaseException as error:  # noqa: BLE001  raised again by raise_error
            self._error = error
            known = isinstance(error, DaybookError)
            _log.error("part_stopped", part=self.name, reason=str(error), exc_info=not known)
        finally:
            self.ended.set()

    def raise_error(self) -> None:
        """Raise what the part failed with, if it did."""
        if self._error is not None:
            raise self._error
