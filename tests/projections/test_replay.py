"""Replays: another generation beside the one that serves, compared, in its place, and back."""

import copy
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from functools import partial

import pytest
from psycopg.conninfo import conninfo_to_dict

import projections.generations
from projections import replay as post_anew
from projections import roll_back as go_back
from projections import verify_read_models
from projections.errors import (
    BesideStoppedError,
    NothingServesError,
    NothingToRollBackToError,
    ReplayDiffersError,
    ReplayRunningError,
)
from projections.generations import install_control
from projections.replay import Replay, Replayed, RolledBack, check
from schema.database import connect
from schema.log.chain import Chain
from schema.progress import Progress, Report
from tests.conftest import cloned
from tests.projections.posting import (
    PATIENCE_SECONDS,
    as_owner,
    generations,
    log_position,
    position,
    post_to_end,
    projecting,
    schemas,
    serving,
    wait_until,
    with_dearer_tickets,
)
from tests.projections.tables import read_tables, select
from tests.projections.tape import Block, Indexer, Tape

pytestmark = pytest.mark.slow

_BLOCKS = 140
_DEARER = Replay(definition=with_dearer_tickets())


def _quiet(_: Progress) -> None:
    """Nobody listens."""


def _replay(url: str, asked: Replay | None = None, report: Report = _quiet) -> Replayed:
    return post_anew(url, asked or Replay(), stop=threading.Event(), report=report)


def _roll_back(url: str) -> RolledBack:
    return go_back(url, stop=threading.Event(), report=_quiet)


def _indexed(url: str, tape: Tape) -> Indexer:
    """The writer of a log that holds the recording's first blocks; the last ones are unfinal."""
    writer = Indexer(url, tape)
    writer.open()
    writer.backfill(tape.canonical[: _BLOCKS - 10], width=50, finalized=_BLOCKS - 11)
    for block in tape.canonical[_BLOCKS - 10 : _BLOCKS]:
        writer.follow(block, finality=10)
    return writer


@pytest.fixture(autouse=True)
def _nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """What served before may be dropped at once."""
    monkeypatch.setattr(projections.generations, "KEPT_AFTER_SERVING", timedelta(0))


@pytest.fixture(scope="module")
def posted_once(
    server_url: str, template: str, tape: Tape
) -> Iterator[tuple[Callable[[], AbstractContextManager[str]], Chain]]:
    """Makes databases whose log is posted to its end; and the chain in it."""
    with cloned(server_url, template) as url:
        with connect(url, role=None, application_name="test owner") as owner:
            install_control(owner)
        with _indexed(url, tape) as writer:
            post_to_end(url)
        name = conninfo_to_dict(url)["dbname"]
        yield partial(cloned, server_url, str(name)), writer.chain


@pytest.fixture
def url(posted_once: tuple[Callable[[], AbstractContextManager[str]], Chain]) -> Iterator[str]:
    """A database whose log is posted to its end, as generation 1."""
    with posted_once[0]() as made:
        # What may be done to a database is not copied with it.
        name = conninfo_to_dict(made)["dbname"]
        as_owner(made, f"GRANT CREATE ON DATABASE {name} TO daybook_projector")
        yield made


@pytest.fixture
def indexer(
    url: str, tape: Tape, posted_once: tuple[Callable[[], AbstractContextManager[str]], Chain]
) -> Iterator[Indexer]:
    """Its writer."""
    with Indexer(url, tape) as writer:
        writer.chain = copy.deepcopy(posted_once[1])
        yield writer


def _alter(url: str) -> None:
    """Somebody with every right changes a row that serves."""
    changed = "SET spent_wei = spent_wei + 1 WHERE (season_key, player) = "
    first = "(SELECT season_key, player FROM read_1.position ORDER BY 1, 2 LIMIT 1)"
    assert as_owner(url, f"UPDATE read_1.position {changed} {first}") == 1


def test_a_replay_by_the_same_folds_finds_no_difference_and_serves(url: str) -> None:
    """Given what was posted, when replayed, then it is equal row by row, and the new one serves."""
    done = _replay(url)

    assert (done.generation, done.before, done.verdict, done.same_folds) == (2, 1, "swapped", True)
    assert done.comparison is not None
    assert done.comparison.differing == []
    assert done.comparison.position == done.events == position(url)
    assert generations(url) == {1: "previous", 2: "serving"}


