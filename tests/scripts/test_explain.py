"""`daybook explain`: the events behind a row, and figures derived from them once more."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from psycopg import Connection
from psycopg.rows import DictRow

from projections.provenance import events_behind
from schema.database import connect
from schema.read_models import READ_MODELS
from scripts.cli import main
from scripts.explain.errors import NoSuchRowError, UnknownReadModelError, WrongKeyError
from scripts.explain.explanation import Explanation, explain
from tests.api.world import open_owner
from tests.projections.tables import select
from tests.recorded import record

pytestmark = pytest.mark.slow

_CONFIG = """
[database]
url = "{url}"
[[chain]]
id = 31337
name = "local"
rpc = ["http://127.0.0.1:1"]
[[deployment]]
name = "secondorder"
family = "curve-raffle"
chain = 31337
[deployment.contracts]
raffle = "0x0101010101010101010101010101010101010101"
season_factory = "0x0202020202020202020202020202020202020202"
token = "0x0303030303030303030303030303030303030303"
"""


@pytest.fixture
def session(recorded_url: str) -> Iterator[Connection[DictRow]]:
    """A session of somebody who may read the recording's log and read models."""
    with closing(connect(recorded_url, role="daybook_api", application_name="test")) as made:
        yield made


def run(folder: Path, url: str, *words: str) -> Result:
    """What `daybook explain` prints."""
    config = folder / "daybook.toml"
    config.write_text(_CONFIG.format(url=url))
    return CliRunner().invoke(main, ["explain", *words, "--config", str(config)])


def types(explanation: Explanation) -> set[str]:
    """The names of the events behind a row."""
    return {step.event.type for step in explanation.steps}


def test_every_position_is_what_its_events_make(
    session: Connection[DictRow], recorded_url: str
) -> None:
    """Given positions of the recording, then the events listed make each figure of them."""
    rows = select(
        recorded_url,
        """
        SELECT season.season_id, position.player, position.buys + position.sells AS trades
        FROM position INNER JOIN season USING (season_key)
        ORDER BY position.player, season.season_id LIMIT 12
        """,
    )
    for row in rows:
        explained = explain(session, "positions", [str(row["season_id"]), row["player"]])
        steps = [step.tickets for step in explained.steps if step.tickets]
        assert explained.differences == {}
        assert len(steps) == row["trades"]
        assert steps[0][0] == 0
        assert [after for _, after in steps[:-1]] == [before for before, _ in steps[1:]]
        assert steps[-1][1] == explained.row["tickets"]


@pytest.mark.parametrize(
    ("read_model", "query", "expected"),
    [
        ("season", "SELECT 'secondorder:1'", {"SeasonCreated", "SeasonCompleted", "TokensSold"}),
        (
            "trades",
            """
            SELECT season_key, block_number, log_index FROM trade
            WHERE kind = 'BUY' ORDER BY position LIMIT 1
            """,
            {"TokensPurchased", "PositionUpdate", "SofTransfer"},
        ),
        (
            "claim",
            """
            SELECT season_key, block_number, log_index FROM claim
            WHERE rolled_over ORDER BY block_number LIMIT 1
            """,
            {"ConsolationClaimed", "RolloverDeposit"},
        ),
        ("rollover", "SELECT season_key, player FROM rollover LIMIT 1", {"RolloverDeposit"}),
        ("curve", "SELECT chain_id, address FROM curve WHERE season_key = 1", {"SofExtracted"}),
        ("account", "SELECT chain_id, account FROM account LIMIT 1", {"AccountCreated"}),
        ("chain", "SELECT 31337", {"ChainOpened", "RangeIndexed", "BlocksOrphaned"}),
        ("prize", "SELECT 1", {"SeasonConfigured", "SeasonFunded", "GrandClaimed"}),
        (
            "orphaned_trade",
            "SELECT season_key, position FROM orphaned_trade LIMIT 1",
            {"PositionUpdate"},
        ),
    ],
)
def test_the_events_behind_any_row_are_found(
    session: Connection[DictRow], recorded_url: str, read_model: str, query: str, expected: set[str]
) -> None:
    """Given a row's key, then the events that made it are listed, in the log's order."""
    (row,) = select(recorded_url, query)

    explained = explain(session, read_model, [str(value) for value in row.values()])

    assert types(explained) >= expected
    positions = [step.event.position for step in explained.steps]
    assert positions == sorted(positions)
    assert any(step.event.orphaned for step in explained.steps) == (read_model == "orphaned_trade")


def test_every_read_model_can_be_asked_about(
    session: Connection[DictRow], recorded_url: str
) -> None:
    """Given a row of each read model that has one, then there are events behind it."""
    unexplained = set()
    for table in READ_MODELS.sorted_tables:
        names = [column.name for column in table.primary_key]
        columns = ", ".join(f'"{name}"::text' for name in names)
        for row in select(recorded_url, f'SELECT {columns} FROM "{table.name}" LIMIT 1'):
            if not explain(session, table.name, [str(row[name]) for name in names]).steps:
                unexplained.add(table.name)

    assert unexplained == set()
    assert all(events_behind(name) for name in READ_MODELS.tables)


def test_the_command_shows_events_and_running_figures(tmp_path: Path, recorded_url: str) -> None:
    """Given a player, then their position is printed step by step, in words or as JSON."""
    query = "SELECT player, tickets, buys FROM position WHERE season_key = 1 LIMIT 1"
    (row,) = select(recorded_url, query)

    printed = run(tmp_path, recorded_url, "positions", "1", row["player"])
    told = run(tmp_path, recorded_url, "position", "1", row["player"], "--json")

    assert printed.exit_code == told.exit_code == 0, printed.output
    assert "TokensPurchased  buyer=" in printed.output
    assert "tickets 0 → " in printed.output
    assert (
        f"figures derived from these events are those of the row: buys={row['buys']}"
        in printed.output
    )
    document: dict[str, Any] = json.loads(told.output)
    assert document["derived"]["tickets"] == document["row"]["tickets"] == row["tickets"]


def test_a_row_that_its_events_do_not_make_is_shown_up(
    tmp_path: Path, make_database: Any, recorded_tape: Any
) -> None:
    """Given a figure that somebody changed, then both are named, and the exit code is 1."""
    url = make_database()
    record(url, recorded_tape._replace(blocks=recorded_tape.blocks[:60]))
    (row,) = select(url, "SELECT player, bought FROM position ORDER BY player LIMIT 1")
    with open_owner(url) as owner:
        change = "UPDATE read_1.position SET bought = bought + 1 WHERE player = %s"
        owner.execute(change, [row["player"]])

    result = run(tmp_path, url, "positions", "1", row["player"])

    assert result.exit_code == 1
    assert "differ from the row" in result.output
    assert f"bought is {row['bought'] + 1}, the events make {row['bought']}" in result.output


@pytest.mark.parametrize(
    ("read_model", "key", "error", "told"),
    [
        ("prices", ["1"], UnknownReadModelError, "There is account, balance,"),
        ("position", ["1"], WrongKeyError, "daybook explain position SEASON PLAYER"),
        ("trade", ["1", "x", "2"], WrongKeyError, "SEASON BLOCK_NUMBER LOG_INDEX"),
        ("position", ["elsewhere:1", "0x" + "11" * 20], NoSuchRowError, "no such row"),
    ],
)
def test_a_wrong_question_says_how_to_ask(
    session: Connection[DictRow], read_model: str, key: list[str], error: type[Exception], told: str
) -> None:
    """Given an unknown read model or another key, then the error says what there is."""
    with pytest.raises(error, match=told):
        explain(session, read_model, key)
