"""`daybook verify` over a real table, after somebody with every right was at it."""

import tracemalloc
from pathlib import Path

import msgspec
import psycopg
import pytest
from click.testing import CliRunner

from indexer.sample import Sample
from schema.log.chain import ContractDiscovered
from scripts.audit import parse_sample
from scripts.cli import verify as command
from scripts.verify import DifferenceFoundError, verify
from tests.schema.logs import LogOfChain
from tests.scripts.logs import settings_at, store, unguarded

_TAMPERED = {
    "an event changed": (
        """
        UPDATE log.stored_event SET state = jsonb_set(state, '{tokens_received}', '9')
        WHERE notification_id = 6
        """,
        [(6, 6, "changed")],
    ),
    "a fact changed": (
        """
        UPDATE log.stored_event SET state = jsonb_set(state, '{kind}', '"token"')
        WHERE notification_id = 2
        """,
        [(2, 2, "changed")],
    ),
    "a seal changed": (
        """
        UPDATE log.stored_event SET state = jsonb_set(state, '{proof}', '"receipts"')
        WHERE notification_id = 14
        """,
        [(14, 14, "changed")],
    ),
    "an event deleted": (
        "DELETE FROM log.stored_event WHERE notification_id = 8",
        [(8, 8, "deleted")],
    ),
    "the end cut off": (
        "DELETE FROM log.stored_event WHERE notification_id >= 12",
        [(11, 12, "unsealed")],
    ),
    "two events swapped": (
        """
        UPDATE log.stored_event SET notification_id = -notification_id
        WHERE notification_id IN (5, 12);
        UPDATE log.stored_event SET notification_id = 17 + notification_id
        WHERE notification_id < 0
        """,
        [(5, 5, "swapped"), (12, 12, "swapped")],
    ),
    "an event inserted": (
        """
        UPDATE log.stored_event SET notification_id = -notification_id WHERE notification_id > 6;
        UPDATE log.stored_event SET notification_id = 1 - notification_id
        WHERE notification_id < 0;
        INSERT INTO log.stored_event
        SELECT
            originator_id,
            originator_version + 50,
            topic,
            state || jsonb_build_object('log_index', originator_version + 50),
            7
        FROM log.stored_event WHERE notification_id = 6
        """,
        [(7, 7, "inserted")],
    ),
    "an event duplicated": (
        """
        ALTER TABLE log.stored_event DROP CONSTRAINT stored_event_pkey;
        INSERT INTO log.stored_event
        SELECT originator_id, originator_version, topic, state, 15
        FROM log.stored_event WHERE notification_id = 4
        """,
        [(15, 16, "unsealed")],
    ),
}


@pytest.fixture
def log(database_url: str) -> LogOfChain:
    """Facts at 1 to 3, events at 4 to 9 and their seal, events at 11 to 13 and theirs."""
    log = LogOfChain([])
    log.index([2, 0, 4])
    log.index([3])
    store(database_url, log.rows)
    return log


def _found(database_url: str, capsys: pytest.CaptureFixture[str]) -> list[tuple[int, int, str]]:
    """First and last positions and kinds of what is found."""
    with pytest.raises(DifferenceFoundError):
        verify(settings_at(database_url), sample=None, as_json=True)
    told = msgspec.json.decode(capsys.readouterr().out)
    assert not told["ok"]
    return [(each["position"], each["last"], each["what"]) for each in told["log"]["findings"]]


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("tampered", _TAMPERED)
def test_what_was_done_to_the_table_is_found(
    database_url: str, capsys: pytest.CaptureFixture[str], tampered: str
) -> None:
    """Given a log that somebody tampered with, then the position is named, and nothing else."""
    statements, expected = _TAMPERED[tampered]
    with unguarded(database_url) as owner:
        owner.execute(statements.encode())

    assert _found(database_url, capsys) == expected


@pytest.mark.usefixtures("log")
def test_a_log_of_which_nothing_is_left_is_told_to_be_empty(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Given a log that was emptied, then that is told: what it held, only a checkpoint says."""
    with unguarded(database_url) as owner:
        owner.execute("TRUNCATE log.stored_event")

    verify(settings_at(database_url), sample=None, as_json=False)

    assert "ok: the log is empty" in capsys.readouterr().out


@pytest.mark.usefixtures("log")
def test_an_untouched_log_is_right(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Given a log as it was appended, then events, ranges and digest are told."""
    verify(settings_at(database_url), sample=None, as_json=False)

    shown = capsys.readouterr().out
    assert "ok: local (1): 9 events, 2 ranges up to block 4, digest" in shown
    assert "14 of 14 rows" in shown


def test_facts_that_no_seal_covers_yet_are_told(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Given facts after the last range, then it is told that they are not sealed yet."""
    log = LogOfChain([])
    log.index([1])
    log.discover([ContractDiscovered(1, "raffles", "market", "0x" + "77" * 20, 1)])
    store(database_url, log.rows)

    verify(settings_at(database_url), sample=None, as_json=False)

    assert "facts not sealed yet: 1" in capsys.readouterr().out


@pytest.mark.usefixtures("log")
def test_the_guard_refuses_what_this_test_does(database_url: str) -> None:
    """Given the log's triggers, when the owner changes a row, then it is refused."""
    with psycopg.connect(database_url) as owner, pytest.raises(psycopg.errors.RestrictViolation):
        owner.execute("UPDATE log.stored_event SET topic = 'Other/1'")


def test_rows_are_forgotten_again(database_url: str) -> None:
    """Given ranges of megabytes in all, when examined, then far less than that is held at once."""
    log = LogOfChain([])
    for _ in range(24):
        log.index([100] * 5)
    store(database_url, log.rows)
    bytes_in_all = sum(len(row.state) for row in log.rows)
    log.rows.clear()

    tracemalloc.start()
    try:
        verify(settings_at(database_url), sample=None, as_json=True)
        assert tracemalloc.get_traced_memory()[1] < bytes_in_all / 4
    finally:
        tracemalloc.stop()


def test_a_large_log_tells_only_so_much(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Given all events changed, then all are counted, and some shown."""
    log = LogOfChain([])
    for _ in range(3):
        log.index([40] * 10)
    store(database_url, log.rows)
    with unguarded(database_url) as owner:
        owner.execute(
            "UPDATE log.stored_event SET state = state || '{\"tx_index\": 999}' "
            "WHERE topic NOT LIKE '%Indexed/1' AND notification_id > 3"
        )

    with pytest.raises(DifferenceFoundError, match="1,200 differences"):
        verify(settings_at(database_url), sample=None, as_json=False)

    assert "and 1,150 more" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--sample", "5"], "--against-chain"),
        (["--log", "--seed", "5"], "--against-chain"),
        (["--against-chain", "--sample", "five"], "percentage"),
        (["--against-chain", "--sample", "101%"], "percentage"),
        (["--against-chain", "--sample", "0"], "percentage"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    """Given options that do not go together, or are none, then exit code 2 and what to do."""
    result = CliRunner().invoke(
        command, ["--config", str(tmp_path / "daybook.toml"), *arguments], terminal_width=200
    )

    assert result.exit_code == 2
    assert said in result.output


@pytest.mark.parametrize(
    ("text", "sample"),
    [("20", Sample(count=20, seed=3)), ("5%", Sample(percent=5, seed=3)), ("all", Sample(seed=3))],
)
def test_a_sample_is_a_number_a_percentage_or_all(text: str, sample: Sample) -> None:
    """Given what is typed, then it is that sample, by the seed that is given or a new one."""
    assert parse_sample(text, 3) == sample
    assert parse_sample(text, None).seed != parse_sample(text, None).seed
