"""One writer a chain: a second one waits, a third that was fenced off starts over from the log."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from indexer.errors import LogChangedError
from indexer.proof import Header
from indexer.writer import IndexedRange, Writer
from schema.errors import ChainTakenError, DatabaseUnavailableError
from schema.log.chain import ContractDiscovered
from scripts.simulate.chain import GeneratedChain
from scripts.simulate.node import Limits, Node
from scripts.simulate.tape import TapeChain
from tests.indexer.indexing import (
    index_to_head,
    indexing,
    query,
    settings_for,
    stored_logs,
    wait_for,
    wait_for_head,
)
from tests.indexer.nodes import node_answer, serving
from tests.indexer.truth import followed_logs

_CHAIN_ID = 5
_HASHES = [f"0x{number:064x}" for number in range(10)]
_SESSIONS = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'daybook-index %'"
_PATIENCE_SECONDS = 20.0


def header(number: int) -> Header:
    """An empty block."""
    return Header(number, _HASHES[number], _HASHES[number - 1], 1_700_000_000, 0, _HASHES[0])


def block(number: int) -> IndexedRange:
    """That empty block, as a range of its own."""
    return IndexedRange(number, header(number), [], [], "receipts", 0)


@contextmanager
def opened(database_url: str) -> Iterator[Writer]:
    """A writer of a chain that begins at block 1."""
    with Writer(database_url, _CHAIN_ID) as writer:
        writer.ready()
        contract = ContractDiscovered(_CHAIN_ID, "raffles", "token", "0x" + "22" * 20, 1)
        writer.open(name="local", start=header(1), contracts=[contract])
        yield writer


def terminate(database_url: str) -> None:
    """Cut every indexer's session off, and wait until its locks are free."""
    patience = int(_PATIENCE_SECONDS * 1_000)
    query(
        database_url, f"SELECT pg_terminate_backend(pid, {patience}) FROM ({_SESSIONS}) AS session"
    )


