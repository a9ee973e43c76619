"""The JSON-RPC methods of the simulated node, over whichever chain it serves."""

from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from typing import Annotated, Any, NamedTuple, Protocol

import msgspec

from scripts.simulate.blocks import Blocks, SealedBlock, matches
from scripts.simulate.chain import GeneratedChain
from scripts.simulate.deployment import CHAIN_ID
from scripts.simulate.errors import (
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    REVERTED,
    SERVER_ERROR,
    RpcError,
)
from scripts.simulate.parameters import (
    read_addresses,
    read_call,
    read_count,
    read_hash,
    read_quantity,
    read_topics,
)
from scripts.simulate.state import RevertedError

__all__ = ["INVALID_PARAMS", "METHOD_NOT_FOUND", "Chain", "Limits", "Node", "RpcError"]


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
        return _block_json(self.chain.blocks.with_hash(read_hash(block_hash)))

    def _number(self, tag: Any) -> int:
        finalized = max(0, self._head - self._limits.finality_depth)
        tags = {"latest": self._head, "pending": self._head, "earliest": 0}
        tags |= {"safe": finalized, "finalized": finalized}
        if isinstance(tag, str) and tag in tags:
            return tags[tag]
        return read_quantity(tag)

    def _logs(self, wanted: Any) -> bytes:
        if not isinstance(wanted, dict):
            raise RpcError(INVALID_PARAMS, "invalid argument 0: a filter object is expected")
        blocks = self._blocks_wanted(wanted)
        addresses = read_addresses(wanted.get("address"))
        topics = read_topics(wanted.get("topics"))
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
            block = self.chain.blocks.with_hash(read_hash(block_hash))
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
        block = blocks.with_hash(read_hash(tag)) if is_hash else blocks.at(self._number(tag))
        return block.receipts_json() if block else b"null"

    def _transaction_receipt(self, transaction_hash: Any) -> bytes:
        wanted = read_hash(transaction_hash)
        block = self.chain.blocks.with_transaction(wanted)
        if block is None:
            return b"null"
        receipts = (one for one in block.receipts if one.transaction_hash == wanted)
        return block.receipt_json(next(receipts))

    def _call(self, call: Any, tag: Any = "latest") -> bytes:
        to, data = read_call(call)
        block = self._block_called_at(tag)
        if not isinstance(self.chain, GeneratedChain):
            return self._recorded_call(to, data, block)
        try:
            returned = self.chain.call(block.number, to, bytes.fromhex(data[2:]))
        except RevertedError as error:
            raise RpcError(REVERTED, "execution reverted", "0x") from error
        return _json("0x" + returned.hex())

    def _block_called_at(self, tag: Any) -> SealedBlock:
        """A block by number, tag, or an object with its number or hash (EIP-1898)."""
        if isinstance(tag, dict) and "blockHash" in tag:
            block = self.chain.blocks.with_hash(read_hash(tag["blockHash"]))
            missing = "header for hash not found"
        else:
            number = tag.get("blockNumber") if isinstance(tag, dict) else tag
            block, missing = self.chain.blocks.at(self._number(number)), "header not found"
        if block is None:
            raise RpcError(SERVER_ERROR, missing)
        return block

    def _recorded_call(self, to: str, data: str, block: SealedBlock) -> bytes:
        if not self.chain.is_over or block.number != self._head:
            message = f"missing trie node: calls are recorded at the last block, not {block.number}"
            raise RpcError(SERVER_ERROR, message)
        recorded = self._calls.get((to, data))
        if recorded is None:
            raise RpcError(REVERTED, "execution reverted: this call is not recorded", "0x")
        if error := recorded.get("error"):
            raise RpcError(error["code"], error["message"], error.get("data"))
        return _json(recorded["result"])

    def _advance(self, count: Any = 1) -> bytes:
        """Add blocks, or play lines, by hand; answers how many there were."""
        added = sum(self.chain.advance() for _ in range(read_count(count)))
        return _json(hex(added))

    def _generated(self) -> GeneratedChain:
        if not isinstance(self.chain, GeneratedChain):
            raise RpcError(METHOD_NOT_FOUND, "a tape plays what was recorded, and nothing else")
        return self.chain

    def _reorg(self, depth: Any, options: Any = None) -> bytes:
        """Replace that many blocks; answers the new head's hash."""
        chain, depth = self._generated(), read_count(depth)
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
