"""Several endpoints are asked as one: the good ones, and never one of another chain."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from indexer.endpoint import Endpoint
from indexer.errors import BadAnswerError, QuotaError, RateLimitedError, UnprovableError
from indexer.node import Node
from schema.errors import ConfigurationError
from schema.settings import ChainSettings
from scripts.simulate.chain import GeneratedChain
from scripts.simulate.deployment import CHAIN_ID
from scripts.simulate.node import Limits
from scripts.simulate.node import Node as SimulatedNode
from tests.indexer.nodes import Answer, Reply, node_answer, serving

_OTHER_HASH = "0x" + "11" * 32
_PATIENCE_SECONDS = 20.0


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """What it shows, in seconds."""
        return self.now


class Served:
    """A real server of a simulated chain, of which a test may change the answers.

    Attributes:
        requests: how many came.
        instead: what answers in place of the chain's node, if anything.
    """

    def __init__(self, world: GeneratedChain) -> None:
        self.requests = 0
        self.instead: Answer | None = None
        self._answer = node_answer(SimulatedNode(world, limits=Limits(0), calls={}))

    def __call__(self, body: bytes) -> Reply:
        """The reply to a request."""
        self.requests += 1
        return (self.instead or self._answer)(body)

    def spoiling(self, method: str, change: Callable[[Any], Any]) -> None:
        """Change the results of one method from now on."""

        def answer(body: bytes) -> Reply:
            request = msgspec.json.decode(body)
            reply = msgspec.json.decode(self._answer(body).body)
            if isinstance(request, dict) and request["method"] == method:
                reply["result"] = change(reply["result"])
            return Reply(msgspec.json.encode(reply))

        self.instead = answer

    def slowly(self, seconds: float) -> None:
        """Answer late from now on."""

        def answer(body: bytes) -> Reply:
            time.sleep(seconds)
            return self._answer(body)

        self.instead = answer


@contextmanager
def several(
    world: GeneratedChain, count: int, clock: Callable[[], float] = time.monotonic
) -> Iterator[tuple[Node, list[Served]]]:
    """A chain's node of so many endpoints, and their servers."""
    served = [Served(world) for _ in range(count)]
    stop = threading.Event()
    with ExitStack() as servers:
        urls = [servers.enter_context(serving(each)) for each in served]
        yield Node(ChainSettings(id=CHAIN_ID, name="local", rpc=urls), stop, clock=clock), served
        stop.set()


def latest(endpoint: Endpoint) -> str:
    """A unit of work: who asked for the head."""
    assert endpoint.blocks(["latest"])[0] is not None
    return endpoint.alias


def states(node: Node) -> list[str]:
    """Whether each endpoint is asked."""
    return [standing.state for standing in node.report()]


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, "it never was so"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("method", "change"),
    [
        ("eth_chainId", lambda _: "0x1"),
        ("eth_getBlockByNumber", lambda block: {**block, "hash": _OTHER_HASH}),
    ],
)
def test_an_endpoint_of_another_chain_is_in_quarantine_while_others_serve(
    world: GeneratedChain, method: str, change: Callable[[Any], Any]
) -> None:
    """Given another chain id or genesis, when asked, then only the right endpoint ever is."""
    with several(world, 2) as (node, served), capture_logs() as logs:
        served[1].spoiling(method, change)
        node.check()
        before = served[1].requests
        assert {node.ask(latest) for _ in range(20)} == {"local-1"}
        assert served[1].requests == before
        assert states(node) == ["ready", "quarantined"]
    told = [entry for entry in logs if entry["event"] == "endpoint_quarantined"]
    assert [entry["endpoint"] for entry in told] == ["local-2"]


@pytest.mark.slow
def test_a_chain_whose_endpoints_all_turn_into_another_is_a_mistake(world: GeneratedChain) -> None:
    """Given two endpoints, when both come back as another chain, then that is said, by its key."""
    with several(world, 2) as (node, served):
        node.check()
        for each in served:
            each.instead = lambda _: Reply(b"", 503)
        for _ in range(2):
            with pytest.raises(Exception, match="HTTP status 503"):
                node.ask(latest)
        for each in served:
            each.spoiling("eth_chainId", lambda _: "0x1")
        with pytest.raises(ConfigurationError, match="is of chain 1, not 31337") as caught:
            node.ask(latest)
        assert caught.value.key == "chain local: rpc[0]"


@pytest.mark.slow
def test_an_endpoint_is_checked_again_when_it_was_away(world: GeneratedChain) -> None:
    """Given an endpoint that fails over to another chain, when it is back, then it is not used."""
    with several(world, 2) as (node, served):
        node.check()
        served[0].instead = lambda _: Reply(b"", 502)
        assert {node.ask(latest) for _ in range(4)} == {"local-2"}
        served[0].spoiling("eth_chainId", lambda _: "0x1")
        served[1].instead = lambda _: Reply(b"", 502)
        with pytest.raises(Exception, match=r"local-[12]"):
            node.ask(latest)
        served[1].instead = None
        assert node.ask(latest) == "local-2"
        assert states(node)[0] == "quarantined"


