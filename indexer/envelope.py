"""The calls that are made, each with how its answer is decoded and checked."""

from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from indexer.hexadecimal import check_blocks, check_hex, check_logs
from indexer.reverts import Reverted, read_revert
from indexer.wire import Block, Bytes, Log, Quantity, Receipt

_T = TypeVar("_T")


class Answer(msgspec.Struct, Generic[_T]):
    """What an answer comes in: `result` or `error`. Some gateways give a `message` alone."""

    id: int | None = None
    result: _T | msgspec.UnsetType | None = msgspec.UNSET
    error: Any = None
    message: Any = None


class Call(NamedTuple):
    """A method and its answers.

    Attributes:
        method: its name.
        decoder: of an answer, or of the answers to a batch.
        check: raises ValueError where results, with None for a null, or the bytes that they were
            decoded from are not what they should be.
        read_error: the result that an error stands for; None where it is a failure.
    """

    method: str
    decoder: msgspec.json.Decoder[Any]
    check: Callable[[list[Any], bytes], None]
    read_error: Callable[[Any], Any] = lambda _: None


def _check_blocks(results: list[Block | None], _: bytes) -> None:
    check_blocks([block for block in results if block is not None])


def _check_logs(results: list[list[Log] | None], content: bytes) -> None:
    (logs,) = results
    check_logs(logs or [], content)


def _check_quantity(results: list[str | None], _: bytes) -> None:
    check_hex([result for result in results if result is not None])


def _check_returned(results: list[str | None], _: bytes) -> None:
    check_hex([each for each in results if each is not None and not isinstance(each, Reverted)])


def _leave_to_proof(_results: list[Any], _: bytes) -> None:
    """Receipts are hashed, every byte of them."""


CHAIN_ID = Call("eth_chainId", msgspec.json.Decoder(Answer[Quantity]), _check_quantity)
BLOCKS = Call(
    "eth_getBlockByNumber",
    msgspec.json.Decoder(list[Answer[Block]] | Answer[Block]),
    _check_blocks,
)
RECEIPTS = Call(
    "eth_getBlockReceipts",
    msgspec.json.Decoder(list[Answer[list[Receipt]]] | Answer[list[Receipt]]),
    _leave_to_proof,
)
CALLS = Call(
    "eth_call",
    msgspec.json.Decoder(list[Answer[Bytes]] | Answer[Bytes]),
    _check_returned,
    read_revert,
)
LOGS = Call("eth_getLogs", msgspec.json.Decoder(Answer[list[Log]]), _check_logs)
