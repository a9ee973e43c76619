"""Which stream an event belongs to, and its version there.

A block's events share one stream. Its id begins with the block number, so that inserts land at
the right edge of the primary key's index; its versions hold the log index, so that the primary
key is the identity of a log and the database refuses it a second time.
"""

import hashlib
from uuid import UUID, uuid5

_CHAIN_STREAMS = UUID("6f0e3c39-5bd5-4c47-9d0c-2b4a1f6f2a11")
_HASH_BITS = 62
_NUMBER_SHIFT, _ORDINAL_SHIFT, _ORDINAL_BITS = 80, 64, 12
LOG_INDEX_BITS = 32
BLOCK_NUMBER_MAX = 2**48 - 1  # what a stream's id has room for


def block_stream_id(chain_id: int, ordinal: int, block_number: int, block_hash: str) -> UUID:
    """UUIDv8: block number (48 bits), chain ordinal (12), hash of chain id and block hash (62)."""
    digest = hashlib.sha256(chain_id.to_bytes(32, "big") + bytes.fromhex(block_hash[2:])).digest()
    tail = int.from_bytes(digest[:8], "big") >> (64 - _HASH_BITS)
    version, variant = 8, 0b10  # RFC 9562, section 5.8
    return UUID(
        int=block_number << _NUMBER_SHIFT
        | version << 76
        | ordinal << _ORDINAL_SHIFT
        | variant << _HASH_BITS
        | tail
    )


def event_version(attempt: int, log_index: int) -> int:
    """The version of a log in its block's stream.

    Args:
        attempt: how often this very block was orphaned before it came back; 0 at first.
        log_index: of the log in its block, below 2**32.
    """
    if log_index >> LOG_INDEX_BITS:
        raise ValueError(f"log index {log_index} does not fit {LOG_INDEX_BITS} bits")
    return attempt << LOG_INDEX_BITS | log_index


def chain_stream_id(chain_id: int) -> UUID:
    """The stream of a chain's own facts: its cursor, its contracts, its orphaned blocks."""
    return uuid5(_CHAIN_STREAMS, str(chain_id))


def chain_ordinal(block_stream: UUID) -> int:
    """The ordinal of the chain that a block's stream belongs to."""
    return block_stream.int >> _ORDINAL_SHIFT & (1 << _ORDINAL_BITS) - 1


def block_streams_from(block_number: int) -> UUID:
    """What no stream of this block or a later one is below; all streams of earlier ones are."""
    return UUID(int=block_number << _NUMBER_SHIFT)
