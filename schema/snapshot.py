"""The hash by which a raffle fixes who takes part in the draw, and with how many tickets."""

from collections.abc import Sequence

from eth_abi.abi import encode
from eth_hash.auto import keccak


def snapshot_hash(participants: Sequence[str], tickets: Sequence[int]) -> str:
    """keccak256(abi.encode(address[] participants, uint256[] tickets)), as 0x hex.

    Args:
        participants: addresses in the contract's order.
        tickets: of each of them.
    """
    return "0x" + keccak(encode(["address[]", "uint256[]"], [participants, tickets])).hex()
