"""A crash at any commit, right before it and right after it, leaves nothing missing or twice."""

import random
from collections.abc import Callable
from contextlib import closing

import pytest
from structlog.testing import capture_logs

from projections.generations import install_control, open_generation
from projections.runner import Runner
from schema.database import UNAVAILABLE, connect
from scripts.simulate.chain import Setting
from tests.faults.proxy import Match, Message, asking, committed, proxied, times
from tests.oracle.digests import Digests, digests, open_session
from tests.oracle.wandering import Wanderer

pytestmark = pytest.mark.slow

_SEED, _MOVES = 5, 5


class _Poster:
    """Posts what serves, on another session whenever its own is lost.

    Attributes:
        restored: how often it went back.
    """

    def __init__(self, url: str) -> None:
        self.restored = 0
        self._url = url
        self._runner: Runner | None = None
        self._connection = open_session(url)

    def close(self) -> None:
        """End its session."""
        self._connection.close()

    def post_all(self) -> None:
        """All that stands in the log."""
        while True:
            try:
                return self._post_all()
            except UNAVAILABLE:
                self._connection.close()
                self._connection = open_session(self._url)
                self._runner = None

    def _post_all(self) -> None:
        if self._runner is None:
            self._runner = Runner(self._connection, open_generation(self._connection))
        while posted := self._runner.post_next(events_max=100):
            self.restored += posted.restored_to is not None
        self._runner.settle()


class _Count:
    """Counts commits, and cuts nothing."""

    def __init__(self) -> None:
        self.commits = 0

    def __call__(self, message: Message) -> bool:
        self.commits += committed(message)
        return False


def _around(commit: int) -> Match:
    """Right before a commit, and again right after it, once it was repeated."""
    before, after = times(asking(b"COMMIT"), commit), times(committed, commit)
    return lambda message: before(message) or after(message)


def _run(url: str, cut: Match) -> tuple[Digests, int, int]:
    """Follow a small world that reorganises; its digests, how often it went back, and the cuts."""
    with connect(url, role=None, application_name="test owner") as owner:
        install_control(owner)
    wanderer = Wanderer(Setting(3, seasons=1, players=3, trades=40), random.Random(_SEED))
    with (
        wanderer.open(url) as indexer,
        proxied(url, cut) as proxy,
        closing(_Poster(proxy.url)) as poster,
    ):
        for _ in range(_MOVES):
            wanderer.move(indexer.chain.finalized)
            wanderer.follow(indexer)
            poster.post_all()
        return digests(url, 1), poster.restored, len(proxy.cuts)


def test_a_crash_at_any_commit_leaves_the_same(make_database: Callable[[], str]) -> None:
    """Given a run cut around its first commit, its second …, then each ends as an uncut one."""
    count = _Count()
    with capture_logs():
        expected, restored, _ = _run(make_database(), count)
        assert restored > 1
        assert expected["trade"].rows > 0
        for commit in range(1, count.commits + 1):
            found, _, cuts = _run(make_database(), _around(commit))
            assert cuts == 2, commit
            assert found == expected, commit