def test_a_replay_beside_a_live_projector_loses_nothing(
    url: str, indexer: Indexer, tape: Tape
) -> None:
    """Given blocks that keep coming, when replayed, then the projector goes on with the new one."""
    coming, grown = iter(tape.canonical[_BLOCKS:]), list[Block]()
    with projecting(url):

        def grow(_: Progress) -> None:
            if len(grown) < 40:
                grown.append(next(coming))
                indexer.follow(grown[-1], finality=10)

        assert _replay(url, report=grow).verdict == "swapped"
        for _ in range(5):
            indexer.follow(next(coming), finality=10)
        wait_until(lambda: position(url) == log_position(url))

        assert serving(url) == 2
        check(_replay(url))
    assert read_tables(url, 2) == read_tables(url, 3)


def test_a_changed_fold_is_reported_row_by_row(url: str) -> None:
    """Given a fold that makes tickets dearer, when replayed, then every trade is said to differ."""
    trades = len(select(url, "SELECT FROM trade"))
    done = _replay(url, _DEARER)

    assert (done.verdict, done.same_folds) == ("swapped", False)
    assert done.comparison is not None
    (found,) = (each for each in done.comparison.differing if each.read_model == "trade")
    assert found.differing == found.rows_before == found.rows_after == trades > 0
    before, after = found.examples[0].changes["price_per_ticket_wei"]
    assert int(after or 0) == int(before or 0) + 1
    assert [column.column for column in found.columns] == ["price_per_ticket_wei"]


def test_without_swapping_what_serves_serves_on(url: str) -> None:
    """Given --no-swap, then the new generation can be looked at until the next replay."""
    done = _replay(url, Replay(swaps=False, definition=_DEARER.definition))

    assert done.verdict == "not_asked"
    assert generations(url) == {1: "serving", 2: "left"}
    assert select(url, "SELECT FROM read_2.trade WHERE tickets > 0") != []
    assert _replay(url).comparison is not None
    assert generations(url) == {1: "previous", 2: "serving"}


def test_other_folds_are_posted_and_swapped_in_on_demand(
    url: str, indexer: Indexer, tape: Tape
) -> None:
    """Given a changed fold, when projecting, then blocks are posted by the old one until then."""
    served = set[int]()
    with projecting(url, with_dearer_tickets()):
        for block in tape.canonical[_BLOCKS : _BLOCKS + 40]:
            indexer.follow(block, finality=10)
            served.add(serving(url))
        wait_until(lambda: serving(url) == 2)
        wait_until(lambda: position(url) == log_position(url))

    assert 1 in served
    assert select(url, "SELECT FROM trade WHERE price_per_ticket_wei = div(sof_wei, tickets)") == []
    kept = select(url, "SELECT comparison FROM daybook.generation WHERE number = 2")
    assert "trade" in [each["read_model"] for each in kept[0]["comparison"]["differing"]]


def test_who_rolled_back_stays_there(url: str, indexer: Indexer, tape: Tape) -> None:
    """Given a rollback, when projected by the newer code, then the older folds post, and serve."""
    post_to_end(url, with_dearer_tickets())
    assert serving(url) == 2
    for block in tape.canonical[_BLOCKS : _BLOCKS + 20]:
        indexer.follow(block, finality=10)
    post_to_end(url, with_dearer_tickets())

    back = _roll_back(url)
    assert (back.generation, back.before) == (1, 2)
    assert position(url) == log_position(url)
    indexer.follow(tape.canonical[_BLOCKS + 20], finality=10)
    post_to_end(url, with_dearer_tickets())

    assert generations(url) == {1: "serving", 2: "previous"}
    assert position(url) == log_position(url)
    assert _replay(url).comparison is not None
    assert read_tables(url, 1) == read_tables(url, 3)


def test_a_replay_after_a_rollback_serves_and_the_way_back_is_kept(url: str) -> None:
    """Given a rollback, when asked to replay, then that serves; only one before it is kept."""
    _replay(url, _DEARER)
    _roll_back(url)
    _replay(url, _DEARER)

    assert generations(url) == {1: "previous", 3: "serving"}
    assert schemas(url) == ["read_1", "read_3"]
    assert _roll_back(url).generation == 1


def test_there_is_nothing_to_go_back_to_at_first(url: str) -> None:
    """Given the first generation, when rolled back, then that is said, with what to do."""
    with pytest.raises(NothingToRollBackToError, match=r"generation 1 serves.*daybook replay"):
        _roll_back(url)


