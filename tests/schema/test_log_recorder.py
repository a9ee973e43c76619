"""The recorder keeps the library's contract, and the log cannot be changed by anybody."""

import json
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from eventsourcing.persistence import Notification, StoredEvent
from eventsourcing.tests import persistence

from schema.database import Role, connect
from schema.log.store import LogDatastore, LogRecorder


class JsonStates(LogRecorder):
    """The library's cases store bytes that are no JSON: here they travel as JSON strings."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int] | None:
        """Insert with each state as a JSON string."""
        return super().insert_events([_with_json_state(event) for event in stored_events])

    def select_events(self, *args: Any, **kwargs: Any) -> Sequence[StoredEvent]:
        """Select with the states as they were given."""
        rows = super().select_events(*args, **kwargs)
        return [
            StoredEvent(r.originator_id, r.originator_version, r.topic, _plain(r.state))
            for r in rows
        ]

    def select_notifications(self, *args: Any, **kwargs: Any) -> Sequence[Notification]:
        """Select with the states as they were given."""
        rows = super().select_notifications(*args, **kwargs)
        return [
            Notification(r.originator_id, r.originator_version, r.topic, _plain(r.state), r.id)
            for r in rows
        ]


def _with_json_state(event: StoredEvent) -> StoredEvent:
    state = json.dumps(event.state.decode()).encode()
    return StoredEvent(event.originator_id, event.originator_version, event.topic, state)


def _plain(state: bytes) -> bytes:
    text: str = json.loads(state)
    return text.encode()


class _OnARealLog:
    """Gives the library's cases a recorder on a fresh database."""

    @pytest.fixture(autouse=True)
    def _recorder(self, database_url: str) -> Iterator[None]:
        datastore = LogDatastore(database_url, role="daybook_indexer", application_name="test")
        self.recorder = JsonStates(datastore)
        yield
        datastore.close()

    def create_recorder(self) -> LogRecorder:
        return self.recorder


@pytest.mark.slow
class TestApplicationRecorder(_OnARealLog, persistence.ApplicationRecorderTestCase[LogRecorder]):
    """The library's own cases for application recorders."""

    INITIAL_VERSION = 0


class TestNonInterleaving(_OnARealLog, persistence.NonInterleavingNotificationIDsBaseCase):
    """Two large appends at once get two blocks of ids."""


@pytest.mark.parametrize("role", ["daybook_indexer", "daybook_projector", "daybook_api", None])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE log.stored_event SET topic = 'x'",
        "DELETE FROM log.stored_event",
        "TRUNCATE log.stored_event",
    ],
)
def test_nobody_changes_the_log(database_url: str, role: Role | None, statement: str) -> None:
    """Given any role, the owner's too, when it changes the log, then the database refuses."""
    refused = (psycopg.errors.InsufficientPrivilege, psycopg.errors.RestrictViolation)

    with (
        connect(database_url, role=role, application_name="test") as session,
        pytest.raises(refused),
    ):
        session.execute(statement)


@pytest.mark.parametrize("role", ["daybook_projector", "daybook_api"])
def test_only_the_indexer_appends(database_url: str, role: Role) -> None:
    """Given a role that only reads the log, when it inserts, then the database refuses."""
    with (
        connect(database_url, role=role, application_name="test") as session,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        session.execute("INSERT INTO log.stored_event SELECT * FROM log.stored_event")


def test_a_rolled_back_append_leaves_no_gap(database_url: str) -> None:
    """Given an append that conflicts, when the next one succeeds, then its ids are contiguous."""
    datastore = LogDatastore(database_url, role="daybook_indexer", application_name="test")
    recorder = LogRecorder(datastore)
    stream = uuid4()
    rows = [StoredEvent(stream, version, "t", b"{}") for version in range(5)]
    recorder.insert_events(rows[:2])

    with pytest.raises(Exception, match="duplicate key"):
        recorder.insert_events(rows[1:3])
    ids = recorder.insert_events(rows[2:])

    assert list(ids or []) == [3, 4, 5]
    datastore.close()
