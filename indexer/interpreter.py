"""How Python runs while it indexes: for throughput."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Events are made by the hundred thousand and hold no cycles: looking for some took a fifth of the
# indexer's time.
_GARBAGE_THRESHOLD = 50_000
# One thread feeds PostgreSQL while another computes. At Python's 5 ms it is kept waiting, and
# PostgreSQL with it, for a quarter of the time; below 1 ms handing over costs more than it gives.
_SWITCH_SECONDS = 0.001


@contextmanager
def tuned() -> Iterator[None]:
    """Tuned inside, as before after it."""
    thresholds, seconds = gc.get_threshold(), sys.getswitchinterval()
    gc.freeze()
    gc.set_threshold(_GARBAGE_THRESHOLD)
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(seconds)
        gc.set_threshold(*thresholds)
        gc.unfreeze()
