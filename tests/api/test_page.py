"""The portfolio page in a real browser."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.api.world import SOF, World, address_of

_BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
_ALICE = address_of(0xA11CE)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(_BROWSER is None, reason="no chromium on this machine"),
]


@pytest.fixture
def traded(world: World) -> World:
    """A season with two holders, one of whom has traded twice."""
    world.update("season", {"season_key": 1}, name="Overture")
    world.trade(1, _ALICE, 1_500, sof_wei=1_500 * SOF + 1)
    world.trade(1, address_of(0xB0B), 500)
    world.trade(1, _ALICE, -500, sof_wei=SOF // 3)
    return world


def _shown(url: str, folder: Path) -> str:
    """The text of the page once its figures have come."""
    assert _BROWSER is not None
    switches = ("headless", "no-sandbox", "disable-gpu", "disable-background-networking")
    dumped = subprocess.run(
        [
            _BROWSER,
            *[f"--{switch}" for switch in switches],
            f"--user-data-dir={folder}",
            "--virtual-time-budget=3000",
            "--dump-dom",
            url,
        ],
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    ).stdout
    body = dumped[dumped.index("<main") : dumped.index("<template")]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


@pytest.mark.usefixtures("traded")
def test_the_page_opens_with_the_running_season(base_url: str, tmp_path: Path) -> None:
    """Its name, its leaderboard and its latest trades."""
    text = _shown(base_url, tmp_path)

    assert "Season 1 running Overture" in text
    assert re.search(r"1 0x0000…11ce 1,000 66\.66 %", text)
    assert re.search(r"2 0x0000…0b0b 500 33\.33 %", text)
    assert "Sold 500" in text


@pytest.mark.usefixtures("traded")
def test_a_link_opens_a_portfolio(base_url: str, tmp_path: Path) -> None:
    """Positions and history, with amounts from the exact strings."""
    text = _shown(f"{base_url}/?player={_ALICE}", tmp_path)

    assert _ALICE in text
    assert "1,000 rank 1" in text
    assert "Bought 1,500" in text
    assert "1,500 → 1,000" in text
    assert "+ 0.3333" in text


@pytest.mark.usefixtures("traded")
@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?season=1", "Overture"),
        ("?season=9", "There is no season 9"),
        ("?player=0x12", "An address is 0x and 40 hexadecimal digits."),
        (f"?player={address_of(1)}", "has not traded in any season"),
    ],
)
def test_other_links_say_what_there_is(
    base_url: str, tmp_path: Path, query: str, words: str
) -> None:
    """A season, and what is not there, in words."""
    assert words in _shown(f"{base_url}/{query}", tmp_path)


def test_without_read_models_the_page_waits(base_url: str, tmp_path: Path) -> None:
    """It says so, and keeps asking."""
    assert "Opening the book" in _shown(base_url, tmp_path)
