"""Events that were stored in an earlier version are read as today's, and stay what they were."""

import msgspec
import pytest
from psycopg import Connection
from psycopg.rows import DictRow

from schema.database import connect
from schema.events.earlier import EARLIER, Earlier
from schema.events.event import Codec, Event
from schema.log.install import arguments, event_view


class TicketsGiven(Event, frozen=True):
    """An event of today: `account` became `player`, and says why now."""

    emitted_by = "raffle"
    signature = (
        "TicketsGiven(uint256 indexed seasonId, address player, uint256 tickets, string why)"
    )
    version = 2

    season_id: int
    player: str
    tickets: int
    why: str


FIRST = Earlier(
    TicketsGiven,
    1,
    {"season_id": "uint256", "account": "address", "tickets": "uint256"},
    renamed={"player": "account"},
    added={"why": "it did not say"},
)
HEADER = (
    f'"chain_id":31337,"block_number":51,"block_hash":"0x{"b1" * 32}","block_time":1760000240,'
    f'"tx_hash":"0x{"71" * 32}","tx_index":3,"log_index":4,"contract":"0x{"c0" * 20}"'
)
OF_THEN = f'{{{HEADER},"season_id":7,"account":"0x{"aa" * 20}","tickets":5}}'
OF_TODAY = f'{{{HEADER},"season_id":8,"player":"0x{"bb" * 20}","tickets":6,"why":"won"}}'


def test_an_event_of_then_is_read_as_one_of_today() -> None:
    """Given stored bytes of version 1, when read, then fields have today's names and all exist."""
    event = FIRST.today(msgspec.json.decode(OF_THEN, type=FIRST.stored))

    assert isinstance(event, TicketsGiven)
    assert (event.season_id, event.tickets, event.log_index) == (7, 5, 4)
    assert (event.player, event.why) == ("0x" + "aa" * 20, "it did not say")


def test_an_event_of_then_is_written_as_it_was() -> None:
    """Given stored bytes of version 1, when read as stored, then they are written the same."""
    stored = msgspec.json.decode(OF_THEN, type=FIRST.stored)

    assert msgspec.json.encode(stored).decode() == OF_THEN
    assert FIRST.stored_as == "TicketsGiven/1"


@pytest.mark.parametrize(
    ("version", "added"),
    [pytest.param(1, {}, id="a field without a source"), pytest.param(2, {"why": ""}, id="today")],
)
def test_a_version_that_does_not_become_todays_is_refused(
    version: int, added: dict[str, str]
) -> None:
    """Given a field that nothing becomes, or today's version, then it is refused at import."""
    types = {"season_id": "uint256", "player": "address", "tickets": "uint256"}

    with pytest.raises(TypeError, match="does not become TicketsGiven"):
        Earlier(TicketsGiven, version, types, added=added)


def test_every_earlier_version_is_of_an_event_of_today() -> None:
    """Given the versions that were shipped, then no two are stored under one name."""
    names = [earlier.stored_as for earlier in EARLIER]

    assert len(names) == len(set(names))


@pytest.fixture
def owner(database_url: str) -> Connection[DictRow]:
    """A database whose log holds an event of then and one of today."""
    session = connect(database_url, role=None, application_name="test owner")
    for version, state in [(1, OF_THEN), (2, OF_TODAY)]:
        session.execute(
            "INSERT INTO log.stored_event "
            "(originator_id, originator_version, topic, state, notification_id) "
            "VALUES (gen_random_uuid(), 1, %s, %s, %s)",
            [f"TicketsGiven/{version}", state, version],
        )
    return session


def test_one_view_shows_events_of_every_version(owner: Connection[DictRow]) -> None:
    """Given events of two versions, then their view shows both with today's columns."""
    codec = Codec(TicketsGiven)
    topics = [codec.stored_as, FIRST.stored_as]
    with owner:
        owner.execute(event_view("tickets_given", topics, arguments(codec, [FIRST])))
        rows = owner.execute("SELECT * FROM log.tickets_given ORDER BY position").fetchall()

    assert [(row["season_id"], row["tickets"], row["why"]) for row in rows] == [
        (7, 5, "it did not say"),
        (8, 6, "won"),
    ]
    assert [row["player"] for row in rows] == ["0x" + "aa" * 20, "0x" + "bb" * 20]


def test_a_view_whose_columns_change_is_made_again(owner: Connection[DictRow]) -> None:
    """Given the view of an earlier program, when today's is made, then it takes its place."""
    codec = Codec(TicketsGiven)
    columns = arguments(codec, [])
    with owner:
        fewer = {name: columns[name] for name in ("season_id", "why")}
        owner.execute(event_view("tickets_given", [codec.stored_as], fewer))
        owner.execute(event_view("tickets_given", [codec.stored_as], columns))
        rows = owner.execute("SELECT player FROM log.tickets_given").fetchall()

    assert rows == [{"player": "0x" + "bb" * 20}]
