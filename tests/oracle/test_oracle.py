"""Whatever happens on the way, the read models are those of a plain fold, and one digest's.

Worlds, reorganisations, batches, crashes and replays are drawn from a seed: a failure names it,
and the step at which it was seen. Seeds that ever failed stay in the list.
"""

import random
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import pytest
from structlog.testing import capture_logs

from projections.generations import create, install_control, open_generation
from projections.runner import EVENTS_MAX, Runner
from projections.stopping import raise_stopped
from schema.database import UNAVAILABLE, connect
from schema.errors import DatabaseUnavailableError
from scripts.simulate.chain import Setting
from tests.faults.proxy import asking, committed, of_a_client, proxied, times
from tests.oracle.digests import digests, open_session
from tests.oracle.fold import assert_told, fold
from tests.oracle.wandering import Wanderer, standing_events
from tests.projections.tape import Indexer

pytestmark = pytest.mark.slow

SEEDS = (1, 4, 5)
_STEPS = 40
_CUTS = (1, 7, 40, 300, 2_000, EVENTS_MAX)  # sizes of batches, in events


@pytest.fixture
def url(database_url: str) -> str:
    """A database with an empty log and the control tables."""
    with connect(database_url, role=None, application_name="test owner") as owner:
        install_control(owner)
    return database_url


class Poster:
    """Posts one generation at random moments, on one session after another."""

    def __init__(self, url: str, chance: random.Random, *, anew: bool) -> None:
        self._url = url
        self._chance = chance
        self._connection = open_session(url)
        opens = create if anew else open_generation
        self._generation = opens(self._connection)
        self._runner = Runner(self._connection, self._generation)

    @property
    def number(self) -> int:
        """Of the generation."""
        return self._generation.number

    def close(self) -> None:
        """End its session."""
        self._connection.close()

    def reopen(self) -> None:
        """Drop the session, and go on with another one."""
        self._connection.close()
        self._connection = open_session(self._url)
        self._runner = Runner(self._connection, self._generation)

    @property
    def position(self) -> int:
        """Up to which it is posted."""
        return self._runner.position

    def post_some(self, *, limit: int | None = None) -> None:
        """Some batches of any size."""
        for _ in range(self._chance.choice((1, 1, 2, 5))):
            self._runner.post_next(limit=limit, events_max=self._chance.choice(_CUTS))

    def post_all(self) -> None:
        """All that stands in the log, in batches of any size."""
        while self._runner.post_next(events_max=self._chance.choice(_CUTS)):
            pass
        raise_stopped(self._connection, self._generation)

    def settle(self) -> None:
        """Make what is left out until then."""
        self._runner.settle()

    def crash(self) -> None:
        """Post through a line that is cut: anywhere, before a commit, or after one."""
        cut, latest = self._chance.choice(
            ((of_a_client, 300), (asking(b"COMMIT"), 2), (committed, 2))
        )
        self._connection.close()
        with proxied(self._url, times(cut, self._chance.randint(1, latest))) as proxy:
            try:
                with closing(open_session(proxy.url)) as session:
                    runner = Runner(session, self._generation)
                    runner.post_next(events_max=self._chance.choice(_CUTS))
                    runner.settle()
            except (*UNAVAILABLE, DatabaseUnavailableError):
                assert proxy.cuts
        self.reopen()


class Course:
    """One seed's course of events."""

    def __init__(self, url: str, seed: int, kept: ExitStack) -> None:
        self.wanderers: list[Wanderer] = []
        self.replays: list[Poster] = []
        self._url = url
        self._kept = kept
        self._chance = random.Random(seed)
        self._indexers: list[Indexer] = []
        for ordinal in range(self._chance.choice((1, 1, 2))):
            setting = Setting(self._chance.randrange(10**9), seasons=6, players=9, trades=500)
            wanderer = Wanderer(setting, self._chance, ordinal=ordinal)
            self.wanderers.append(wanderer)
            self._indexers.append(kept.enter_context(wanderer.open(url)))
            wanderer.advance(self._chance.choice((0, 30, 70)))
        self.live = self._poster(anew=False)

    def _poster(self, *, anew: bool) -> Poster:
        return self._kept.enter_context(closing(Poster(self._url, self._chance, anew=anew)))

    def step(self) -> None:
        """The chains move, the indexers follow, and what is posted is posted somehow."""
        for wanderer, indexer in zip(self.wanderers, self._indexers, strict=True):
            wanderer.move(indexer.chain.finalized)
            blocks_max = self._chance.choice((None, None, None, 0, 1, 3))
            wanderer.follow(indexer, blocks_max=blocks_max)
        if self._chance.random() < 0.7:
            self.live.post_some()
        for replay in self.replays:
            replay.post_some(limit=self._chance.choice((None, self.live.position)))
        self._chance.choices(
            (self._nothing, self.live.reopen, self.live.crash, self.live.settle, self._check),
            (75, 5, 12, 3, 5),
        )[0]()

    def _nothing(self) -> None:
        pass

    def replay(self) -> Poster:
        """Begin to post the log from its beginning."""
        self.replays.append(self._poster(anew=True))
        return self.replays[-1]

    def end(self) -> None:
        """Follow every chain to the end of its story."""
        for wanderer, indexer in zip(self.wanderers, self._indexers, strict=True):
            wanderer.finish()
            wanderer.follow(indexer)

    def _check(self) -> None:
        self.live.post_all()
        self.check(self.live)

    def check(self, poster: Poster) -> None:
        """Check that a generation, posted to the log's end, is what the plain fold makes of it."""
        deployments = {one.chain_id: one.deployment for one in self.wanderers}
        told = fold(standing_events(self._url, self.wanderers), deployments)
        assert_told(self._url, poster.number, told)


@contextmanager
def _told_of(seed: int, step: int) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        error.add_note(f"seed {seed}, step {step}")
        raise


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_happens_the_read_models_are_those_of_a_plain_fold(url: str, seed: int) -> None:
    """Given a course drawn from a seed, when posted live and again, then all is one digest."""
    with ExitStack() as kept, capture_logs():
        course = Course(url, seed, kept)
        replay_at = random.Random(seed).randrange(_STEPS)
        for step in range(_STEPS):
            with _told_of(seed, step):
                course.step()
                if step == replay_at:
                    course.replay()
        with _told_of(seed, _STEPS):
            course.end()
            course.replay()
            for poster in (course.live, *course.replays):
                poster.post_all()
                poster.settle()
            course.check(course.live)
            expected = digests(url, course.live.number)
            assert expected["trade"].rows > 0
            for replay in course.replays:
                assert digests(url, replay.number) == expected
