"""Progress of long work: bars on a terminal, one line a second in a pipe."""

import sys
import threading
import time
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Self

from schema.progress import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

_SECONDS_BETWEEN_LINES = 1.0


class Display:
    """Shows the progress of several tasks at once; may be reported to from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._printed: dict[str, float] = {}
        self._first: dict[str, tuple[float, int]] = {}  # when a task was first heard of, how far
        self._bars = _bars() if sys.stdout.isatty() else None
        self._tasks: dict[str, int] = {}

    def __enter__(self) -> Self:
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def report(self, progress: Progress) -> None:
        """Show where a task is."""
        with self._lock:
            if self._bars is not None:
                self._draw(self._bars, progress)
            else:
                self._print(progress)

    def _rate(self, progress: Progress) -> str:
        rate = progress.events / max(time.monotonic() - self._started, 0.001)
        return f"{rate:,.0f} {progress.counted}/s"

    def _left(self, progress: Progress) -> str:
        """How long a task will take yet, if it goes on as it did; nothing where nobody can tell."""
        now = time.monotonic()
        begun, first = self._first.setdefault(progress.task, (now, progress.done))
        done, left = progress.done - first, progress.total - progress.done
        if not done or not left:
            return ""
        seconds = round((now - begun) * left / done)
        return f"  ETA {timedelta(seconds=seconds)}"

    def _draw(self, bars: "Bars", progress: Progress) -> None:
        if progress.task not in self._tasks:
            self._tasks[progress.task] = bars.add_task(progress.task, rate="")
        bars.update(
            self._tasks[progress.task],  # type: ignore[arg-type]  # rich's TaskID is an int
            completed=progress.done,
            total=max(progress.total, 1),
            description=f"{progress.task}  {progress.done:,} of {progress.total:,} {progress.unit}",
            rate=self._rate(progress),
        )

    def _print(self, progress: Progress) -> None:
        now, left = time.monotonic(), self._left(progress)
        finished = progress.done >= progress.total
        waited = now - self._printed.get(progress.task, 0.0) >= _SECONDS_BETWEEN_LINES
        if waited or (finished and progress.task not in self._printed):
            self._printed[progress.task] = now
            print(
                f"{progress.task}  {progress.done:,} of {progress.total:,} {progress.unit}"
                f"  {progress.events:,} {progress.counted}  {self._rate(progress)}{left}",
                flush=True,
            )


def _bars() -> "Bars":
    from rich import progress  # noqa: PLC0415  only a terminal needs it

    return progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.TextColumn("{task.fields[rate]}"),
        progress.TimeRemainingColumn(),
    )
