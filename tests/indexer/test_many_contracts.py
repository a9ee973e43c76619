"""Contracts that are announced all the time are followed as those that are announced once."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import indexer.backfill
import indexer.logs
import indexer.spare
from indexer.backfill import completed
from indexer.branch import Branch
from indexer.endpoint import Endpoint
from indexer.fetch import Fetched, extend, fetch, fetch_headers
from indexer.heads import Heads
from indexer.node import Node as Endpoints
from indexer.proof import Header
from indexer.roster import Roster
from indexer.spare import Spare
from schema.log.chain import Chain, ChainOpened, ContractDiscovered, Followed
from scripts.simulate.chain import GeneratedChain, Setting, generate
from scripts.simulate.deployment import CHAIN_ID
from scripts.simulate.node import INVALID_PARAMS, METHOD_NOT_FOUND, Limits, Node, RpcError
from tests.indexer.indexing import index_to_head, query, settings_for, stored_logs
from tests.indexer.nodes import Answer, Reply, Spoil, honest, node_answer, serving
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


class _Counting:
    """Counts filters that name no addresses, and spoils their answers."""

    def __init__(self, spoil: Spoil) -> None:
        self.whole = 0
        self._spoil = spoil

    def __call__(self, method: str, parameters: list[Any], result: Any) -> Any:
        if method == "eth_getLogs" and "address" not in parameters[0]:
            self.whole += 1
            return self._spoil(method, parameters, result)
        return result


def _without_every_third_log(_method: str, _parameters: list[Any], result: Any) -> Any:
    return [log for at, log in enumerate(result) if at % 3]


def _refused(_method: str, _parameters: list[Any], _result: Any) -> Any:
    raise RpcError(INVALID_PARAMS, "please specify an address in your request")


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few contracts are many, and what share of the logs is theirs does not matter."""
    monkeypatch.setattr(indexer.logs, "_MANY_ADDRESSES", 5)
    monkeypatch.setattr(indexer.logs, "_FOREIGN_SHARE_MAX", 1.0)


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("spoil", [honest, _without_every_third_log, _refused])
def test_all_logs_are_asked_for_and_accounted_for(
    busy: GeneratedChain, database_url: str, spoil: Spoil
) -> None:
    """Given many contracts, when all logs are asked for, then each of ours is there once."""
    counting = _Counting(spoil)
    with serving(node_answer(Node(busy, limits=Limits(0), calls={}), counting)) as url:
        settings = settings_for(url, busy.contracts, proof="bloom", receipts_sample=0.0)
        index_to_head(settings, database_url)
    assert counting.whole
    assert stored_logs(database_url) == followed_logs(busy.blocks, busy.contracts)


@pytest.mark.usefixtures("many")
def test_all_logs_are_asked_for_without_receipts_too(
    busy: GeneratedChain, database_url: str
) -> None:
    """Given a node without receipts, when logs are left out, then the block is asked for alone."""

    def spoil(method: str, parameters: list[Any], result: Any) -> Any:
        if method == "eth_getBlockReceipts":
            raise RpcError(METHOD_NOT_FOUND, "the method does not exist")
        if method == "eth_getLogs" and "address" not in parameters[0]:
            return _without_every_third_log(method, parameters, result)
        return result

    with serving(node_answer(Node(busy, limits=Limits(0), calls={}), spoil)) as url:
        settings = settings_for(url, busy.contracts, proof="bloom", receipts_sample=0.0)
        index_to_head(settings, database_url)
    assert stored_logs(database_url) == followed_logs(busy.blocks, busy.contracts)