def take_over(standby: Writer) -> None:
    """Be ready once the server has ended the writer's session, some time after it was closed."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return standby.ready()
        except ChainTakenError:
            assert time.monotonic() < deadline, "the chain was never free"
            time.sleep(0.02)


def test_a_second_writer_is_told_who_holds_the_chain(database_url: str) -> None:
    """Given a writer, when another wants the chain, then it learns host and process."""
    with (
        opened(database_url),
        Writer(database_url, _CHAIN_ID) as second,
        pytest.raises(ChainTakenError) as caught,
    ):
        second.ready()
    assert f"daybook-index {socket.gethostname()} {os.getpid()}" in caught.value.holder


def test_writers_of_different_chains_do_not_meet(database_url: str) -> None:
    """Given a writer, when another chain is opened, then it is numbered after the first."""
    with opened(database_url), Writer(database_url, _CHAIN_ID + 1) as other:
        other.ready()
        other.open(name="other", start=header(1), contracts=[])
    ordinals = query(database_url, "SELECT name, ordinal FROM log.chain_opened ORDER BY position")
    assert ordinals == [{"name": "local", "ordinal": 0}, {"name": "other", "ordinal": 1}]


def test_a_standby_takes_over_from_where_the_log_stands(database_url: str) -> None:
    """Given a standby, when the writer leaves, then the standby continues its chain."""
    with Writer(database_url, _CHAIN_ID) as standby:
        with opened(database_url) as writer:
            writer.append([block(1), block(2)])
            with pytest.raises(ChainTakenError):
                standby.ready()
        take_over(standby)
        assert standby.chain.next_block == 3
        standby.append([block(3)])
    ranges = query(database_url, "SELECT first FROM log.range_indexed ORDER BY position")
    assert [row["first"] for row in ranges] == [1, 2, 3]


def test_a_writer_without_its_lock_is_fenced_off(database_url: str) -> None:
    """Given two that both believe to write, when the second appends, then only one did."""
    with opened(database_url) as writer:
        query(database_url, "SELECT 1")
        with Writer(database_url, _CHAIN_ID) as thawed:
            terminate_lock = "SELECT pg_advisory_unlock_all()"
            writer._session.connection.execute(terminate_lock)  # type: ignore[union-attr]  # noqa: SLF001  as if it had been frozen
            thawed.ready()
            thawed.append([block(1)])
            with pytest.raises(LogChangedError):
                writer.append([block(1)])
            writer.ready()
            assert writer.chain.next_block == 2
    assert len(query(database_url, "SELECT FROM log.range_indexed")) == 1


def test_a_lost_connection_leaves_nothing_half_done(database_url: str) -> None:
    """Given a cut session, when appending, then it fails, and succeeds after a new start."""
    with opened(database_url) as writer:
        terminate(database_url)
        with pytest.raises(DatabaseUnavailableError):
            writer.append([block(1)])
        writer.ready()
        assert writer.chain.next_block == 1
        writer.append([block(1)])
    assert len(query(database_url, "SELECT FROM log.range_indexed")) == 1


def test_a_database_that_is_away_is_told_without_its_password() -> None:
    """Given nothing listening, when a writer begins, then the error says so."""
    with (
        Writer("postgresql://someone:hidden@127.0.0.1:1/none", _CHAIN_ID) as writer,
        pytest.raises(DatabaseUnavailableError) as caught,
    ):
        writer.ready()
    assert "hidden" not in str(caught.value)


def test_cut_sessions_do_not_disturb_the_end(world: GeneratedChain, database_url: str) -> None:
    """Given sessions cut again and again, when indexing goes on, then the log is right."""
    node = Node(world, limits=Limits(10_000), calls={})
    with (
        serving(node_answer(node)) as url,
        capture_logs(),
        indexing(settings_for(url, world.contracts), database_url),
    ):
        for events in (1, 300, 600):
            wait_for(database_url, f"SELECT FROM log.stored_event OFFSET {events} LIMIT 1")
            terminate(database_url)
        wait_for_head(database_url, world.blocks.head.hash)
    assert stored_logs(database_url) == followed_logs(world.blocks, world.contracts)


def test_two_indexers_at_once_write_once(world: GeneratedChain, database_url: str) -> None:
    """Given two indexers of one chain, when both run, then one waits and says for whom."""
    node = Node(world, limits=Limits(), calls={})
    with serving(node_answer(node)) as url, capture_logs() as logs:
        settings = settings_for(url, world.contracts)
        with indexing(settings, database_url) as stop:
            wait_for_head(database_url, world.blocks.head.hash)
            with indexing(settings, database_url):
                deadline = time.monotonic() + _PATIENCE_SECONDS
                while not any(entry["event"] == "standing_by" for entry in logs):
                    assert time.monotonic() < deadline, "the second indexer never stood by"
                    stop.wait(0.02)
                stop.set()
    entry = next(entry for entry in logs if entry["event"] == "standing_by")
    assert f"is being written by daybook-index {socket.gethostname()}" in entry["reason"]
    assert stored_logs(database_url) == followed_logs(world.blocks, world.contracts)


def test_a_block_that_comes_back_is_recorded_again(recording: Path, database_url: str) -> None:
    """Given branches A, B, then A again, when followed, then every coming is in the log."""
    tapes = [TapeChain(recording / "tape.jsonl.gz") for _ in range(2)]
    for tape, lines in zip(tapes, (142, 143), strict=True):  # block 142 is replaced once
        for _ in range(lines):
            tape.advance()
    node = Node(tapes[0], limits=Limits(), calls={})
    with serving(node_answer(node)) as url:
        for tape in [*tapes, *tapes]:
            node.chain = tape
            index_to_head(settings_for(url, tape.contracts), database_url)
    left = query(
        database_url, "SELECT number, hash, attempt FROM log.orphaned_block ORDER BY position"
    )
    a, b = (tape.blocks.head.hash for tape in tapes)
    assert [(row["hash"], row["attempt"]) for row in left] == [(a, 0), (b, 0), (a, 1)]
    assert stored_logs(database_url) == followed_logs(tapes[1].blocks, tapes[1].contracts)
    again = followed_logs(tapes[0].blocks, tapes[0].contracts)
    orphaned = stored_logs(database_url, orphaned=True)
    assert {count for log, count in orphaned.items() if log in again} == {2}
