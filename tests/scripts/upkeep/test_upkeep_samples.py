"""Samples and pruning: what differs is found and cleared, and only what nobody needs is dropped."""

from random import Random

import msgspec
import pytest
from psycopg import Connection
from psycopg.rows import DictRow
from structlog.testing import capture_logs

from indexer.writer import Writer
from projections.generations import create
from projections.locks import posting, unlock
from schema.database import connect
from schema.log.verify import pick_range, verify_range
from scripts.simulate.chain import GeneratedChain
from scripts.upkeep import sampling
from scripts.upkeep.alerts import Alert, Alerts
from scripts.upkeep.pruning import prune
from tests.projections.posting import as_owner, generations, number, schemas
from tests.scripts.logs import unguarded
from tests.scripts.upkeep.surroundings import changes, settings_of

_TIMES = 40  # a sample is small; by then it was everywhere in a world as small as this


def _versions(session: Connection[DictRow]) -> list[int]:
    rows = session.execute(
        "SELECT originator_version FROM log.stored_event"
        " WHERE topic = 'RangeIndexed/1' ORDER BY originator_version"
    )
    return [row["originator_version"] for row in rows]


def test_every_range_of_an_untouched_log_is_right(session: Connection[DictRow]) -> None:
    """Given what was indexed, then each range alone is right, and together they are the log."""
    rows = 0
    for version in _versions(session):
        sealed = pick_range(session, 31337, version)
        assert sealed is not None
        assert verify_range(session, sealed) == []
        rows += sealed.positions

    assert rows == session.execute("SELECT FROM log.stored_event").rowcount


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE log.stored_event SET state = state || '{{\"tx_index\": 77}}' WHERE {row}",
        "DELETE FROM log.stored_event WHERE {row}",
        "UPDATE log.stored_event SET topic = 'Unheard/1' WHERE {row}",
    ],
)
def test_a_changed_row_is_found_and_cleared_when_it_is_mended(
    url: str, session: Connection[DictRow], world: GeneratedChain, change: str
) -> None:
    """Given a row that somebody changed, then samples come upon it, and upon its mending."""
    told: list[Alert] = []
    alerts = Alerts(told.append)
    row = "notification_id = (SELECT max(position) FROM log.tokens_purchased)"
    chains, random = settings_of(world).chain, Random(1)
    session.execute("CREATE TEMP TABLE kept AS SELECT * FROM log.stored_event WHERE " + row)
    at = number(url, "SELECT max(position) AS number FROM log.tokens_purchased")
    place = f"notification_id = {at}"

    with unguarded(url) as owner:
        owner.execute(change.format(row=place).encode())
    with capture_logs() as logs:
        for _ in range(_TIMES):
            sampling.sample_log(session, alerts, chains, random)
    ((event, name, subject),) = changes(told)
    assert (event, name) == ("alert_raised", "log_differs")
    differing = [entry for entry in logs if entry["event"] == "verify_sample"]
    assert {entry["differences"] for entry in differing} <= {0, 1}
    assert differing[-1]["differences"] == 1  # it is looked at again each time

    (kept,) = session.execute("SELECT * FROM kept").fetchall()
    with unguarded(url) as owner:
        owner.execute(f"DELETE FROM log.stored_event WHERE {place}".encode())
        owner.execute(
            "INSERT INTO log.stored_event VALUES (%s, %s, %s, %s, %s)",
            [
                kept["originator_id"],
                kept["originator_version"],
                kept["topic"],
                msgspec.json.encode(kept["state"]).decode(),
                kept["notification_id"],
            ],
        )
    sampling.sample_log(session, alerts, chains, random)
    assert changes(told) == [("alert_cleared", "log_differs", subject)]


def test_figures_that_differ_are_found_and_cleared_when_they_are_mended(
    url: str, session: Connection[DictRow], alerts: Alerts, told: list[Alert]
) -> None:
    """Given an altered position and season, then samples come upon both, and their mending."""
    first = "(SELECT min(player) FROM read_1.position)"
    alter = (
        "UPDATE read_1.position SET buys = buys {0} 1, fees_wei = fees_wei {0} 1e40"
        " WHERE player = " + first,
        "UPDATE read_1.season SET received_wei = received_wei {0} 5",
    )
    random = Random(1)
    sampling.sample_read_models(session, alerts, random)
    assert told == []

    for statement in alter:
        assert as_owner(url, statement.format("+")) == 1
    for _ in range(_TIMES):
        sampling.sample_read_models(session, alerts, random)
    assert any("fees_wei is 10000000000000000000" in each.detail for each in told)
    raised = sorted(changes(told))
    assert [(each[0], each[2].split()[0]) for each in raised] == [
        ("alert_raised", "position"),
        ("alert_raised", "season"),
    ]

    for statement in alter:
        as_owner(url, statement.format("-"))
    sampling.sample_read_models(session, alerts, random)
    assert sorted(each[2] for each in changes(told)) == [each[2] for each in raised]


def test_generations_that_nobody_needs_are_dropped(fresh_url: str) -> None:
    """Given what a lost process left, and what a replay keeps to be looked at, the first goes."""
    with connect(fresh_url, role="daybook_projector", application_name="test") as session:
        for _ in range(2):
            unlock(session, posting(create(session).number))
        held = create(session)  # somebody posts it
        session.execute("UPDATE daybook.generation SET comparison = '{}' WHERE number = 3")

        with connect(fresh_url, role="daybook_projector", application_name="test") as upkeep:
            prune(upkeep)
            prune(upkeep)

        assert generations(fresh_url) == {1: "serving", 3: "left", held.number: "posting"}
        assert schemas(fresh_url) == ["read_1", "read_3", f"read_{held.number}"]


def test_images_of_final_blocks_are_pruned_where_nobody_posts(fresh_url: str) -> None:
    """Given a generation with images, when nobody posts it, then those of final blocks go."""
    units = "SELECT count(*) AS number FROM read_1.posted_unit WHERE unit <= 2"
    with connect(fresh_url, role="daybook_projector", application_name="test") as poster:
        poster.execute("SELECT pg_advisory_lock(%s, %s)", posting(1))
        (head,) = poster.execute("SELECT chain_id, finalized FROM read_1.chain").fetchall()
        for unit, last in ((1, head["finalized"]), (2, head["finalized"] + 1)):
            poster.execute(
                "INSERT INTO read_1.posted_unit VALUES (%s, %s, 0, %s)",
                [unit, head["chain_id"], last],
            )
        with connect(fresh_url, role="daybook_projector", application_name="test") as upkeep:
            prune(upkeep)
            assert number(fresh_url, units) == 2  # whoever posts it prunes it

            poster.execute("SELECT pg_advisory_unlock_all()")
            prune(upkeep)

    assert number(fresh_url, units) == 1


def test_images_are_kept_as_long_as_a_fork_is_to_be_taken(fresh_url: str) -> None:
    """Given blocks that were left since a generation was posted, then it keeps what it needs."""
    units = "SELECT count(*) AS number FROM read_1.posted_unit WHERE unit = 1"
    as_owner(fresh_url, "INSERT INTO read_1.posted_unit VALUES (1, 31337, 0, 1)")
    with Writer(fresh_url, 31337) as writer:
        writer.ready()
        writer.orphan(writer.chain.orphan_above(writer.chain.tail[-2].number))

    with connect(fresh_url, role="daybook_projector", application_name="test") as upkeep:
        prune(upkeep)

    assert number(fresh_url, units) == 1
