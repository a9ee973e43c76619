"""The blooms of many blocks, turned so that one address is looked up in all of them at once.

A block's bloom has 2,048 bits, of which an address sets three. Bit by bit and over all blocks they
are columns; what three columns have in common are the blocks that may hold a log of the address.
So ten thousand addresses cost a few milliseconds in hundreds of blocks, and not a second.
"""

from collections.abc import Iterable, Sequence

from indexer.commitments import BLOOM_BITS, bit_positions

_BLOOM_BYTES = BLOOM_BITS // 8


class Blooms:
    """The blooms of some blocks, each as an integer."""

    def __init__(self, blooms: Sequence[int]) -> None:
        self._blocks = len(blooms)
        self._columns = _Columns(blooms)

    def promises(self, addresses: Iterable[str]) -> dict[int, set[str]]:
        """Of each block, by its place, the addresses of which it may hold logs.

        Blocks that hold no log of any of them, as their blooms prove, are left out.
        """
        promises: dict[int, set[str]] = {}
        addresses, columns = list(addresses), self._columns
        positions = map(bit_positions, addresses)
        for address, (first, second, third) in zip(addresses, positions, strict=True):
            if common := columns[first] & columns[second] & columns[third]:
                for place in self._places(common):
                    promises.setdefault(place, set()).add(address)
        return promises

    def _places(self, column: int) -> list[int]:
        bits = column.to_bytes(self._blocks)
        places, at = [], bits.find(1)
        while at >= 0:
            places.append(at)
            at = bits.find(1, at + 1)
        return places


class _Columns(dict[int, int]):
    """Each bit of every bloom, by its position: a byte for each block, 1 or 0; made when needed."""

    def __init__(self, blooms: Sequence[int]) -> None:
        super().__init__()
        self._turned = b"".join([bloom.to_bytes(_BLOOM_BYTES) for bloom in blooms])
        self._ones = int.from_bytes(b"\x01" * len(blooms))

    def __missing__(self, position: int) -> int:
        at = _BLOOM_BYTES - 1 - position // 8
        eight = int.from_bytes(self._turned[at::_BLOOM_BYTES])
        for bit in range(8):
            self[position - position % 8 + bit] = eight >> bit & self._ones
        return self[position]


def false_promises(bloom: int, addresses: int) -> float:
    """How many of this many addresses a bloom is expected to promise although it holds none.

    Each of an address's three bits is set by chance as often as bits of the bloom are.
    """
    return addresses * (bloom.bit_count() / BLOOM_BITS) ** 3
