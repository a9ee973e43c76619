"""Hints by websocket, heads that stand still, and blocks that were final and are contradicted."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from structlog.testing import capture_logs

import indexer
from indexer.errors import FinalityViolationError, ResumeRefusedError
from indexer.hints import Hints
from indexer.proof import Header
from indexer.watch import ForkWatch, HeadWatch
from projections import project
from projections.generations import install_control
from schema.database import connect
from schema.log.chain import BlocksOrphaned, OrphanedBlock
from schema.settings import Settings
from scripts.simulate.chain import GeneratedChain, Setting, generate
from scripts.simulate.node import Limits, Node
from tests.indexer.indexing import (
    index_to_head,
    indexing,
    query,
    settings_for,
    stored_logs,
    wait_for_head,
)
from tests.indexer.live import live, told_as, wait_until_told, websocket_saying
from tests.indexer.nodes import Reply, node_answer, serving
from tests.indexer.truth import followed_logs
from tests.projections.tables import select

_FINALITY_DEPTH = 10
_PATIENCE_SECONDS = 20.0
_SECRET = "canary-7f3a"
_HASH = "0x" + "ab" * 32
_ANNOUNCED = f'{{"method":"eth_subscription","params":{{"result":{{"hash":"{_HASH}"}}}}}}'


def growing_world(seed: int = 21) -> GeneratedChain:
    """A world of 40 blocks, with many more to come."""
    chain = generate(Setting(seed=seed, seasons=3, players=12, trades=300))
    for _ in range(40):
        chain.advance()
    return chain


@contextmanager
def serving_chain(chain: GeneratedChain) -> Iterator[str]:
    """A node of this chain; gives its URL."""
    node = Node(chain, limits=Limits(_FINALITY_DEPTH), calls={})
    with serving(node_answer(node)) as url:
        yield url


def header(number: int, block_hash: str = _HASH) -> Header:
    """A header of which only number and hash matter."""
    return Header(number, block_hash, "0x", 0, 0, "0x")


def whole(database_url: str, chain: GeneratedChain) -> bool:
    """Whether the log holds exactly what the chain does."""
    return stored_logs(database_url) == followed_logs(chain.blocks, chain.contracts)


# Hints


@pytest.mark.slow
def test_polling_is_slow_while_a_hint_named_the_head_and_the_next_hint_ends_it() -> None:
    """Given a hint of the head, then waiting is long, unless a hint comes; else it is short."""
    with live(growing_world()) as node, capture_logs() as told:
        settings = settings_for("", node.chain.contracts, rpc=[node.websocket_url])
        with Hints(settings.chain[0], threading.Event()) as hints:
            while not told_as(told, "hint_heard"):
                node.call("daybook_mine")
            hinted = header(0, node.chain.blocks.head.hash)
            hints.wait(hinted)  # what was hinted so far ends this one
            assert waited(hints, hinted) > 0.9
            assert min(waited(hints, header(0)) for _ in range(5)) < 0.9
            interrupted = []
            for _ in range(2):
                hinted = header(0, node.chain.blocks.head.hash)
                while waited(hints, hinted) < 0.9:  # until no hint is on its way any more
                    pass
                timer = threading.Timer(0.05, node.call, ["daybook_mine"])
                timer.start()
                interrupted.append(waited(hints, hinted))
                timer.join()
    assert min(interrupted) < 0.8


def waited(hints: Hints, head: Header) -> float:
    """For how many seconds it was waited."""
    started = time.monotonic()
    hints.wait(head)
    return time.monotonic() - started


@pytest.mark.slow
def test_a_chain_is_followed_by_hints_without_a_gap(database_url: str) -> None:
    """Given a live hint, when blocks come one by one, then each is appended, none is lost."""
    with live(growing_world()) as node, capture_logs() as told:
        rpc = [node.url, node.websocket_url]
        settings = settings_for("", node.chain.contracts, rpc=rpc)
        with indexing(settings, database_url):
            for _ in range(10):
                node.call("daybook_mine")
                wait_for_head(database_url, node.chain.blocks.head.hash)
            wait_until_told(told, "hint_heard")
        assert whole(database_url, node.chain)
    assert [line["endpoint"] for line in told_as(told, "hint_heard")] == ["local-2"]
    assert told_as(told, "hint_lost") == []


@pytest.mark.slow
def test_a_websocket_that_talks_nonsense_and_falls_silent_changes_nothing(
    database_url: str,
) -> None:
    """Given nonsense, then silence, then each is told once and polling gets every block."""
    nonsense = ["{", '{"params":{"result":{"hash":"0x12"}}}', "[1]", '{"id":"x"}']
    with (
        websocket_saying(*nonsense) as websocket,
        live(growing_world()) as node,
        capture_logs() as told,
    ):
        rpc = [f"{websocket.url}/{_SECRET}", node.url]
        with indexing(settings_for("", node.chain.contracts, rpc=rpc), database_url):
            for _ in range(2):  # it connects again
                assert websocket.connected.acquire(timeout=_PATIENCE_SECONDS)
                for _ in range(4):
                    node.call("daybook_mine")
                    wait_for_head(database_url, node.chain.blocks.head.hash)
            wait_until_told(told, "hint_lost")
        assert whole(database_url, node.chain)
    assert [line["endpoint"] for line in told_as(told, "hint_malformed")] == ["local-1"]
    assert [line["reason"] for line in told_as(told, "hint_lost")] == [
        "silent while the head moves"
    ]
    assert _SECRET not in str(told)


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        (['{"id":1,"result":"0x1"}'], "is of chain 0x1, not 0x7a69"),
        (['{"id":2,"error":{"code":-32601,"message":"no"}}'], "refused with -32601: no"),
        ([f'{{"id":3,"result":"{"x" * 300_000}"}}'], "closed with nothing"),
    ],
    ids=["another chain", "refused", "too long"],
)
def test_a_websocket_of_no_use_is_told_once_by_alias(messages: list[str], reason: str) -> None:
    """Given a websocket that is of no use, then that is told once, and never by its address."""
    with websocket_saying(*messages) as websocket, capture_logs() as told:
        rpc = [f"{websocket.url}/{_SECRET}", "http://127.0.0.1:1"]
        settings = settings_for("", growing_world().contracts, rpc=rpc)
        with Hints(settings.chain[0], threading.Event()):
            for _ in range(2):  # it connects again
                assert websocket.connected.acquire(timeout=_PATIENCE_SECONDS)
            wait_until_told(told, "hint_lost")
    (lost,) = told_as(told, "hint_lost")
    assert (lost["endpoint"], lost["reason"]) == ("local-1", reason)
    assert _SECRET not in str(told)


def test_a_websocket_that_nobody_serves_is_told_once_by_alias(database_url: str) -> None:
    """Given an address where nothing listens, when indexing, then polling does it all."""
    with live(growing_world()) as node, capture_logs() as told:
        rpc = [node.url, f"ws://127.0.0.1:1/{_SECRET}"]
        settings = settings_for("", node.chain.contracts, rpc=rpc)
        with indexing(settings, database_url):
            wait_until_told(told, "hint_lost")
            wait_for_head(database_url, node.chain.blocks.head.hash)
    (lost,) = told_as(told, "hint_lost")
    assert (lost["endpoint"], lost["reason"]) == ("local-2", "connection refused")
    assert _SECRET not in str(told)


# Heads that stand still, and loops


def test_a_head_that_stands_still_is_told_once_and_when_it_moves() -> None:
    """Given blocks every 4 s, when none comes for 81 s, then that is told once, and its end."""
    watch = HeadWatch("local")
    with capture_logs() as told:
        for number in range(10):
            watch.see(header(number, f"0x{number}"), 4.0 * number)
        for now in (115.9, 117.0, 150.0):
            watch.see(header(9, "0x9"), now)
        watch.see(header(10, "0x10"), 160.0)
        watch.see(header(10, "0x10"), 220.0)
    assert [(line["event"], line["seconds"]) for line in told] == [
        ("head_stalled", 81.0),
        ("head_moves", 124.0),
    ]


def test_a_quick_chain_may_stand_still_for_a_minute() -> None:
    """Given several blocks a second, then less than a minute is no alarm, and more is one."""
    watch = HeadWatch("local")
    with capture_logs() as told:
        for number in range(0, 100, 10):  # ten blocks between two looks
            watch.see(header(number, f"0x{number}"), number / 5)
        watch.see(header(90, "0x90"), 18.0 + 59.0)
        assert told == []
        watch.see(header(90, "0x90"), 18.0 + 61.0)
    assert [line["event"] for line in told] == ["head_stalled"]


def test_forks_over_and_over_raise_one_alarm_until_they_end() -> None:
    """Given the same blocks left again and again, then one alarm, longer pauses, and an end."""
    watch = ForkWatch("local")

    def left(block_hash: str) -> BlocksOrphaned:
        return BlocksOrphaned(1, 5, "0x5", (OrphanedBlock(6, block_hash, 0),))

    with capture_logs() as told:
        pauses = [watch.orphaned(left(f"0x{at % 2}"), float(at)) for at in range(10)]
        watch.see(605.0)
        watch.see(700.0)
        late = watch.orphaned(left("0x0"), 701.0)
    assert pauses[:4] == [0, 0, 0, 0]
    assert pauses[4] == pauses[5] > 0
    assert pauses[8] > pauses[6] > pauses[4]
    assert late == 0
    names = [line["event"] for line in told if line["event"] != "reorganised"]
    assert names == ["reorg_loop", "reorg_loop_over"]


# What was final


@pytest.mark.slow
def test_a_contradiction_of_a_final_block_halts_the_chain_and_says_so(database_url: str) -> None:
    """Given a fork below finality, when indexing, then each time a halt and the log as it was."""
    chain = growing_world()
    with serving_chain(chain) as url:
        settings = settings_for(url, chain.contracts)
        index_to_head(settings, database_url)
        before = query(database_url, "SELECT * FROM log.stored_event ORDER BY notification_id")
        final = chain.blocks.head.number - _FINALITY_DEPTH
        ours = chain.blocks.between(final, final)[0].hash
        chain.reorg(_FINALITY_DEPTH + 3)
        theirs = chain.blocks.between(final, final)[0].hash
        for _ in range(2):
            with capture_logs() as told, pytest.raises(FinalityViolationError, match="--resume"):
                index_to_head(settings, database_url)
            (violation,) = told_as(told, "finality_violation")
            where = [violation[key] for key in ("endpoint", "number", "ours", "theirs")]
            assert where == ["local-1", final, ours, theirs]
    after = query(database_url, "SELECT * FROM log.stored_event ORDER BY notification_id")
    assert after == before


def test_an_endpoint_that_agrees_with_the_log_is_believed(database_url: str) -> None:
    """Given an endpoint of another branch beside one of ours, then the chain goes on by ours."""
    ours, theirs = growing_world(), growing_world()
    theirs.reorg(_FINALITY_DEPTH + 5)
    with serving_chain(ours) as our_url, serving_chain(theirs) as their_url:
        index_to_head(settings_for(our_url, ours.contracts), database_url)
        for _ in range(3):
            ours.advance()
            theirs.advance()
        settings = settings_for("", ours.contracts, rpc=[their_url, our_url])
        index_to_head(settings, database_url)
    assert whole(database_url, ours)


@pytest.mark.slow
def test_an_endpoint_that_is_away_is_waited_for(database_url: str) -> None:
    """Given another branch, and our endpoint away for a while, then its word is waited for."""
    ours, theirs = growing_world(), growing_world()
    theirs.reorg(_FINALITY_DEPTH + 5)
    honest = node_answer(Node(ours, limits=Limits(_FINALITY_DEPTH), calls={}))
    away = 0

    def answer(body: bytes) -> Reply:
        nonlocal away
        away -= 1
        return Reply(b"away", status=503) if away >= 0 else honest(body)

    with serving(answer) as our_url, serving_chain(theirs) as their_url:
        index_to_head(settings_for(our_url, ours.contracts), database_url)
        ours.advance()
        away = 6
        settings = settings_for("", ours.contracts, rpc=[their_url, our_url])
        index_to_head(settings, database_url)
    assert away < 0
    assert whole(database_url, ours)


@pytest.mark.parametrize(
    ("nth", "away"),
    [*((nth, 0) for nth in range(1, 4)), pytest.param(2, 5, marks=pytest.mark.slow)],
)
def test_a_contradiction_that_is_not_repeated_changes_nothing(
    nth: int, away: int, database_url: str
) -> None:
    """Given a node that answers once from another branch, then the chain goes on with its own."""
    chain, other = growing_world(), growing_world()
    other.reorg(_FINALITY_DEPTH + 5, length=_FINALITY_DEPTH + 5)
    honest = node_answer(Node(chain, limits=Limits(_FINALITY_DEPTH), calls={}))
    syncing = node_answer(Node(other, limits=Limits(_FINALITY_DEPTH), calls={}))
    errs_in, silent = -1, 0  # requests for blocks to come, and requests

    def answer(body: bytes) -> Reply:
        nonlocal errs_in, silent
        if silent:
            silent -= 1
            return Reply(b"away", status=503)
        if b"eth_getBlockByNumber" in body and errs_in > 0:
            errs_in -= 1
            if not errs_in:
                silent = away
                return syncing(body)
        return honest(body)

    with serving(answer) as url:
        settings = settings_for(url, chain.contracts)
        index_to_head(settings, database_url)
        for _ in range(3):
            chain.advance()
            other.advance()
        errs_in = nth
        index_to_head(settings, database_url)
    assert (errs_in, silent) == (0, 0)
    assert whole(database_url, chain)
    assert query(database_url, "SELECT FROM log.blocks_orphaned") == []


# Resuming


def resume(settings: Settings, database_url: str) -> None:
    """What `daybook index --resume --until-head` does."""
    indexer.index(
        settings,
        database_url,
        until_head=True,
        stop=threading.Event(),
        report=lambda _: None,
        resume=True,
    )


@pytest.mark.slow
def test_resuming_takes_the_branch_that_all_endpoints_agree_on(database_url: str) -> None:
    """Given a fork far below finality, when resumed, then the log is the new branch's, whole."""
    chain = growing_world()
    with serving_chain(chain) as url:
        settings = settings_for("", chain.contracts, rpc=[url, url])
        for _ in range(8):  # several ranges
            index_to_head(settings, database_url)
            chain.advance()
        index_to_head(settings, database_url)
        chain.reorg(_FINALITY_DEPTH + 4)
        resume(settings, database_url)
        assert whole(database_url, chain)
        chain.advance()
        chain.reorg(4)
        index_to_head(settings, database_url)
    assert whole(database_url, chain)
    (deep, shallow) = query(
        database_url, "SELECT fork_number FROM log.blocks_orphaned ORDER BY position"
    )
    assert deep["fork_number"] < 48 - _FINALITY_DEPTH
    assert shallow["fork_number"] > deep["fork_number"]


