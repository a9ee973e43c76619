"""Contracts are read at exactly one block, whatever an endpoint lacks or says."""

from collections.abc import Callable
from typing import Any

import pytest
from eth_hash.auto import keccak

from indexer.contract_reads import BlockName, ContractCall, read_contracts
from indexer.endpoint import Endpoint
from indexer.errors import (
    EndpointError,
    MalformedAnswerError,
    MethodMissingError,
    NotYetError,
    OtherBlockError,
    StateUnavailableError,
)
from indexer.reverts import Reverted
from scripts.simulate.chain import GeneratedChain, Setting, generate
from scripts.simulate.node import INVALID_PARAMS, METHOD_NOT_FOUND, Limits, Node, RpcError
from tests.indexer.nodes import Spoil, honest, node_answer, serving

_OTHER_HASH = "0x" + "11" * 32
_SUPPLY = "0x" + keccak(b"totalSupply()")[:4].hex()


def read(world: GeneratedChain, spoil: Spoil = honest, **block: Any) -> list[str | Reverted]:
    """A supply, what the raffle does not know, and what is no contract, at a block."""
    head = world.blocks.head
    name = BlockName(**{"number": head.number, "hash": head.hash, **block})
    token = world.truth()["seasons"]["1"]["raffleToken"]
    raffle, nobody = world.contracts["raffle"], "0x" + "77" * 20
    calls = [ContractCall(contract, _SUPPLY) for contract in (token, raffle, nobody)]
    with serving(node_answer(Node(world, limits=Limits(0), calls={}), spoil)) as url:
        return read_contracts(Endpoint(url, "local-1"), calls, name)


def failing(code: int, message: str, *, by_hash_only: bool = False) -> Spoil:
    """An endpoint whose `eth_call` fails, perhaps only where a block is named by its hash."""

    def spoil(method: str, parameters: list[Any], result: Any) -> Any:
        if method == "eth_call" and (isinstance(parameters[1], dict) or not by_hash_only):
            raise RpcError(code, message)
        return result

    return spoil


def test_a_refusal_of_a_contract_is_its_answer(world: GeneratedChain) -> None:
    """Given calls of which one reverts, then the others are answered, and it says why."""
    supply, unknown, nothing = read(world)
    held = world.truth()["seasons"]["1"]["tokenBalances"].values()
    assert int(supply, 16) == sum(map(int, held))
    assert isinstance(unknown, Reverted)
    assert unknown == "execution reverted"
    assert nothing == "0x"


@pytest.mark.parametrize(
    "message", ["invalid argument 1: cannot unmarshal object", "header for hash not supported"]
)
def test_a_block_is_named_by_number_where_hashes_are_not_taken(
    world: GeneratedChain, message: str
) -> None:
    """Given an endpoint that takes numbers only, then it answers the same."""
    by_number = read(world, failing(INVALID_PARAMS, message, by_hash_only=True))
    assert by_number == read(world)


@pytest.mark.parametrize(
    ("spoil", "block", "error"),
    [
        (honest, {"hash": _OTHER_HASH}, OtherBlockError),
        (honest, {"number": 10_000, "hash": _OTHER_HASH}, NotYetError),
        (failing(-32000, "missing trie node 5c1e (path )"), {}, StateUnavailableError),
        (failing(-32000, "required historical state unavailable"), {}, StateUnavailableError),
        (failing(METHOD_NOT_FOUND, "the method eth_call does not exist"), {}, MethodMissingError),
        (failing(-32603, "internal error"), {}, EndpointError),
        (lambda *asked: None if asked[0] == "eth_call" else asked[2], {}, MalformedAnswerError),
        (lambda *asked: "0xzz" if asked[0] == "eth_call" else asked[2], {}, MalformedAnswerError),
    ],
)
def test_why_contracts_cannot_be_read_is_told_apart(
    world: GeneratedChain,
    spoil: Callable[..., Any],
    block: dict[str, Any],
    error: type[EndpointError],
) -> None:
    """Given an endpoint of another branch, behind, pruned or broken, then the error says which."""
    with pytest.raises(error):
        read(world, spoil, **block)


def test_an_earlier_block_is_read_as_it_was(world: GeneratedChain) -> None:
    """Given a block of before, then contracts answer what they held then."""
    then = generate(Setting(seed=11, seasons=3, players=12, trades=120))
    for _ in range(24):
        then.advance()
    head = then.blocks.head
    held = then.truth()["seasons"]["1"]["tokenBalances"].values()
    supply, _, _ = read(world, number=head.number, hash=head.hash)
    assert int(supply, 16) == sum(map(int, held)) > 0
    assert supply != read(world)[0]
