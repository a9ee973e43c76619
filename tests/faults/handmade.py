"""Chains made by hand, for blocks that no story would tell; every commitment of them is real."""

from collections.abc import Mapping, Sequence

import msgspec

from schema.events import CODECS, Event, UndecodedLog
from scripts.simulate.blocks import Blocks
from scripts.simulate.chain import BLOCK_SECONDS, GENESIS_TIME, NO_PARENT
from scripts.simulate.deployment import CHAIN_ID, address_of, contracts_of, hash_of
from scripts.simulate.node import Node
from scripts.simulate.sealing import Place, seal
from scripts.simulate.transaction import Transaction
from tests.indexer.nodes import Answer, Reply

_SEED = 1
CONTRACTS = contracts_of(_SEED)


class HandmadeChain:
    """A first block without transactions, then one block for each list of logs.

    Attributes:
        blocks: all of them.
        is_over: nothing more will come.
    """

    is_over = True

    def __init__(self, *contents: Sequence[Event | UndecodedLog]) -> None:
        self.blocks = Blocks()
        self._append(())
        for logs in contents:
            self._append(logs)

    @property
    def contracts(self) -> Mapping[str, str]:
        """The deployment's singletons, by the configuration's keys."""
        return msgspec.structs.asdict(CONTRACTS)

    def advance(self) -> bool:
        """Nothing more will come."""
        return False

    def _append(self, logs: Sequence[Event | UndecodedLog]) -> None:
        number = len(self.blocks)
        parent_hash = self.blocks.head.hash if number else NO_PARENT
        sender, name = address_of(_SEED, "sender"), hash_of(_SEED, "transaction", number)
        transaction = Transaction(name, sender, (), is_bundle=False, is_pinned=False)
        place = Place(number, parent_hash, GENESIS_TIME + BLOCK_SECONDS * number, _SEED, 0)
        self.blocks.append(seal(place, [(transaction, list(logs))] if logs else []))


def raw_log(contract: str, topics: Sequence[str], data: str) -> UndecodedLog:
    """A log of these bytes; where it stands is told when its block is sealed."""
    return UndecodedLog(*_nowhere(contract), tuple(topics), data)


def event_log(event: type[Event], contract: str, *arguments: object) -> UndecodedLog:
    """A log of an event with these arguments, as its bytes."""
    topics, data = CODECS[event].encode(event(*_nowhere(contract), *arguments))
    return raw_log(contract, topics, data)


def _nowhere(contract: str) -> tuple[int, int, str, int, str, int, int, str]:
    return (CHAIN_ID, 0, "", 0, "", 0, 0, contract)


def plain_answer(node: Node) -> Answer:
    """The answers of a node as they are, not read again on their way: for large ones."""

    def one(request: dict[str, object]) -> bytes:
        method, parameters = request["method"], request["params"]
        assert isinstance(method, str)
        assert isinstance(parameters, list)
        name = msgspec.json.encode(request["id"])
        return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (name, node.answer(method, parameters))

    def answer(body: bytes) -> Reply:
        request = msgspec.json.decode(body)
        if isinstance(request, list):
            return Reply(b"[" + b",".join(map(one, request)) + b"]")
        return Reply(one(request))

    return answer
