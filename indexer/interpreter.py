"""How Python runs while it indexes: for throughput."""

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# Events are made by the hundred thousand and hold no cycles: looking for some took a fifth of the
# indexer's time.
_GARBAGE_THRESHOLD = 50_000
# One thread feeds PostgreSQL while another computes. At Python's 5 ms it is kept waiting, and
# PostgreSQL with it, for a quarter of the time; below 1 ms handing over costs more than it gives.
_SWITCH_SECONDS = 0.001
# glibc gives each thread an arena, and each keeps what its thread freed: with threads that compute
# by turns 30 MB of the same. The number is M_ARENA_MAX of its malloc.h.
_ARENAS_MAX = -8


@contextmanager
def tuned() -> Iterator[None]:
    """Tuned inside, as before after it."""
    thresholds, seconds = gc.get_threshold(), sys.getswitchinterval()
    with suppress(AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(_ARENAS_MAX, 1)
    gc.freeze()
    gc.set_threshold(_GARBAGE_THRESHOLD)
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(seconds)
        gc.set_threshold(*thresholds)
        gc.unfreeze()
