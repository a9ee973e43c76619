"""The tests' own contracts: compiled from `sources/*.vy`, deployed, called and read."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import vyper
from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from eth_utils.abi import (
    function_abi_to_4byte_selector,
    get_abi_input_types,
    get_abi_output_types,
)

from tests.anvil.node import Anvil, Json

_SOURCES = Path(__file__).parent / "sources"
# More than the dearest call takes and than a block asks for: what is left over is not paid. The
# node would choose by what is pending, and the same transaction would not be the same again.
_GAS = {
    "gas": hex(4_000_000),
    "maxFeePerGas": hex(10**10),
    "maxPriorityFeePerGas": "0x0",
}


class Compiled(NamedTuple):
    """A compiled contract; both codes in 0x hex.

    Attributes:
        functions: what it can be asked, by name, as its ABI describes it.
        blueprint: the code that deploys it as a template for other contracts to copy.
    """

    functions: Mapping[str, Any]
    constructor: Any
    code: str
    blueprint: str


@cache
def compiled(name: str) -> Compiled:
    """Compile a contract, once."""
    made = vyper.compile_code(
        (_SOURCES / f"{name}.vy").read_text(),
        output_formats=["abi", "bytecode", "blueprint_bytecode"],
    )
    functions = {entry["name"]: entry for entry in made["abi"] if entry["type"] == "function"}
    constructor = next(entry for entry in made["abi"] if entry["type"] == "constructor")
    return Compiled(functions, constructor, made["bytecode"], made["blueprint_bytecode"])


class Contract(NamedTuple):
    """A contract at its address, in lower case."""

    node: Anvil
    address: str
    compiled: Compiled

    def call(self, sender: str, function: str, *arguments: Any) -> Json:
        """A transaction that calls it."""
        return transaction(sender, self._data(function, arguments), to=self.address)

    def view(self, function: str, *arguments: Any) -> Any:
        """What it answers at the head."""
        question = {"to": self.address, "data": self._data(function, arguments)}
        answer = self.node.call("eth_call", question, "latest")
        types = get_abi_output_types(self.compiled.functions[function])
        return abi_decode(types, bytes.fromhex(answer[2:]))[0]

    def _data(self, function: str, arguments: tuple[Any, ...]) -> str:
        entry = self.compiled.functions[function]
        encoded = abi_encode(get_abi_input_types(entry), arguments)
        return "0x" + (function_abi_to_4byte_selector(entry) + encoded).hex()


def transaction(sender: str, data: str, **fields: str) -> Json:
    """A transaction of an account that the node signs for."""
    return {"from": sender, "data": data, **_GAS, **fields}


def deploy(node: Anvil, sender: str, name: str, *arguments: Any) -> Contract:
    """Deploy a contract, in a block of its own."""
    made = compiled(name)
    types = get_abi_input_types(made.constructor)
    address = _deploy(node, sender, made.code + abi_encode(types, arguments).hex())
    return Contract(node, address, made)


def deploy_blueprint(node: Anvil, sender: str, name: str) -> str:
    """Deploy a contract as a template for others to copy; its address."""
    return _deploy(node, sender, compiled(name).blueprint)


def _deploy(node: Anvil, sender: str, code: str) -> str:
    sent = node.call("eth_sendTransaction", transaction(sender, code))
    node.mine()
    receipt = node.call("eth_getTransactionReceipt", sent)
    assert receipt["status"] == "0x1", receipt
    address: str = receipt["contractAddress"].lower()
    return address
