"""The JSON-RPC methods of the simulated node, over whichever chain it serves."""

from collections.abc import Callable, Collection, Mapping, Sequence
from inspect import signature
from typing import Annotated, Any, NamedTuple, Protocol

import msgspec

from scripts.simulate.blocks import Blocks, SealedBlock, TopicFilter, matches
from scripts.simulate.chain import GeneratedChain
from scripts.simulate.deployment import CHAIN_ID

INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, SERVER_ERROR = -32600, -32601, -32602, -32000
_TOPICS_MAX = 4


class Chain(Protocol):
    """What a node serves."""

    @property
    def blocks(self) -> Blocks:
        """The canonical blocks."""
        ...

    @property
    def contracts(self) -> Mapping[str, str]:
        """The deployment's singletons, by the configuration's keys."""
        ...

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        ...

    def advance(self) -> bool:
        """Let the next block come; False when there is none."""
        ...


class RpcError(Exception):
    """A JSON-RPC error, with its code, and the data of a call that reverted."""

    def __init__(self, code: int, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data


class Limits(NamedTuple):
    """How the node behaves: its finality in blocks, and its widest range, if it has one."""

    finality_depth: int = 64
    range_max: int | None = None


class _Reorg(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a reorg's branch is: its length, and whether it is without transactions."""

    blocks: Annotated[int, msgspec.Meta(ge=0)] | None = None
    empty: bool = False


class Node:
    """Answers JSON-RPC methods with JSON bytes."""

    def __init__(
        self,
        chain: Chain,
        *,
        limits: Limits,
        calls: dict[tuple[str, str], dict[str, Any]],
        chain_id: int = CHAIN_ID,
    ) -> None:
        self.chain = chain
        self._limits = limits
        self._calls = calls
        self._methods: dict[str, Callable[..., bytes]] = {
            "eth_chainId": lambda: _json(hex(chain_id)),
            "net_version": lambda: _json(str(chain_id)),
            "web3_clientVersion": lambda: _json("daybook-simulate/1"),
            "eth_blockNumber": lambda: _json(hex(self._head)),
            "eth_getBlockByNumber": self._block_by_number,
            "eth_getBlockByHash": self._block_by_hash,
            "eth_getLogs": self._logs,
            "eth_getBlockReceipts": self._block_receipts,
            "eth_getTransactionReceipt": self._transaction_receipt,
            "eth_call": self._call,
            "daybook_mine": self._advance,
            "daybook_play": self._advance,
            "daybook_reorg": self._reorg,
            "daybook_return": self._return,
            "daybook_truth": self._truth,
        }
        self._signatures = {method: signature(act) for method, act in self._methods.items()}

    def answer(self, method: str, parameters: Sequence[Any]) -> bytes:
        """The result as JSON.

        Raises:
            RpcError: there is no such method, or its parameters are wrong.
        """
        act = self._methods.get(method)
        if act is None:
            raise RpcError(METHOD_NOT_FOUND, f"the method {method} does not exist/is not available")
        try:
            self._signatures[method].bind(*parameters)
        except TypeError as error:
            raise RpcError(INVALID_PARAMS, f"invalid params for {method}: {error}") from error
        return act(*parameters)

    @property
    def _head(self) -> int:
        return self.chain.blocks.head.number

    def _block_by_number(self, tag: Any, _full: bool = False) -> bytes:  # noqa: FBT001, FBT002  positional in JSON-RPC
        return _block_json(self.chain.blocks.at(self._number(tag)))

    def _block_by_hash(self, block_hash: Any, _full: bool = False) -> bytes:  # noqa: FBT001, FBT002  as above
        return _block_json(self.chain.blocks.with_hash(_hash(block_hash)))

    def _number(self, tag: Any) -> int:
        finalized = max(0, self._head - self._limits.finality_depth)
        tags = {"latest": self._head, "pending": self._head, "earliest": 0}
        tags |= {"safe": finalized, "finalized": finalized}
        if isinstance(tag, str) and tag in tags:
            return tags[tag]
        return _quantity(tag)

    def _logs(self, wanted: Any) -> bytes:
        if not isinstance(wanted, dict):
            raise RpcError(INVALID_PARAMS, "invalid argument 0: a filter object is expected")
        blocks = self._blocks_wanted(wanted)
        addresses = _addresses(wanted.get("address"))
        topics = _topics(wanted.get("topics"))
        found = [log for block in blocks for log in block.logs_of(addresses)]
        if any(any_of is not None for any_of in topics):
            found = [log for log in found if matches(log, topics)]
        return b"[" + b",".join(found) + b"]"

    def _blocks_wanted(self, wanted: dict[str, Any]) -> Sequence[SealedBlock]:
        if (block_hash := wanted.get("blockHash")) is not None:
            if "fromBlock" in wanted or "toBlock" in wanted:
                raise RpcError(
                    INVALID_PARAMS, "cannot specify both BlockHash and FromBlock/ToBlock"
                )
            block = self.chain.blocks.with_hash(_hash(block_hash))
            if block is None:
                raise RpcError(SERVER_ERROR, "unknown block")
            return [block]
        first = self._number(wanted.get("fromBlock", "latest"))
        last = self._number(wanted.get("toBlock", "latest"))
        if first > last:
            raise RpcError(INVALID_PARAMS, "invalid block range params")
        widest = self._limits.range_max
        if widest is not None and last - first + 1 > widest:
            message = f"block range too large, maximum allowed is {widest} blocks"
            raise RpcError(INVALID_PARAMS, message)
        return self.chain.blocks.between(first, last)

    def _block_receipts(self, tag: Any) -> bytes:
        if isinstance(tag, dict):
            tag = tag.get("blockHash", tag.get("blockNumber"))
        is_hash = isinstance(tag, str) and len(tag) == len("0x") + 64
        blocks = self.chain.blocks
        block = blocks.with_hash(_hash(tag)) if is_hash else blocks.at(self._number(tag))
        return block.receipts_json() if block else b"null"

    def _transaction_receipt(self, transaction_hash: Any) -> bytes:
        wanted = _hash(transaction_hash)
        block = self.chain.blocks.with_transaction(wanted)
        if block is None:
            return b"null"
        receipts = (one for one in block.receipts if one.transaction_hash == wanted)
        return block.receipt_json(next(receipts))

    def _call(self, call: Any, tag: Any = "latest") -> bytes:
        to, data = _callee(call)
        if self._number(tag) != self._head:
            raise RpcError(SERVER_ERROR, "calls are recorded at the last block only")
        recorded = self._calls.get((to, data))
        if recorded is None:
            raise RpcError(SERVER_ERROR, f"this call is not recorded: {to} {data}")
        if error := recorded.get("error"):
            raise RpcError(error["code"], error["message"], error.get("data"))
        return _json(recorded["result"])

    def _advance(self, count: Any = 1) -> bytes:
        """Add blocks, or play lines, by hand; answers how many there were."""
        added = sum(self.chain.advance() for _ in range(_count(count)))
        return _json(hex(added))

    def _generated(self) -> GeneratedChain:
        if not isinstance(self.chain, GeneratedChain):
            raise RpcError(METHOD_NOT_FOUND, "a tape plays what was recorded, and nothing else")
        return self.chain

    def _reorg(self, depth: Any, options: Any = None) -> bytes:
        """Replace that many blocks; answers the new head's hash."""
        chain, depth = self._generated(), _count(depth)
        if depth > self._head:
            raise RpcError(INVALID_PARAMS, f"depth {depth}: the head is {self._head}")
        try:
            wanted = msgspec.convert(options or {}, _Reorg)
        except msgspec.ValidationError as error:
            raise RpcError(INVALID_PARAMS, f"invalid argument 1: {error}") from error
        chain.reorg(depth, length=wanted.blocks, is_empty=wanted.empty)
        return _json(chain.blocks.head.hash)

    def _return(self) -> bytes:
        """Go back to the branch that the last reorg left; answers the new head's hash."""
        chain = self._generated()
        try:
            chain.go_back()
        except ValueError as error:
            raise RpcError(INVALID_PARAMS, str(error)) from error
        return _json(chain.blocks.head.hash)

    def _truth(self) -> bytes:
        """The world's own figures at the head."""
        return _json(self._generated().truth())


_json = msgspec.json.encode


def _block_json(block: SealedBlock | None) -> bytes:
    return block.json if block else b"null"


def _callee(call: Any) -> tuple[str, str]:
    if isinstance(call, dict):
        to, data = call.get("to"), call.get("data", call.get("input", "0x"))
        if isinstance(to, str) and isinstance(data, str):
            return to.lower(), data.lower()
    raise RpcError(INVALID_PARAMS, "invalid argument 0: a call object is expected")


def _quantity(value: Any) -> int:
    try:
        if isinstance(value, str) and value.startswith("0x"):
            return int(value, 16)
    except ValueError:
        pass  # said below
    raise RpcError(INVALID_PARAMS, f"invalid argument: {value!r} is not a hex quantity")


def _count(value: Any) -> int:
    count = value if isinstance(value, int) else _quantity(value)
    if count < 1:
        raise RpcError(INVALID_PARAMS, f"invalid argument: {value!r} is not a positive count")
    return count


def _hash(value: Any) -> str:
    if not isinstance(value, str) or len(value) != len("0x") + 64:
        raise RpcError(INVALID_PARAMS, f"invalid argument: {value!r} is not 32 bytes in hex")
    return value.lower()


def _addresses(value: Any) -> Collection[str] | None:
    if value is None or value == []:
        return None
    values = value if isinstance(value, list) else [value]
    for address in values:
        if not isinstance(address, str) or len(address) != len("0x") + 40:
            raise RpcError(INVALID_PARAMS, f"invalid argument: {address!r} is not an address")
    return {address.lower() for address in values}


def _topics(value: Any) -> TopicFilter:
    topics = value or []
    if not isinstance(topics, list) or len(topics) > _TOPICS_MAX:
        raise RpcError(INVALID_PARAMS, "invalid argument: topics are a list of up to four")
    return [_any_of(topic) for topic in topics]


def _any_of(topic: Any) -> Collection[str] | None:
    if topic is None or topic == []:
        return None
    return {_hash(one) for one in (topic if isinstance(topic, list) else [topic])}