@pytest.mark.slow
def test_resuming_from_inside_a_range_indexes_the_range_again(database_url: str) -> None:
    """Given a fork inside the first range of all, when resumed, then nothing is lost or twice."""
    chain = growing_world()
    with serving_chain(chain) as url:
        settings = settings_for(url, chain.contracts)
        index_to_head(settings, database_url)
        first = followed_logs(chain.blocks, chain.contracts)
        chain.reorg(_FINALITY_DEPTH + 12)
        resume(settings, database_url)
    assert whole(database_url, chain)
    assert stored_logs(database_url, orphaned=True) == first


@pytest.mark.slow
def test_resuming_is_refused_while_endpoints_disagree(database_url: str) -> None:
    """Given two endpoints of two other branches, when resumed, then refused and nothing changed."""
    chain, other = growing_world(), growing_world()
    with serving_chain(chain) as url, serving_chain(other) as other_url:
        index_to_head(settings_for(url, chain.contracts), database_url)
        before = query(database_url, "SELECT count(*) FROM log.stored_event")
        chain.reorg(_FINALITY_DEPTH + 4)
        other.reorg(_FINALITY_DEPTH + 6)
        settings = settings_for("", chain.contracts, rpc=[url, other_url])
        with pytest.raises(ResumeRefusedError, match="do not agree on block 30: local-1 has 0x"):
            resume(settings, database_url)
    assert query(database_url, "SELECT count(*) FROM log.stored_event") == before


