"""What a contract answers when it refuses: an answer too, and no failure of the endpoint."""

import re
from typing import Any

from indexer.refusals import code_of, text_of

_REVERTED_CODE = 3  # geth's, and of those who follow it
# The first is EIP-140's word; the others are how a contract without that function fails, and how
# an endpoint says that answering costs more gas than it gives.
_WORDS = re.compile(
    r"\brevert|invalid opcode|invalid jump|stack (?:limit|underflow)"
    r"|vm execution error|out of gas|gas required exceeds",
    re.IGNORECASE,
)
_TEXT_MAX = 200


class Reverted(str):
    """The reason that a contract gave, in the endpoint's words."""

    __slots__ = ()


def read_revert(problem: Any) -> Reverted | None:
    """The refusal of a contract in a JSON-RPC error; None where it is the endpoint's own."""
    said = text_of(problem)
    if code_of(problem) == _REVERTED_CODE or _WORDS.search(said):
        reason, _, _ = said.partition(" | 0x")  # what it returned besides
        return Reverted(reason[:_TEXT_MAX])
    return None
