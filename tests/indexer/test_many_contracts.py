"""Contracts that are announced all the time are followed as those that are announced once."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, get_args

import pytest

import indexer.backfill
import indexer.logs
from indexer.roster import Roster
from schema.log.chain import Followed, Proof
from scripts.simulate.chain import GeneratedChain, Setting, generate
from scripts.simulate.node import Limits, Node
from tests.indexer.indexing import index_to_head, query, settings_for, stored_logs
from tests.indexer.nodes import Answer, Reply, honest, node_answer, serving
from tests.indexer.truth import followed_logs

_ADDRESS, _OTHER = "0x" + "ab" * 20, "0x" + "cd" * 20


@pytest.fixture(scope="module")
def busy() -> GeneratedChain:
    """A chain where seasons begin all the time, and so does every range."""
    chain = generate(Setting(seed=5, seasons=60, players=12, trades=300))
    while not chain.is_over:
        chain.advance()
    return chain


@pytest.fixture(autouse=True)
def narrow_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many ranges of a small chain."""
    monkeypatch.setattr(indexer.backfill, "_WIDTH_FIRST", 8)
    monkeypatch.setattr(indexer.backfill, "_WIDTH_MAX", 8)


class _Looks:
    """What a node was asked for by topic, which is how announcements are looked for."""

    def __init__(self) -> None:
        self.found = 0

    def honest(self, method: str, parameters: list[Any], result: Any) -> Any:
        """The truth."""
        self.found += len(result) if _is_look(method, parameters) else 0
        return result

    def blind(self, method: str, parameters: list[Any], result: Any) -> Any:
        """Nothing is announced."""
        self.honest(method, parameters, result)
        return [] if _is_look(method, parameters) else result

    def dazzling(self, method: str, parameters: list[Any], result: Any) -> Any:
        """Announced are the contracts that were there before."""
        self.honest(method, parameters, result)
        if not _is_look(method, parameters):
            return result
        word = parameters[0]["address"][0][2:].rjust(64, "0")
        return [
            {**log, "topics": [log["topics"][0], *["0x" + word] * (len(log["topics"]) - 1)]}
            for log in result
        ]


def _is_look(method: str, parameters: list[Any]) -> bool:
    return method == "eth_getLogs" and "topics" in parameters[0]


@pytest.mark.parametrize("proof", get_args(Proof))
@pytest.mark.parametrize("manner", ["honest", "blind", "dazzling"])
def test_what_a_look_ahead_finds_is_no_proof(
    busy: GeneratedChain, database_url: str, proof: Proof, manner: str
) -> None:
    """Given contracts announced all the time, when a look ahead lies, then the log is the same."""
    looks = _Looks()
    node = Node(busy, limits=Limits(0), calls={})
    with serving(node_answer(node, getattr(looks, manner))) as url:
        index_to_head(settings_for(url, busy.contracts, proof=proof), database_url)
    assert stored_logs(database_url) == followed_logs(busy.blocks, busy.contracts)
    assert bool(looks.found) == (proof != "receipts")


def test_logs_that_came_too_early_may_be_dropped(
    busy: GeneratedChain, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given no room for logs that come ahead, when indexed, then they are asked for again."""
    monkeypatch.setattr(indexer.logs, "_SPARE_DIGITS_MAX", -1)
    with serving(node_answer(Node(busy, limits=Limits(0), calls={}))) as url:
        index_to_head(settings_for(url, busy.contracts, proof="bloom"), database_url)
    assert stored_logs(database_url) == followed_logs(busy.blocks, busy.contracts)


def test_each_contract_is_one_fact_ahead_of_its_range(
    busy: GeneratedChain, database_url: str
) -> None:
    """Given ranges appended together, when each announces some, then no fact is there twice."""
    with serving(node_answer(Node(busy, limits=Limits(0), calls={}))) as url:
        index_to_head(settings_for(url, busy.contracts, proof="bloom"), database_url)
    facts = query(
        database_url,
        "SELECT contract.address, count(*) AS facts, "
        "bool_and(contract.position < range.position) AS is_ahead "
        "FROM log.contract_discovered AS contract JOIN log.range_indexed AS range "
        "ON contract.block BETWEEN range.first AND range.last "
        "WHERE contract.block > 0 GROUP BY contract.address",
    )
    assert len(facts) > 100
    assert all(fact["facts"] == 1 and fact["is_ahead"] for fact in facts)


class _Slow:
    """Answers after a while; counts how many requests wait at once."""

    def __init__(self, answer: Answer, seconds: float) -> None:
        self.most = 0
        self._answer = answer
        self._seconds = seconds
        self._waiting = 0
        self._lock = threading.Lock()

    def __call__(self, body: bytes) -> Reply:
        with self._waiting_one():
            threading.Event().wait(self._seconds)
        return self._answer(body)

    @contextmanager
    def _waiting_one(self) -> Iterator[None]:
        with self._lock:
            self._waiting += 1
            self.most = max(self.most, self._waiting)
        try:
            yield
        finally:
            with self._lock:
                self._waiting -= 1


def test_a_node_far_away_is_asked_for_more_ranges_at_once(
    busy: GeneratedChain, database_url: str
) -> None:
    """Given 100 ms a request, when a chain is indexed, then ever more ranges are in flight."""
    node = Node(busy, limits=Limits(0), calls={})
    slow = _Slow(node_answer(node, honest), seconds=0.1)
    with serving(slow) as url:
        index_to_head(settings_for(url, busy.contracts, proof="none"), database_url)
    assert slow.most > indexer.backfill._IN_FLIGHT  # noqa: SLF001  what it begins with
    assert stored_logs(database_url) == followed_logs(busy.blocks, busy.contracts)


def test_a_roster_tells_what_came_since() -> None:
    """Given a roster, when contracts are added, then only new or earlier ones came."""
    roster = Roster({_ADDRESS: Followed("raffles", "raffle", 5)})
    seen = len(roster)
    roster.add({_ADDRESS: Followed("raffles", "raffle", 6)})
    assert roster.since(seen) == {}
    earlier, other = Followed("raffles", "raffle", 4), Followed("raffles", "curve", 9)
    roster.add({_ADDRESS: earlier, _OTHER: other})
    assert roster.since(seen) == {_ADDRESS: earlier, _OTHER: other}
    assert roster.contracts == {_ADDRESS: earlier, _OTHER: other}


def test_a_roster_wants_nothing_of_what_is_held() -> None:
    """Given a contract that the log holds, when it is announced again, then it is not wanted."""
    roster = Roster({}, {_ADDRESS: Followed("raffles", "curve", 1)})
    roster.add({_ADDRESS: Followed("raffles", "curve", 7)})
    assert (len(roster), roster.contracts) == (0, {})
