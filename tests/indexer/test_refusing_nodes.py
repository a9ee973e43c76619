"""Nodes that refuse, each in the dialect of its provider: whatever they refuse, nothing is lost."""

import threading
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from scripts.simulate.chain import GeneratedChain
from scripts.simulate.node import Limits, Node
from tests.indexer.indexing import index_to_head, indexing, settings_for, stored_logs, wait_for_head
from tests.indexer.nodes import Answer, Reply, node_answer, serving
from tests.indexer.truth import followed_logs

Criteria = dict[str, Any]


def blocks_in(criteria: Criteria) -> int:
    """How many blocks a filter spans."""
    if "blockHash" in criteria:
        return 1
    return int(criteria["toBlock"], 16) - int(criteria["fromBlock"], 16) + 1


def said(message: str, code: int = -32000) -> dict[str, Any]:
    """A problem as JSON-RPC has it."""
    return {"code": code, "message": message}


def refusing(
    world: GeneratedChain,
    refuses: Callable[[Criteria], Any],
    wrap: Callable[[Any, Any], Reply],
) -> Answer:
    """A node that refuses some filters for logs: with the problem that `refuses` gives, if any."""
    honest = node_answer(Node(world, limits=Limits(0), calls={}))

    def answer(body: bytes) -> Reply:
        request = msgspec.json.decode(body)
        if isinstance(request, dict) and request["method"] == "eth_getLogs":
            problem = refuses(request["params"][0])
            if problem is not None:
                return wrap(request["id"], problem)
        return honest(body)

    return answer


def as_error(request_id: Any, problem: Any) -> Reply:
    """As nodes do."""
    return Reply(msgspec.json.encode({"jsonrpc": "2.0", "id": request_id, "error": problem}))


def as_http_error(request_id: Any, problem: Any) -> Reply:
    """As gateways do."""
    return as_error(request_id, problem)._replace(status=400)


def as_data(request_id: Any, problem: Any) -> Reply:
    """As gateways of gateways do."""
    data = {"code": problem["code"], "message": "Invalid params", "data": {"range": problem}}
    return as_error(request_id, data)


def assert_indexed(world: GeneratedChain, database_url: str, answer: Answer, **chain: Any) -> None:
    """Index a chain at a refusing node, and check that the log holds all of it, once."""
    with serving(answer) as url:
        index_to_head(
            settings_for(url, world.contracts, **{"proof": "none", **chain}), database_url
        )
    assert stored_logs(database_url) == followed_logs(world.blocks, world.contracts)


@pytest.mark.parametrize("wrap", [as_error, as_http_error, as_data])
@pytest.mark.parametrize(
    ("limit", "message"),
    [
        (10, "Under the Free tier you can make eth_getLogs requests with up to a 10 block range."),
        (7, "exceeded max allowed"),
        (25, "it is what it is"),
    ],
    ids=["told", "not told", "unknown"],
)
def test_a_range_limit_is_kept_to(
    world: GeneratedChain,
    database_url: str,
    wrap: Callable[[Any, Any], Reply],
    limit: int,
    message: str,
) -> None:
    """Given a limit that is told, hinted at or hidden, when indexing, then nothing is skipped."""

    def refuses(criteria: Criteria) -> Any:
        return said(message) if blocks_in(criteria) > limit else None

    assert_indexed(world, database_url, refusing(world, refuses, wrap))


def test_a_proposed_range_is_followed(world: GeneratedChain, database_url: str) -> None:
    """Given a node that proposes narrower ranges, when indexing, then its proposals are asked."""
    asked: list[int] = []

    def refuses(criteria: Criteria) -> Any:
        asked.append(blocks_in(criteria))
        if asked[-1] <= 5:
            return None
        first = int(criteria["fromBlock"], 16)
        words = f"query exceeds max results 20000, retry with the range {first}-{first + 4}"
        return said(words)

    assert_indexed(world, database_url, refusing(world, refuses, as_error))
    assert {5} <= set(asked)


def test_filters_are_split_by_address(world: GeneratedChain, database_url: str) -> None:
    """Given a node that takes three addresses at once, when indexing, then nothing is lost."""

    def refuses(criteria: Criteria) -> Any:
        many = len(criteria["address"]) > 3
        return said("specify less number of addresses", -32701) if many else None

    assert_indexed(world, database_url, refusing(world, refuses, as_error))


@pytest.mark.parametrize("proof", ["bloom", "none"])
def test_a_block_that_is_too_big_is_read_by_its_receipts(
    world: GeneratedChain, database_url: str, proof: str
) -> None:
    """Given a node that gives no logs at all, when indexing, then the receipts have them."""

    def refuses(_: Criteria) -> Any:
        return said("query returned more than 10000 results", -32005)

    assert_indexed(world, database_url, refusing(world, refuses, as_error), proof=proof)


def test_a_node_that_is_busy_at_times_is_asked_again(
    world: GeneratedChain, database_url: str
) -> None:
    """Given every fifth filter is refused for another reason, then nothing is lost."""
    asked: list[Criteria] = []
    reasons = ["limit exceeded", "request timed out", "header not found", "too many requests"]

    def refuses(criteria: Criteria) -> Any:
        asked.append(criteria)
        turn, is_refused = divmod(len(asked), 5)
        return None if is_refused else said(reasons[turn % len(reasons)])

    assert_indexed(world, database_url, refusing(world, refuses, as_error))


@pytest.mark.slow
def test_a_metered_node_is_indexed_at_its_rate(world: GeneratedChain, database_url: str) -> None:
    """Given a node that answers 429 to every second request at first, then all comes in time."""
    honest = node_answer(Node(world, limits=Limits(0), calls={}))
    lock, counts = threading.Lock(), {"asked": 0, "refused": 0}

    def answer(body: bytes) -> Reply:
        with lock:
            counts["asked"] += 1
            if counts["asked"] % 2 == 0 and counts["refused"] < 3:
                counts["refused"] += 1
                return Reply(b"", 429, (("Retry-After", "0.05"),))
        return honest(body)

    assert_indexed(world, database_url, answer)
    assert counts["refused"] == 3


@pytest.mark.slow
def test_a_check_that_no_node_passes_is_named_and_nothing_is_believed(
    world: GeneratedChain, database_url: str
) -> None:
    """Given headers that never hash, when indexing, then check and setting are named, and waited.

    When the nodes answer as they should, then indexing goes on by itself.
    """
    is_odd = threading.Event()
    is_odd.set()
    node = Node(world, limits=Limits(0), calls={})

    def spoil(method: str, _parameters: list[Any], result: Any) -> Any:
        if is_odd.is_set() and method == "eth_getBlockByNumber" and result:
            return {**result, "stateRoot": "0x" + "11" * 32}
        return result

    with (
        serving(node_answer(node, spoil)) as one,
        serving(node_answer(node, spoil)) as other,
        capture_logs() as logs,
        indexing(settings_for(one, world.contracts, rpc=[one, other]), database_url),
    ):
        while not (told := [e for e in logs if "same check" in str(e.get("reason"))]):
            is_odd.wait(0.05)
        assert "does not hash to" in told[0]["reason"]
        assert "chain local: proof" in told[0]["reason"]
        assert not stored_logs(database_url)
        is_odd.clear()
        wait_for_head(database_url, world.blocks.head.hash)
    assert not [entry for entry in logs if entry["event"] == "endpoint_lied"]
    assert stored_logs(database_url) == followed_logs(world.blocks, world.contracts)