def test_an_endpoint_leaves_quarantine_when_it_is_right_again(world: GeneratedChain) -> None:
    """Given a quarantined endpoint, when it is of the chain at its next probe, then it serves."""
    clock = Clock()
    with several(world, 2, clock) as (node, served), capture_logs() as logs:
        served[1].spoiling("eth_chainId", lambda _: "0x1")
        node.check()
        clock.now += 61
        node.ask(latest)
        wait_until(lambda: sum(entry["event"] == "endpoint_failed" for entry in logs) == 2)
        assert states(node) == ["ready", "quarantined"]
        served[1].instead = None
        clock.now += 121
        node.ask(latest)
        wait_until(lambda: states(node) == ["ready", "ready"])


def test_an_endpoint_without_quota_is_left_alone_and_that_is_said(world: GeneratedChain) -> None:
    """Given the only endpoint refuses by its plan, when asked on, then it is not, but it is told.

    When its quarantine is over and it serves again, then it is asked again.
    """
    clock = Clock()
    with several(world, 1, clock) as (node, served):
        node.check()
        problem = {"code": -32005, "message": "Monthly capacity limit exceeded"}
        served[0].instead = lambda _: Reply(msgspec.json.encode({"id": None, "error": problem}))
        with pytest.raises(QuotaError, match="Monthly capacity limit"):
            node.ask(latest)
        before = served[0].requests
        for _ in range(5):
            with pytest.raises(QuotaError, match=r"local-1.*Check the quota, the plan"):
                node.ask(latest)
        assert served[0].requests == before
        served[0].instead = None
        clock.now += 61
        with pytest.raises(QuotaError):
            node.ask(latest)
        wait_until(lambda: states(node) == ["ready"])
        assert node.ask(latest) == "local-1"


def test_a_chain_goes_on_without_the_endpoint_that_has_no_quota(world: GeneratedChain) -> None:
    """Given two endpoints, when one has no quota left, then the other one does all."""
    with several(world, 2) as (node, served), capture_logs() as logs:
        node.check()
        served[0].instead = lambda _: Reply(b'{"message": "upgrade your tier"}', 402)
        assert {node.ask(latest) for _ in range(10)} == {"local-2"}
    told = [entry["endpoint"] for entry in logs if entry["event"] == "endpoint_quarantined"]
    assert told == ["local-1"]


def unproved(liars: set[str]) -> Callable[[Endpoint], str]:
    """A unit of work whose proof fails at some endpoints."""

    def unit(endpoint: Endpoint) -> str:
        if endpoint.alias in liars:
            raise BadAnswerError(endpoint.alias, f"block {len(liars)} does not hash to 0xabc")
        return latest(endpoint)

    return unit


def test_an_endpoint_that_lied_is_told_counted_and_left(world: GeneratedChain) -> None:
    """Given one liar among three, when asked on, then it is asked once, and told by its alias."""
    with several(world, 3) as (node, _), capture_logs() as logs:
        node.check()
        answers = [node.ask(unproved({"local-1"})) for _ in range(50)]
        assert "local-1" not in answers
        (liar, *others) = node.report()
    assert (liar.state, liar.lies) == ("suspended", 1)
    assert [(other.state, other.lies) for other in others] == [("ready", 0)] * 2
    told = [entry for entry in logs if entry["event"] == "endpoint_lied"]
    assert [(entry["endpoint"], entry["lies"]) for entry in told] == [("local-1", 1)]


@pytest.mark.slow
def test_a_check_that_every_endpoint_fails_is_named_with_the_next_step(
    world: GeneratedChain,
) -> None:
    """Given no endpoint that passes a check, then no one is called a liar, and `proof` is named."""
    with several(world, 3) as (node, _), capture_logs() as logs:
        node.check()
        with pytest.raises(UnprovableError) as caught:
            node.ask(unproved({"local-1", "local-2", "local-3"}))
        assert 'fails the same check ("block … does not hash to …")' in str(caught.value)
        assert "chain local: proof" in str(caught.value)
        assert [standing.lies for standing in node.report()] == [0, 0, 0]
        assert node.ask(latest) in {"local-1", "local-2", "local-3"}
    assert not [entry for entry in logs if entry["event"] == "endpoint_lied"]


def shares(node: Node, units: int) -> Counter[str]:
    """Who did how many units of work, of which four are under way at any time."""
    with ThreadPoolExecutor(4) as pool:
        return Counter(pool.map(lambda _: node.ask(latest), range(units)))


def test_work_is_spread_over_endpoints_that_serve_equally_well(world: GeneratedChain) -> None:
    """Given three equal endpoints, when four units are under way, then each does its share."""
    with several(world, 3) as (node, served):
        for each in served:
            each.slowly(0.01)
        node.check()
        done = shares(node, 120)
    assert min(done[f"local-{at}"] for at in (1, 2, 3)) >= 12, done