def test_where_most_logs_are_of_others_addresses_are_named(
    busy: GeneratedChain, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a share of others' logs that is too much, then no filter goes without addresses."""
    monkeypatch.setattr(indexer.logs, "_MANY_ADDRESSES", 5)
    monkeypatch.setattr(indexer.logs, "_FOREIGN_SHARE_MAX", 0.0)
    counting = _Counting(honest)
    with serving(node_answer(Node(busy, limits=Limits(0), calls={}), counting)) as url:
        settings = settings_for(url, busy.contracts, proof="bloom", receipts_sample=1.0)
        index_to_head(settings, database_url)
    assert not counting.whole
    assert stored_logs(database_url) == followed_logs(busy.blocks, busy.contracts)


@pytest.mark.usefixtures("many")
def test_logs_that_were_not_wanted_yet_may_be_dropped(
    busy: GeneratedChain, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given no room for logs that are not wanted yet, then they are asked for again."""
    monkeypatch.setattr(indexer.spare, "_DIGITS_MAX", -1)
    with serving(node_answer(Node(busy, limits=Limits(0), calls={}))) as url:
        index_to_head(settings_for(url, busy.contracts, proof="bloom"), database_url)
    assert stored_logs(database_url) == followed_logs(busy.blocks, busy.contracts)


@pytest.mark.usefixtures("many")
def test_a_contract_that_was_announced_earlier_than_known_has_all_its_logs(
    busy: GeneratedChain,
) -> None:
    """Given all logs of blocks, when one of the contracts began earlier, then none is missing."""
    deployment = settings_for("", busy.contracts).deployment[0]
    followed = {
        address: Followed(deployment.name, kind, 0)
        for address, kind in deployment.contracts.by_address().items()
    }
    token = busy.contracts["token"]
    late = {**followed, token: Followed(deployment.name, "token", 20)}
    chain = Chain(CHAIN_ID)
    chain.apply([ChainOpened(CHAIN_ID, 0, "local", 0, "0x" + "00" * 32)])
    with serving(node_answer(Node(busy, limits=Limits(0), calls={}))) as url:
        endpoint = Endpoint(url, "local-1")
        headers = fetch_headers(endpoint, 0, 40, proof="bloom")
        early = fetch(endpoint, headers, followed, chain=chain, proof="bloom")
        fetched = fetch(endpoint, headers, late, chain=chain, proof="bloom")
        assert fetched.spare.is_whole
        assert fetched.rows != early.rows
        missing = {token: followed[token]}
        assert extend(endpoint, fetched, missing, chain=chain).rows == early.rows


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


@pytest.mark.slow
def test_a_node_far_away_is_asked_for_more_ranges_at_once(
    world: GeneratedChain, database_url: str
) -> None:
    """Given 250 ms a request, when a chain is indexed, then ever more ranges are in flight."""
    slow = _Slow(node_answer(Node(world, limits=Limits(0), calls={})), seconds=0.25)
    with serving(slow) as url:
        index_to_head(settings_for(url, world.contracts, proof="none"), database_url)
    assert slow.most > indexer.backfill._IN_FLIGHT  # noqa: SLF001  what it begins with
    assert stored_logs(database_url) == followed_logs(world.blocks, world.contracts)


def test_what_two_ranges_announce_is_one_fact() -> None:
    """Given ranges fetched at once that announce one contract, then the first one's fact stays."""
    settings = settings_for("http://127.0.0.1:1", {}).chain[0]
    chain = Chain(CHAIN_ID)
    roster, ready = Roster({}), []
    for number in range(2):
        header = Header(number, f"0x{number:064x}", f"0x{number - 1 & 0xFF:064x}", 0, 0, "")
        fact = ContractDiscovered(CHAIN_ID, "raffles", "curve", _ADDRESS, number)
        ready.append(Fetched([header], roster, 0, {}, {}, 0, [fact], "bloom", Spare()))
    branch = Branch(0, ready[0].headers[0].parent_hash, Heads(ready[1].headers[0], 1, None), None)
    node = Endpoints(settings, threading.Event())
    first, second = completed(node, chain, ready, branch)
    assert (first.discovered, second.discovered) == (ready[0].discovered, [])


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
