"""Examines a log: that every row is the one that was appended, and stands where it was appended.

`log` takes the rows, `chain` those of one chain, `seals` compares them with their checks and
digests, `coverage` looks for holes in the blocks; `sample` examines one range alone. Rows are
forgotten again, but for a position and a checksum each until their seal comes, so that memory is
bounded at any size.
"""

from schema.log.verify.chain import ChainSummary
from schema.log.verify.findings import Finding
from schema.log.verify.log import LogSummary, LogVerifier, verify_log
from schema.log.verify.sample import SealedRange, pick_range, verify_range

__all__ = [
    "ChainSummary",
    "Finding",
    "LogSummary",
    "LogVerifier",
    "SealedRange",
    "pick_range",
    "verify_log",
    "verify_range",
]
