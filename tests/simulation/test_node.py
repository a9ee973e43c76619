"""The simulated node over real HTTP: methods, errors, limits, and time."""

import gzip
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from websockets.sync.client import connect

from schema.settings import load
from tests.simulation.client import Client, simulated

pytestmark = pytest.mark.slow

_PATIENCE_SECONDS = 20.0
UNKNOWN_HASH = "0x" + "11" * 32


@pytest.fixture(scope="module")
def node() -> Iterator[Client]:
    """A node with a whole small world."""
    with simulated("--seasons", "3", "--trades", "400", "--max-range", "500") as client:
        yield client


def _block(node: Client, tag: str) -> Any:
    return node.call("eth_getBlockByNumber", tag)


def _logs(node: Client, **wanted: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = node.call("eth_getLogs", wanted)
    return found


def test_a_node_says_what_it_is(node: Client) -> None:
    """Given a node, then chain id, version and head are answered."""
    assert node.call("eth_chainId") == "0x7a69"
    assert node.call("net_version") == "31337"
    assert node.call("web3_clientVersion").startswith("daybook-simulate/")
    head = _block(node, "latest")
    assert head["number"] == node.call("eth_blockNumber")


def test_blocks_are_found_by_number_tag_and_hash(node: Client) -> None:
    """Given each way to name a block, then it is the same block, and null beyond the head."""
    head = _block(node, "latest")
    assert node.call("eth_getBlockByHash", head["hash"]) == head
    assert _block(node, "earliest")["number"] == "0x0"
    finalized = _block(node, "finalized")
    assert int(head["number"], 16) - int(finalized["number"], 16) == 64
    assert _block(node, "safe") == finalized
    assert _block(node, "0xffffff") is None
    assert node.call("eth_getBlockByHash", UNKNOWN_HASH) is None


def test_logs_are_filtered_by_range_address_and_topics(node: Client) -> None:
    """Given filters, then exactly the logs that match, in order."""
    everything = _logs(node, fromBlock="0x0", toBlock="latest")
    places = [(int(log["blockNumber"], 16), int(log["logIndex"], 16)) for log in everything]
    assert places == sorted(places)
    some = everything[len(everything) // 2]
    for address in (
        some["address"],
        [some["address"]],
        [some["address"].upper().replace("X", "x")],
    ):
        found = _logs(node, fromBlock="0x0", toBlock="latest", address=address)
        assert found == [log for log in everything if log["address"] == some["address"]]
    first = some["topics"][0]
    for topics in ([first], [[first, UNKNOWN_HASH]], [first, None]):
        found = _logs(node, fromBlock="0x0", toBlock="latest", topics=topics)
        least = 2 if topics[1:] else 1
        assert found == [
            log for log in everything if len(log["topics"]) >= least and log["topics"][0] == first
        ]
    assert _logs(node, fromBlock="0xffff", toBlock="0xffff") == []
    block = _logs(node, blockHash=some["blockHash"])
    assert block == [log for log in everything if log["blockHash"] == some["blockHash"]]


def test_receipts_are_found_by_block_and_transaction(node: Client) -> None:
    """Given a block, then its receipts by number and hash, and each by its transaction."""
    head = _block(node, "0x20")
    receipts = node.call("eth_getBlockReceipts", "0x20")
    assert receipts == node.call("eth_getBlockReceipts", head["hash"])
    assert [one["transactionHash"] for one in receipts] == head["transactions"]
    logs = _logs(node, fromBlock="0x20", toBlock="0x20")
    assert [log for one in receipts for log in one["logs"]] == logs
    for receipt in receipts:
        assert node.call("eth_getTransactionReceipt", receipt["transactionHash"]) == receipt
    assert node.call("eth_getBlockReceipts", "0xffffff") is None
    assert node.call("eth_getTransactionReceipt", UNKNOWN_HASH) is None


def test_batches_are_answered_in_their_order(node: Client) -> None:
    """Given a batch, then one answer for each request, errors among them."""
    methods = ["eth_chainId", "eth_nonsense", "eth_blockNumber"]
    answers = node.post(
        [{"jsonrpc": "2.0", "id": name, "method": name, "params": []} for name in methods]
    )
    assert [answer["id"] for answer in answers] == methods
    assert ["error" in answer for answer in answers] == [False, True, False]


@pytest.mark.parametrize(
    ("method", "parameters", "code"),
    [
        ("eth_nonsense", [], -32601),
        ("eth_getLogs", [], -32602),
        ("eth_getLogs", ["0x0"], -32602),
        ("eth_getLogs", [{"fromBlock": "zero"}], -32602),
        ("eth_getLogs", [{"fromBlock": "0x5", "toBlock": "0x4"}], -32602),
        ("eth_getLogs", [{"address": "0x12"}], -32602),
        ("eth_getLogs", [{"topics": ["0x12"]}], -32602),
        ("eth_getLogs", [{"topics": [None] * 5}], -32602),
        ("eth_getLogs", [{"blockHash": UNKNOWN_HASH, "toBlock": "0x1"}], -32602),
        ("eth_getLogs", [{"blockHash": UNKNOWN_HASH}], -32000),
        ("eth_getBlockByNumber", [12, False], -32602),
        ("eth_getBlockByHash", ["0x12", False], -32602),
        ("eth_call", [{"to": UNKNOWN_HASH[:42], "data": "0x12"}, "0xffffff"], -32000),
        ("eth_call", [{"to": UNKNOWN_HASH[:42], "data": "0x1"}, "latest"], -32602),
        ("eth_call", ["0x12", "latest"], -32602),
        ("daybook_reorg", [0], -32602),
        ("daybook_reorg", [10**6], -32602),
        ("daybook_reorg", [1, {"blocks": -1}], -32602),
        ("daybook_reorg", [1, {"block": 1}], -32602),
        ("daybook_return", [], -32602),
        ("eth_subscribe", ["newHeads"], -32601),
    ],
)
def test_wrong_requests_are_refused(
    node: Client, method: str, parameters: list[Any], code: int
) -> None:
    """Given a wrong request, then JSON-RPC's error code for it."""
    assert node.error(method, *parameters)["code"] == code


@pytest.mark.parametrize(
    ("body", "code"), [(b"{", -32700), (b"[]", -32600), (b'{"id": 1}', -32600)]
)
def test_what_is_no_request_is_refused(node: Client, body: bytes, code: int) -> None:
    """Given something else than a request, then JSON-RPC's error code for it."""
    assert node.post_raw(body)["error"]["code"] == code


def test_a_range_beyond_the_limit_names_the_limit(node: Client) -> None:
    """Given a cap, then a wider range is refused in words that can be understood."""
    error = node.error("eth_getLogs", {"fromBlock": "0x0", "toBlock": "0x1f4"})
    assert error["message"] == "block range too large, maximum allowed is 500 blocks"
    assert error["code"] == -32602


def test_a_reorg_on_request_keeps_parents_linked() -> None:
    """Given a node, when asked for a reorg, then the last blocks are others, properly linked."""
    with simulated("--trades", "200") as node:
        head = int(node.call("eth_blockNumber"), 16)
        before = [_block(node, hex(n)) for n in range(head + 1)]
        new_head = node.call("daybook_reorg", 4)
        length = int(node.call("eth_blockNumber"), 16) + 1
        after = [_block(node, hex(n)) for n in range(length)]
    assert after[-1]["hash"] == new_head
    assert after[: head - 3] == before[: head - 3]
    assert after[head - 3]["hash"] != before[head - 3]["hash"]
    assert all(block["parentHash"] == parent["hash"] for parent, block in pairwise(after))


def test_new_heads_come_by_websocket_also_after_a_reorg() -> None:
    """Given a subscriber, then it is sent the header of each new canonical block, in order."""
    with simulated("--trades", "200", "--chain-id", "77") as node, connect(_websocket(node)) as ws:
        ws.send('{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]}')
        name = msgspec.json.decode(ws.recv())["result"]
        node.call("daybook_mine", 2)
        node.call("daybook_reorg", 5, {"blocks": 3})
        fork = int(node.call("eth_blockNumber"), 16) - 2
        node.call("daybook_return")
        messages = [msgspec.json.decode(ws.recv(_PATIENCE_SECONDS)) for _ in range(2 + 3 + 5)]
        ws.send(f'{{"jsonrpc":"2.0","id":2,"method":"eth_unsubscribe","params":["{name}"]}}')
        assert msgspec.json.decode(ws.recv(_PATIENCE_SECONDS))["result"] is True
        node.call("daybook_mine")
        ws.send('{"jsonrpc":"2.0","id":3,"method":"eth_chainId","params":[]}')
        assert msgspec.json.decode(ws.recv(_PATIENCE_SECONDS))["result"] == "0x4d"
        heads = [message["params"]["result"] for message in messages]
        for at, head in enumerate(heads[5:], fork):
            block = _block(node, hex(at))
            assert head.items() <= block.items()
            assert block.keys() - head.keys() >= {"transactions", "uncles", "size"}
    assert {message["params"]["subscription"] for message in messages} == {name}
    numbers = [int(head["number"], 16) - fork for head in heads]
    assert numbers == [3, 4, 0, 1, 2, 0, 1, 2, 3, 4]


def test_a_websocket_refuses_what_it_does_not_know(node: Client) -> None:
    """Given wrong requests on a websocket, then JSON-RPC's error codes."""
    requests = {
        '{"id":1,"method":"eth_subscribe","params":["logs"]}': -32602,
        '{"id":1,"method":"eth_unsubscribe","params":["0x1"]}': -32602,
        '{"id":1,"method":"eth_nonsense","params":[]}': -32601,
        "{": -32700,
    }
    with connect(_websocket(node)) as ws:
        for request, code in requests.items():
            ws.send(request)
            answer = msgspec.json.decode(ws.recv(_PATIENCE_SECONDS))
            assert answer["error"]["code"] == code


def _websocket(node: Client) -> str:
    return node.url.replace("http://", "ws://")


def test_blocks_come_by_hand() -> None:
    """Given a chain up to a block, when told to mine, then exactly so many blocks are added."""
    with simulated("--trades", "400", "--start-at", "30") as node:
        assert node.call("eth_blockNumber") == hex(30)
        assert node.call("daybook_mine", 5) == "0x5"
        assert node.call("eth_blockNumber") == hex(35)
        by_hand = _block(node, hex(35))
    with simulated("--trades", "400") as node:
        assert _block(node, hex(35)) == by_hand


def test_blocks_come_live_and_never_end() -> None:
    """Given blocks a second, then the head moves by itself, past what the first trades need."""
    options = ("--trades", "60", "--players", "5", "--blocks-per-second", "200")
    with simulated(*options) as node:
        deadline = time.monotonic() + 10
        while int(node.call("eth_blockNumber"), 16) < 300:
            assert time.monotonic() < deadline
        head = _block(node, "latest")
        assert abs(int(head["timestamp"], 16) - time.time()) < 60
        assert len(node.call("daybook_truth")["seasons"]) > 4


def test_the_truth_of_the_head_can_be_asked_for(node: Client) -> None:
    """Given a generated world, then its own figures are served with the block they are of."""
    truth = node.call("daybook_truth")
    assert hex(truth["block"]) == node.call("eth_blockNumber")
    assert sum(int(held) for held in truth["seasons"]["1"]["tickets"].values()) > 0


def test_a_configuration_is_written_for_the_node(tmp_path: Path) -> None:
    """Given --write-config, then daybook can read that file, and it names this node."""
    path = tmp_path / "daybook.toml"
    with simulated("--trades", "50", "--write-config", str(path)) as node:
        settings = load(path, {})
        assert settings.chain[0].rpc == [node.url]
        assert settings.data_dir == str(tmp_path / ".daybook")
        raffle, *_ = settings.deployment[0].contracts.by_address()
        assert _logs(node, fromBlock="0x0", toBlock="latest", address=raffle)


def test_latency_is_added_to_every_request() -> None:
    """Given --latency, then no answer comes sooner."""
    with simulated("--trades", "50", "--latency", "80") as node:
        started = time.monotonic()
        node.call("eth_chainId")
        assert time.monotonic() - started >= 0.08


def test_a_tape_is_served_with_its_recorded_calls(recording: Path) -> None:
    """Given a tape and its calls, then results and reverts are answered as recorded."""
    with gzip.open(recording / "calls.jsonl.gz") as lines:
        calls = [msgspec.json.decode(line) for line in lines]
    files = [f"--tape={recording / 'tape.jsonl.gz'}", f"--calls={recording / 'calls.jsonl.gz'}"]
    with simulated(*files) as node:
        assert node.call("eth_blockNumber") == hex(749)
        assert node.error("daybook_reorg", 1)["code"] == -32601
        older = node.error("eth_call", {"to": calls[0]["to"], "data": calls[0]["data"]}, "0x2e0")
        assert older["message"].startswith("missing trie node")
        for call in (calls[0], next(call for call in calls if "error" in call)):
            answer = node.post(
                {
                    "jsonrpc": "2.0",
                    "id": 1,
                    "method": "eth_call",
                    "params": [{"to": call["to"], "data": call["data"]}, "latest"],
                }
            )
            assert answer.get("result") == call.get("result")
            assert answer.get("error") == call.get("error")
