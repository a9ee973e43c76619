"""The connection that appends to a chain, and the lock that keeps a second writer out."""

import os
import socket
from typing import Final

import psycopg
from psycopg.rows import DictRow

from schema.database import connect
from schema.errors import ChainTakenError
from schema.log.store import LogDatastore, LogRecorder
from schema.log.streams import chain_stream_id

_ROLE: Final = "daybook_indexer"
# Room for a whole range, so that PostgreSQL need not wait for Python; the system may give less.
_SEND_BUFFER_BYTES = 4 << 20


class Session:
    """A connection to the log for as long as it lives.

    Attributes:
        connection: itself.
        recorder: appends with it.
    """

    def __init__(self, url: str, chain_id: int) -> None:
        """Connect, to write this chain.

        Raises:
            DatabaseUnavailableError: nothing answers.
        """
        name = f"daybook-index {socket.gethostname()} {os.getpid()}"
        # Tells clearly why nothing answers; the pool would only say that it timed out.
        connect(url, role=_ROLE, application_name=name).close()
        self._datastore = LogDatastore(url, role=_ROLE, application_name=name)
        self.recorder = LogRecorder(self._datastore)
        self.connection: psycopg.Connection[DictRow] = self._datastore.pool.getconn()
        with socket.socket(fileno=os.dup(self.connection.fileno())) as channel:
            channel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        self._chain_id = chain_id
        self._key = int.from_bytes(chain_stream_id(chain_id).bytes[:8], "big", signed=True)
        self._is_locked = False

    def lock(self) -> None:
        """Hold the chain's lock, until the session ends.

        Raises:
            ChainTakenError: another session holds it.
        """
        if self._is_locked:
            return
        row = self.connection.execute(_TRY_LOCK, [self._key]).fetchone()
        assert row is not None
        if not row["locked"]:
            holder = self.connection.execute(_HOLDER, [self._key]).fetchone()
            name = holder["holder"] if holder else "a writer that just left"
            raise ChainTakenError(chain_id=self._chain_id, holder=name)
        self._is_locked = True

    def close(self) -> None:
        """End it, and give the lock back."""
        self._datastore.pool.putconn(self.connection)
        self._datastore.close()


_TRY_LOCK = "SELECT pg_try_advisory_lock(%s) AS locked"

# Who holds the lock: a lock on one 64-bit key shows as its halves, with objsubid 1.
_HOLDER = """
    SELECT activity.application_name || ' (session ' || activity.pid || ')' AS holder
    FROM pg_locks AS lock
    JOIN pg_stat_activity AS activity ON activity.pid = lock.pid
    WHERE lock.locktype = 'advisory'
        AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND lock.objsubid = 1
        AND lock.granted
        AND (lock.classid::bigint << 32 | lock.objid::bigint) = %s
"""