def test_a_slow_endpoint_gets_little_to_do(world: GeneratedChain) -> None:
    """Given one slow endpoint among three, when work is done, then the others do nearly all."""
    with several(world, 3) as (node, served):
        served[0].slowly(0.5)
        node.check()
        done = shares(node, 100)
    assert done["local-1"] <= 4, done


def test_an_endpoint_that_fails_half_the_time_gets_little_to_do(world: GeneratedChain) -> None:
    """Given one failing endpoint among three, when work is done, then all of it is done."""
    with several(world, 3) as (node, served):
        node.check()
        honest = Served(world)
        served[0].instead = lambda body: honest(body) if served[0].requests % 2 else Reply(b"", 500)
        done = shares(node, 100)
    assert done.total() == 100
    assert done["local-1"] <= 20, done


@pytest.mark.slow
def test_a_breaker_opens_and_a_probe_closes_it(world: GeneratedChain) -> None:
    """Given an endpoint that is away, when it failed often, then it is asked once it is back."""
    clock = Clock()
    with several(world, 2, clock) as (node, served), capture_logs() as logs:
        node.check()
        served[0].instead = lambda _: Reply(b"", 503)
        served[1].instead = lambda _: Reply(b"", 503)
        with pytest.raises(Exception, match="HTTP status 503"):
            node.ask(latest)
        assert states(node) == ["suspended", "suspended"]
        for each in served:
            each.instead = None
        assert node.ask(latest)
        clock.now += 61
        node.ask(latest)
        wait_until(lambda: states(node) == ["ready", "ready"])
    events = Counter(entry["event"] for entry in logs)
    assert events["endpoint_suspended"] == events["endpoint_restored"] == 2


def test_another_endpoint_is_asked_while_one_asks_to_be_left_alone(world: GeneratedChain) -> None:
    """Given 429 with a Retry-After, when asked on, then the other one does it, without a wait."""
    with several(world, 2) as (node, served):
        node.check()
        served[0].instead = lambda _: Reply(b"", 429, (("Retry-After", "30"),))
        before = served[0].requests
        began = time.monotonic()
        assert {node.ask(latest) for _ in range(20)} == {"local-2"}
        assert time.monotonic() - began < 15
        assert served[0].requests == before + 1
        assert node.report()[0].requests_a_second is not None


def test_a_stated_wait_is_kept_where_there_is_no_other_endpoint(world: GeneratedChain) -> None:
    """Given the only endpoint states a wait of half a second, then it is asked no sooner."""
    with several(world, 1) as (node, served):
        node.check()
        asked: list[float] = []
        honest = Served(world)

        def throttled_once(body: bytes) -> Reply:
            asked.append(time.monotonic())
            if len(asked) == 1:
                return Reply(b"", 429, (("Retry-After", "0.5"),))
            return honest(body)

        served[0].instead = throttled_once
        assert node.ask(latest) == "local-1"
    assert asked[1] - asked[0] >= 0.5


def test_a_long_wait_is_told_rather_than_waited_out_silently(world: GeneratedChain) -> None:
    """Given the only endpoint states a wait of half a minute, then its caller is told at once."""
    with several(world, 1) as (node, served):
        node.check()
        served[0].instead = lambda _: Reply(b"", 429, (("Retry-After", "30"),))
        with pytest.raises(RateLimitedError, match="local-1: too many requests, retry after 30 s"):
            node.ask(latest)


def test_a_report_says_how_each_endpoint_stands(world: GeneratedChain) -> None:
    """Given two endpoints, one of them away, then the report tells them apart by alias."""
    with several(world, 2) as (node, served):
        served[1].instead = lambda _: Reply(b"", 500)
        node.check()
        node.ask(latest)
        good, bad = node.report()
    assert (good.alias, good.state, good.failures, good.in_flight) == ("local-1", "ready", 0, 0)
    assert good.latency_ms > 0
    assert good.requests_a_second is None
    assert (bad.alias, bad.failures) == ("local-2", 1)
    assert bad.error_rate > 0


def test_an_endpoint_whose_own_receipts_convict_it_is_left(world: GeneratedChain) -> None:
    """Given an endpoint that leaves out logs, when its receipts show it, then others are asked."""

    def convicting(endpoint: Endpoint) -> str:
        if endpoint.alias == "local-1":
            endpoint.conviction = "left out logs of 3 blocks of its receipts"
        return endpoint.alias

    with several(world, 2) as (node, _), capture_logs() as logs:
        node.check()
        assert [node.ask(convicting) for _ in range(4)] == ["local-1", *["local-2"] * 3]
        assert node.report()[0].lies == 1
    (told,) = [entry for entry in logs if entry["event"] == "endpoint_lied"]
    assert (told["endpoint"], told["proved_by"]) == ("local-1", "local-1")
