"""The blooms of many blocks, turned so that one address is looked up in all of them at once.

A block's bloom has 2,048 bits, of which an address sets three. Bit by bit and over all blocks they
are columns; what three columns have in common are the blocks that may hold a log of the address.
So ten thousand addresses cost a few milliseconds in hundreds of blocks, and not a second.
"""

from collections.abc import Iterable, Sequence

from indexer.commitments import BLOOM_BITS, bit_positions

_BLOOM_BYTES = BLOOM_BITS // 8
# For each bit of a byte: every byte value to 1 where it has the bit, else to 0.
_HAS_BIT = [bytes(value >> bit & 1 for value in range(256)) for bit in range(8)]


class Blooms:
    """The blooms of some blocks, each as an integer."""

    def __init__(self, blooms: Sequence[int]) -> None:
        self._blocks = len(blooms)
        self._turned = b"".join([bloom.to_bytes(_BLOOM_BYTES) for bloom in blooms])
        self._columns: dict[int, int] = {}

    def promises(self, addresses: Iterable[str]) -> dict[int, set[str]]:
        """Of each block, by its place, the addresses of which it may hold logs.

        Blocks that hold no log of any of them, as their blooms prove, are left out.
        """
        promises: dict[int, set[str]] = {}
        for address in addresses:
            first, second, third = bit_positions(address)
            if common := self._column(first) & self._column(second) & self._column(third):
                for place in self._places(common):
                    promises.setdefault(place, set()).add(address)
        return promises

    def _column(self, position: int) -> int:
        """One bit of every bloom: a byte for each block, 1 or 0."""
        column = self._columns.get(position)
        if column is None:
            at = _BLOOM_BYTES - 1 - position // 8
            bits = self._turned[at::_BLOOM_BYTES].translate(_HAS_BIT[position % 8])
            column = self._columns[position] = int.from_bytes(bits)
        return column

    def _places(self, column: int) -> list[int]:
        bits = column.to_bytes(self._blocks)
        places, at = [], bits.find(1)
        while at >= 0:
            places.append(at)
            at = bits.find(1, at + 1)
        return places


def false_promises(bloom: int, addresses: int) -> float:
    """How many of this many addresses a bloom is expected to promise although it holds none.

    Each of an address's three bits is set by chance as often as bits of the bloom are.
    """
    return addresses * (bloom.bit_count() / BLOOM_BITS) ** 3
