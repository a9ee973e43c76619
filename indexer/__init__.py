"""Chain to log: endpoints, ranges, proofs, decoding, discovery, heads and reorgs, append.

run ─ opening ─ heads ─┬─ backfill (final blocks, by ranges) ─┬─ fetch ─ logs ─ node, endpoint
                       ├─ follow (the others, block by block) ┤   └─ discovery    └─ proof
                       └─ growth (contracts that came late) ──┴─ writer ─ the log
"""

from indexer.run import index

__all__ = ["index"]
