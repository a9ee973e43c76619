"""Runs the parts of daybook: each alone, or all in one process."""

import gc
import threading
from collections.abc import Callable
from functools import partial

import structlog

import indexer
import projections
from schema.errors import DaybookError
from schema.settings import Settings
from scripts.database import open_database
from scripts.progress import Display

_log = structlog.get_logger()

Part = Callable[[], None]


# Events are made by the hundred thousand and hold no cycles: looking for some took a fifth of the
# indexer's time.
_GARBAGE_THRESHOLD = 50_000


def index(settings: Settings, *, until_head: bool, stop: threading.Event) -> None:
    """Write the chains' logs into the event log."""
    _collect_garbage_seldom()
    with open_database(settings) as url, Display() as display:
        indexer.index(settings, url, until_head=until_head, stop=stop, report=display.report)


def project(settings: Settings, *, finish: threading.Event, stop: threading.Event) -> None:
    """Post the event log into the read models; once `finish` is set, to the log's end."""
    with open_database(settings) as url, Display() as display:
        projections.project(url, finish=finish, stop=stop, report=display.report)


def serve(settings: Settings, *, host: str | None = None, port: int | None = None) -> None:
    """Serve the read models; returns after SIGINT or SIGTERM."""
    from api.serve import serve as serve_api  # noqa: PLC0415  a second that others need not wait

    with open_database(settings) as url:
        serve_api(
            url,
            host=settings.api.host if host is None else host,
            port=settings.api.port if port is None else port,
        )


def catch_up(settings: Settings, *, stop: threading.Event) -> None:
    """Index up to the heads as they are, posting meanwhile; return when all of it is posted."""
    _collect_garbage_seldom()
    with open_database(settings) as url, Display() as display:
        indexed = threading.Event()
        posting = _Thread(
            "project",
            partial(projections.project, url, finish=indexed, stop=stop, report=display.report),
            on_failure=stop,
        )
        posting.start()
        try:
            indexer.index(settings, url, until_head=True, stop=stop, report=display.report)
        finally:
            indexed.set()
            posting.join()
        posting.raise_error()


def run(settings: Settings, *, stop: threading.Event) -> None:
    """Index, project and serve until `stop` is set; what fails stops, the rest serves on."""
    from api.serve import serve as serve_api  # noqa: PLC0415  as above

    _collect_garbage_seldom()
    with open_database(settings) as url, Display() as display:
        never, report = threading.Event(), display.report
        parts = [
            _Thread(
                "index",
                partial(indexer.index, settings, url, until_head=False, stop=stop, report=report),
            ),
            _Thread(
                "project",
                partial(projections.project, url, finish=never, stop=stop, report=report),
            ),
        ]
        for part in parts:
            part.start()
        try:
            serve_api(url, host=settings.api.host, port=settings.api.port)
        finally:
            stop.set()
            for part in parts:
                part.join()
        for part in parts:
            part.raise_error()


def _collect_garbage_seldom() -> None:
    gc.freeze()
    gc.set_threshold(_GARBAGE_THRESHOLD)


class _Thread(threading.Thread):
    """Runs a part, and keeps its error for the main thread; a failure may end others too."""

    def __init__(self, name: str, part: Part, on_failure: threading.Event | None = None) -> None:
        super().__init__(name=name)
        self._part = part
        self._on_failure = on_failure
        self._error: BaseException | None = None

    def run(self) -> None:
        """Run the part; called by `start`."""
        try:
            self._part()
        except BaseException as error:  # noqa: BLE001  raised again by raise_error
            self._error = error
            known = isinstance(error, DaybookError)
            _log.error("part_stopped", part=self.name, reason=str(error), exc_info=not known)
            if self._on_failure is not None:
                self._on_failure.set()

    def raise_error(self) -> None:
        """Raise what the part failed with, if it did."""
        if self._error is not None:
            raise self._error
