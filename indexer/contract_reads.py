"""Reads what contracts answer at exactly one block.

The block is named by its hash (EIP-1898) where an endpoint takes that, so that it cannot be
another one of that number; else by its number, whose hash is checked before and after.
"""

from collections.abc import Sequence
from typing import NamedTuple

from indexer.endpoint import Endpoint
from indexer.errors import (
    BlockUnavailableError,
    MethodMissingError,
    NotYetError,
    OtherBlockError,
    RangeRefusedError,
    RpcError,
    StateUnavailableError,
)
from indexer.reverts import Reverted


class ContractCall(NamedTuple):
    """A call of a view function.

    Attributes:
        contract: its address.
        data: selector and arguments, in 0x hex.
    """

    contract: str
    data: str


class BlockName(NamedTuple):
    """The block at which contracts are read."""

    number: int
    hash: str


def read_contracts(
    endpoint: Endpoint, calls: Sequence[ContractCall], block: BlockName
) -> list[str | Reverted]:
    """What contracts return, in 0x hex and in the order of the calls, or why they refuse.

    Raises:
        NotYetError: the endpoint does not have that block.
        OtherBlockError: it has another one of that number.
        StateUnavailableError: it has the block, but not what contracts held then.
        EndpointError: it failed otherwise.
    """
    if endpoint.takes_block_hashes:
        try:
            return _read(endpoint, calls, block, {"blockHash": block.hash})
        except (MethodMissingError, RangeRefusedError):
            raise
        except RpcError:
            pass  # in its own words it may say that it takes numbers only: then these are answered
    _check(endpoint, block)
    answers = _read(endpoint, calls, block, hex(block.number))
    _check(endpoint, block)
    endpoint.takes_block_hashes = False
    return answers


def _read(
    endpoint: Endpoint, calls: Sequence[ContractCall], block: BlockName, at: dict[str, str] | str
) -> list[str | Reverted]:
    asked = [{"to": call.contract, "data": call.data} for call in calls]
    try:
        return endpoint.call_contracts(asked, at)
    except BlockUnavailableError as error:
        _check(endpoint, block)
        raise StateUnavailableError(
            endpoint.alias, block=block.number, said=error.message
        ) from error


def _check(endpoint: Endpoint, block: BlockName) -> None:
    """Check that the endpoint has this block on its branch."""
    (theirs,) = endpoint.blocks([block.number])
    if theirs is None:
        raise NotYetError(endpoint.alias, block=block.number)
    if theirs.hash != block.hash:
        raise OtherBlockError(
            endpoint.alias, number=block.number, ours=block.hash, theirs=theirs.hash
        )