def test_before_anything_serves_there_is_nothing_to_replay_beside(database_url: str) -> None:
    """Given a log that was never posted, then a replay says what posts it."""
    with connect(database_url, role=None, application_name="test owner") as owner:
        install_control(owner)

    with pytest.raises(NothingServesError, match="daybook project"):
        _replay(database_url)


def test_one_replay_runs_at_a_time(url: str) -> None:
    """Given a replay under way, when another is asked for, then it is refused, and told whose."""
    begun, told = threading.Event(), threading.Event()

    def pause(_: Progress) -> None:
        begun.set()
        assert told.wait(PATIENCE_SECONDS)

    running = threading.Thread(target=_replay, args=[url], kwargs={"report": pause})
    running.start()
    try:
        assert begun.wait(PATIENCE_SECONDS)
        with pytest.raises(ReplayRunningError, match="by daybook-replay "):
            _replay(url)
        assert generations(url) == {1: "serving", 2: "posting"}
    finally:
        told.set()
        running.join()
    assert generations(url) == {1: "previous", 2: "serving"}


def test_a_replay_that_is_stopped_leaves_nothing(url: str) -> None:
    """Given a replay under way, when told to stop, then what it posted is dropped."""
    stop = threading.Event()
    with pytest.raises(BesideStoppedError):
        post_anew(url, Replay(), stop=stop, report=lambda _: stop.set())

    assert generations(url) == {1: "serving"}
    assert schemas(url) == ["read_1"]


def test_an_altered_row_is_found_and_serves_until_somebody_decides(url: str) -> None:
    """Given a row changed by hand, when replayed by the same folds, then it does not swap."""
    _alter(url)
    done = _replay(url)

    assert done.comparison is not None
    (found,) = done.comparison.differing
    assert (found.read_model, found.differing) == ("position", 1)
    assert (done.verdict, serving(url)) == ("differs", 1)
    with pytest.raises(ReplayDiffersError, match="--accept-differences"):
        check(done)

    assert _replay(url, Replay(accepts=True)).verdict == "swapped"
    check(_replay(url))


def test_without_a_projector_what_serves_is_brought_past_a_reorganisation(
    url: str, indexer: Indexer, tape: Tape
) -> None:
    """Given a fork that nobody posted yet, when replayed, then both are compared beyond it."""
    indexer.leave(_BLOCKS - 5)
    before = position(url)
    done = _replay(url)

    assert done.verdict == "swapped"
    assert done.comparison is not None
    assert done.comparison.position > before
    assert select(url, "SELECT block_number FROM chain") == [{"block_number": _BLOCKS - 5}]
    assert tape.canonical[_BLOCKS - 5].number == _BLOCKS - 5


def test_without_a_projector_the_rest_is_posted_after_the_swap(
    url: str, indexer: Indexer, tape: Tape
) -> None:
    """Given blocks that nobody posted, when replayed, then what serves is at the log's end."""
    for block in tape.canonical[_BLOCKS : _BLOCKS + 10]:
        indexer.follow(block, finality=10)

    assert _replay(url).verdict == "swapped"
    assert position(url) == log_position(url)


def test_a_generation_of_a_version_that_kept_no_folds_is_replaced(url: str) -> None:
    """Given a generation without its definition, when projected, then another one takes over."""
    as_owner(url, "UPDATE daybook.generation SET definition = NULL, fingerprint = 'of yesterday'")
    post_to_end(url)

    assert serving(url) == 2
    assert read_tables(url, 1) == read_tables(url, 2)


@pytest.mark.parametrize("seed", range(2))
def test_read_models_are_those_of_any_batches(url: str, seed: int) -> None:
    """Given what serves, when posted again in random batches, then the digests are the same."""
    found = verify_read_models(url, seed=seed, stop=threading.Event(), report=_quiet)

    assert (found.differences, found.events) == (0, position(url))
    assert found.batches > 3
    assert all(each.digest_before == each.digest_after for each in found.comparison.read_models)
    assert schemas(url) == ["read_1"]


def test_verifying_finds_an_altered_row(url: str) -> None:
    """Given a row changed by hand, when posted again, then its read model is named."""
    _alter(url)
    found = verify_read_models(url, seed=1, stop=threading.Event(), report=_quiet)

    assert [each.read_model for each in found.comparison.differing] == ["position"]
    assert found.differences == 1
    assert serving(url) == 1
