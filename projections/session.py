"""Sessions of the projector's role, named after what they do, where."""

import os
import socket

from psycopg import Connection
from psycopg.rows import DictRow

from schema.database import connect


def open_session(database_url: str, work: str) -> Connection[DictRow]:
    """A session of the projector's role.

    Raises:
        DatabaseUnavailableError: nothing answers, or it refuses us.
    """
    name = session_name(work)
    return connect(database_url, role="daybook_projector", application_name=name)


def session_name(work: str) -> str:
    """What others see of a session of this process."""
    return f"daybook-{work} {socket.gethostname()} {os.getpid()}"


def log_position(connection: Connection[DictRow]) -> int:
    """The last position of the log; 0 if it is empty."""
    row = connection.execute(_SELECT_LOG_POSITION).fetchone()
    assert row is not None
    position: int = row["log_position"]
    return position


_SELECT_LOG_POSITION = """
    SELECT coalesce(max(notification_id), 0) AS log_position FROM log.stored_event
"""