def test_resuming_where_the_nodes_agree_again_just_goes_on(database_url: str) -> None:
    """Given a node that is back on the log's branch, when resumed, then nothing is orphaned."""
    chain = growing_world()
    with serving_chain(chain) as url:
        settings = settings_for(url, chain.contracts)
        index_to_head(settings, database_url)
        chain.reorg(_FINALITY_DEPTH + 4)
        chain.go_back()
        chain.advance()
        resume(settings, database_url)
    assert whole(database_url, chain)
    assert query(database_url, "SELECT FROM log.blocks_orphaned") == []


@pytest.mark.slow
def test_read_models_follow_a_resumed_chain(database_url: str, other_database_url: str) -> None:
    """Given posted blocks that were final, when resumed, then read models are as if posted once."""
    chain = growing_world()
    with serving_chain(chain) as url:
        settings = settings_for(url, chain.contracts)
        for database in (database_url, other_database_url):
            with connect(database, role=None, application_name="test") as owner:
                install_control(owner)
        index_to_head(settings, database_url)
        post(database_url)
        chain.reorg(_FINALITY_DEPTH + 6)
        resume(settings, database_url)
        post(database_url)
        index_to_head(settings, other_database_url)
        post(other_database_url)
    figures = "SELECT player, tickets, bought, sold FROM position ORDER BY player, season_key"
    positions = select(database_url, figures)
    assert positions
    assert positions == select(other_database_url, figures)


def post(database_url: str) -> None:
    """Post everything that stands in the log."""
    finish = threading.Event()
    finish.set()
    project(database_url, finish=finish, stop=threading.Event(), report=lambda _: None)
