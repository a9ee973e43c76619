"""Lets one thread at a time compute.

Python runs one thread at a time anyway, but hands over by force and to anybody: with several that
compute, the one that appends would wait 5 ms for each of them whenever PostgreSQL took some bytes.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Turn:
    """A turn to compute; use as a context manager, and `given` while waiting for something else.

    Attributes:
        idle_seconds: for how long nobody had it, ever.
    """

    def __init__(self) -> None:
        self.idle_seconds = 0.0
        self._given_at = time.perf_counter()
        self._lock = threading.Lock()
        self._holder: int | None = None

    def __enter__(self) -> None:
        self._lock.acquire()
        self.idle_seconds += time.perf_counter() - self._given_at
        self._holder = threading.get_ident()

    def __exit__(self, *_: object) -> None:
        self._holder = None
        self._given_at = time.perf_counter()
        self._lock.release()

    @contextmanager
    def given(self) -> Iterator[None]:
        """Let others compute meanwhile, if this thread has the turn."""
        if self._holder != threading.get_ident():
            yield
            return
        self.__exit__()
        try:
            yield
        finally:
            self.__enter__()


TURN = Turn()  # of all chains: the process is one
