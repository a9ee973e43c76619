"""`daybook replay`: another generation of read models in place of the one that serves, or back."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import msgspec
from rich.console import Console

import projections
from projections.replay import Replay, Replayed, RolledBack, check
from schema.progress import Report
from schema.settings import Settings
from scripts.comparison import print_comparison
from scripts.database import install_read_models, open_database
from scripts.progress import Display


def replay(settings: Settings, asked: Replay, *, as_json: bool, stop: threading.Event) -> None:
    """Replay, and say what differs from what served.

    Raises:
        ReplayDiffersError, ReplayedReadModelsStoppedError: the new generation does not serve.
    """
    with _working(settings, as_json=as_json) as (url, report):
        done = projections.replay(url, asked, stop=stop, report=report)
    if as_json:
        swapped = {"swapped": done.verdict == "swapped"}
        print(msgspec.json.encode(swapped | msgspec.to_builtins(done)).decode())
    else:
        _print_replayed(Console(), done)
    check(done)


def roll_back(settings: Settings, *, as_json: bool, stop: threading.Event) -> None:
    """Go back to the generation that served before, and say so."""
    with _working(settings, as_json=as_json) as (url, report):
        done = projections.roll_back(url, stop=stop, report=report)
    if as_json:
        print(msgspec.json.encode({"swapped": True} | msgspec.to_builtins(done)).decode())
    else:
        _print_rolled_back(Console(), done)


@contextmanager
def _working(settings: Settings, *, as_json: bool) -> Iterator[tuple[str, Report]]:
    with nullcontext() if as_json else Display() as display, open_database(settings) as url:
        install_read_models(url)
        yield url, display.report if display else lambda _: None


def _print_replayed(console: Console, done: Replayed) -> None:
    rate = done.events / max(done.seconds, 0.001)
    console.print(
        f"Generation {done.generation} is posted from the log's beginning: {done.events:,} events "
        f"in {done.seconds:,.1f} s, {rate:,.0f} events/s.",
        highlight=False,
        soft_wrap=True,
    )
    if done.comparison is None:
        console.print(f"Not compared: {done.not_compared}", highlight=False, soft_wrap=True)
    else:
        print_comparison(console, done.comparison)
    if done.verdict == "swapped":
        console.print(
            f"Generation {done.generation} serves now. Back to generation {done.before}: "
            "daybook replay --rollback",
            highlight=False,
        )
    elif done.verdict == "not_asked":
        console.print(
            f"Generation {done.before} serves on. Schema read_{done.generation} stays for you to "
            "look at until the next replay.",
            highlight=False,
            soft_wrap=True,
        )


def _print_rolled_back(console: Console, done: RolledBack) -> None:
    console.print(
        f"Generation {done.generation} serves again; {done.events:,} events were posted into it. "
        f"Generation {done.before} is kept, and does not come back by itself: daybook replay "
        f"posts its like, daybook replay --rollback goes back to it.",
        highlight=False,
        soft_wrap=True,
    )
