"""Parts of daybook that run beside the main one: in a thread, or in a process of their own."""

import multiprocessing
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, Literal

import structlog

from schema.errors import DaybookError
from schema.progress import Progress, Report
from scripts import logging

_log = structlog.get_logger()

Order = Literal["finish", "stop"]


class PartFailedError(DaybookError):
    """A part in a process of its own failed; says what it said."""

    def __init__(self, part: str, reason: str, exit_code: int) -> None:
        super().__init__(f"{part}: {reason}")
        self.exit_code = exit_code


class ThreadPart(threading.Thread):
    """Runs a part in a thread, says when it fails, and keeps its error for the main thread."""

    def __init__(self, name: str, part: Callable[[], None]) -> None:
        super().__init__(name=name)
        self._part = part
        self._error: BaseException | None = None

    def run(self) -> None:
        """Run the part; called by `start`."""
        try:
            self._part()
        except BaseException as error:  # noqa: BLE001  raised again by raise_error
            self._error = error
            known = isinstance(error, DaybookError)
            _log.error("part_stopped", part=self.name, reason=str(error), exc_info=not known)

    def raise_error(self) -> None:
        """Raise what the part failed with, if it did."""
        if self._error is not None:
            raise self._error


class Projector:
    """The projections in a process of their own, so that they never wait for the indexer's Python.

    Orders go down a pipe, progress and failure come up; a pipe that breaks is an order to stop, so
    that no projector outlives whoever started it.
    """

    def __init__(self, url: str, report: Report, *, failed: threading.Event) -> None:
        """Start posting.

        Args:
            url: of the database.
            report: told how far it is, from another thread.
            failed: set when the part fails.
        """
        context = multiprocessing.get_context("spawn")
        self._channel, far_end = context.Pipe()
        self._report = report
        self._failed = failed
        self._failure: PartFailedError | None = None
        self._process = context.Process(target=_project, args=(url, far_end), name="project")
        self._process.start()
        far_end.close()
        self._listener = threading.Thread(target=self._listen, name="project listener")
        self._listener.start()

    def end(self, order: Order) -> None:
        """Post what stands in the log and return (`finish`), or return at once (`stop`).

        Raises:
            PartFailedError: it failed, now or before.
        """
        if self._process.is_alive():
            with suppress(ConnectionError):  # it failed meanwhile, as is told below
                self._channel.send(order)
        self._process.join()
        self._listener.join()
        if self._failure is not None:
            raise self._failure

    def _listen(self) -> None:
        try:
            while True:
                self._take(self._channel.recv())
        except (EOFError, ConnectionError):  # it ended; the latter if it was killed
            self._process.join()
        if self._process.exitcode and self._failure is None:
            reason = f"its process ended with {self._process.exitcode}"
            self._take(("project", reason, DaybookError.exit_code))

    def _take(self, message: Any) -> None:
        if isinstance(message, Progress):
            self._report(message)
        else:
            self._failure = PartFailedError(*message)
            _log.error("part_stopped", part="project", reason=message[1])
            self._failed.set()


def _project(url: str, channel: "Connection[Any, Any]") -> None:
    """What the process does."""
    import projections  # noqa: PLC0415  the process that starts this one needs none of it
    from scripts.database import install_read_models  # noqa: PLC0415

    for name in (signal.SIGINT, signal.SIGTERM):  # they reach both: the other one tells us
        signal.signal(name, signal.SIG_IGN)
    logging.configure()
    finish, stop = threading.Event(), threading.Event()
    threading.Thread(target=_obey, args=(channel, finish, stop), daemon=True).start()
    try:
        install_read_models(url)
        projections.project(url, finish=finish, stop=stop, report=channel.send)
    except DaybookError as error:
        channel.send(("project", str(error), error.exit_code))
    except BrokenPipeError:
        pass  # whoever started this is gone, so there is nobody to tell; what is posted is whole


def _obey(channel: "Connection[Any, Any]", finish: threading.Event, stop: threading.Event) -> None:
    orders = {"finish": finish, "stop": stop}
    try:
        while True:
            orders[channel.recv()].set()
    except (EOFError, ConnectionError):  # whoever started this is gone
        stop.set()
