"""Progress in a pipe: lines that say how far it is, how fast, and how long it will take."""

import re

import pytest

from schema.progress import Progress
from scripts import progress
from scripts.progress import Display


@pytest.fixture
def lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> pytest.CaptureFixture[str]:
    """What is printed; every report is, however soon it comes after another."""
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN_LINES", 0)
    return capsys


def test_a_line_tells_how_long_it_will_take(lines: pytest.CaptureFixture[str]) -> None:
    """Given work half done, then its line ends with the time that the other half takes."""
    with Display() as display:
        for done in (0, 50, 100):
            display.report(Progress("replay", "events", done, 100, done))

    first, half, whole = lines.readouterr().out.splitlines()
    assert "ETA" not in first
    assert re.search(r"50 of 100 events .* events/s  ETA 0:00:00$", half)
    assert "ETA" not in whole


def test_each_task_has_its_own_end(lines: pytest.CaptureFixture[str]) -> None:
    """Given a task that begins later, then what others did does not count for it."""
    with Display() as display:
        display.report(Progress("index", "blocks", 900, 1000, 5000))
        display.report(Progress("project", "events", 0, 5000, 0))

    assert "ETA" not in lines.readouterr().out
