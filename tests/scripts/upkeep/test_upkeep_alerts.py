"""Alerts: each is raised once, cleared once, and shown as long as it holds."""

import threading

import httpx
import msgspec
import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import DictRow
from structlog.testing import capture_logs

from indexer import index
from indexer.errors import FinalityViolationError
from indexer.proof import Header
from indexer.writer import IndexedRange, Writer
from schema.database import API_SESSIONS, connect
from schema.errors import DatabaseUnavailableError
from schema.progress import ChainTally
from scripts import pipeline
from scripts.simulate.chain import GeneratedChain
from scripts.status import read_status
from scripts.upkeep import watching
from scripts.upkeep.alerts import Alert, Alerts
from tests.api.conftest import serving as serving_api
from tests.projections.posting import as_owner, number, wait_until
from tests.scripts.upkeep.surroundings import (
    changes,
    endpoint,
    node_of,
    other_branch,
    settings_of,
)

_DAY = 86_400.0


def test_a_chain_that_lags_is_told_once_and_its_end_once(
    session: Connection[DictRow], world: GeneratedChain, alerts: Alerts, told: list[Alert]
) -> None:
    """Given a newest block of long ago, when looked at twice, then it is told once, and its end."""
    chains = settings_of(world).chain
    session.execute("SET timezone = 'UTC'")
    row = session.execute(
        "SELECT extract(epoch FROM now() - max(last_time))::float8 AS age FROM log.range_indexed"
    ).fetchone()
    assert row is not None

    for _ in range(2):
        watching.watch_lag(session, alerts, chains, row["age"] - _DAY)
    assert "is " in told[0].detail
    assert changes(told) == [("alert_raised", "chain_lags", "local")]

    for _ in range(2):
        watching.watch_lag(session, alerts, chains, row["age"] + _DAY)
    assert changes(told) == [("alert_cleared", "chain_lags", "local")]


def test_read_models_that_lag_are_told(
    url: str,
    session: Connection[DictRow],
    world: GeneratedChain,
    alerts: Alerts,
    told: list[Alert],
) -> None:
    """Given read models two hours behind the log, then that is told until they have caught up."""
    chains = settings_of(world).chain
    back = "UPDATE read_1.chain SET block_time = block_time {} interval '2 hours'"

    for sign in ("-", "+"):
        as_owner(url, back.format(sign))
        for _ in range(2):
            watching.watch_lag(session, alerts, chains, 3_600)

    assert [each for each in changes(told) if each[1] == "read_models_lag"] == [
        ("alert_raised", "read_models_lag", "local"),
        ("alert_cleared", "read_models_lag", "local"),
    ]


def test_a_stopped_read_model_is_told_until_it_goes_on(
    session: Connection[DictRow], alerts: Alerts, told: list[Alert]
) -> None:
    """Given two read models that stopped, when one goes on, then the other's alert holds."""
    for name in ("candle", "trade"):
        session.execute(
            "INSERT INTO daybook.stopped_read_model VALUES (1, %s, 7, 'trade', 'bad')", [name]
        )
    watching.watch_read_models(session, alerts)
    assert "position 7, since trade failed: bad" in told[0].detail
    assert changes(told) == [
        ("alert_raised", "read_model_stopped", "candle"),
        ("alert_raised", "read_model_stopped", "trade"),
    ]

    session.execute("DELETE FROM daybook.stopped_read_model WHERE read_model = 'trade'")
    watching.watch_read_models(session, alerts)

    assert changes(told) == [("alert_cleared", "read_model_stopped", "trade")]
    assert alerts.subjects(session, "read_model_stopped") == ["candle"]
    session.execute("DELETE FROM daybook.stopped_read_model")


def test_a_slow_query_is_told_without_its_parameters(
    url: str, alerts: Alerts, told: list[Alert]
) -> None:
    """Given a query that takes long, then its text is told, and its end after some quiet."""

    def look() -> None:
        with connect(url, role=None, application_name="test upkeep") as owner:
            watching.watch_queries(owner, alerts, 0.05)

    def seen() -> bool:
        look()
        return bool(told)

    with psycopg.connect(url, autocommit=True, application_name=API_SESSIONS) as api:
        slow = threading.Thread(target=_ask_slowly, args=[api, "secret-player"])
        slow.start()
        wait_until(seen)
        api.cancel_safe()
        slow.join()

    assert "pg_sleep" in told[0].detail
    assert "secret-player" not in told[0].detail
    ((event, name, _),) = changes(told)
    assert (event, name) == ("alert_raised", "query_is_slow")
    look()
    assert changes(told) == []  # it may be asked again soon
    as_owner(url, "UPDATE daybook.alert SET last_seen = last_seen - interval '1 hour'")
    look()
    assert [event for event, _, _ in changes(told)] == ["alert_cleared"]


def _ask_slowly(api: psycopg.Connection, player: str) -> None:
    with pytest.raises(psycopg.errors.QueryCanceled):
        api.execute("SELECT pg_sleep(60), %s::text", [player])


def test_appends_that_fail_are_told_until_enough_succeed(
    url: str, session: Connection[DictRow], alerts: Alerts, told: list[Alert]
) -> None:
    """Given a writer that is cut off, when it appends, then that counts, and is forgotten."""
    hashes = [f"0x{number:064x}" for number in range(9)]

    def block(number: int) -> IndexedRange:
        head = Header(number, hashes[number], hashes[number - 1], 1_700_000_000, 0, hashes[0])
        return IndexedRange(number, head, [], [], "receipts", 0)

    tally = ChainTally()
    watch = watching.IndexingWatch(alerts, {"other": tally}, failed_percent_max=30)
    with Writer(url, 5, tally) as writer:
        watch.look(session)
        assert changes(told) == []  # a standby says nothing
        writer.ready()
        writer.open(name="other", start=block(1).last, contracts=[])
        as_owner(
            url,
            "SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity"
            " WHERE application_name LIKE 'daybook-index %'",
        )
        with pytest.raises(DatabaseUnavailableError):
            writer.append([block(1)])
        assert (tally.appended, tally.failed) == (1, 1)
        for _ in range(2):
            watch.look(session)
        assert told[0].detail == "1 of 2 appends to the log failed"
        assert changes(told) == [("alert_raised", "appends_fail", "other")]

        wait_until(lambda: _is_ready(writer))
        for at in range(1, 4):
            writer.append([block(at)])
        watch.look(session)

    assert changes(told) == [("alert_cleared", "appends_fail", "other")]


def _is_ready(writer: Writer) -> bool:
    try:
        writer.ready()
    except DatabaseUnavailableError:
        return False
    return True


@pytest.mark.slow
def test_a_halted_chain_is_told_until_it_is_indexed_again(
    url: str,
    session: Connection[DictRow],
    world: GeneratedChain,
    alerts: Alerts,
    told: list[Alert],
) -> None:
    """Given a node of another history, when it is indexed, then the chain halts, and it is told."""
    tallies = {"local": ChainTally()}
    watch = watching.IndexingWatch(alerts, tallies, failed_percent_max=5)
    with node_of(world, other_branch) as node, pytest.raises(FinalityViolationError):
        index(
            settings_of(world, node),
            url,
            until_head=True,
            stop=threading.Event(),
            report=lambda _: None,
            tallies=tallies,
        )
    for _ in range(2):
        watch.look(session)
    assert "finality_violation" in told[0].detail
    assert changes(told) == [("alert_raised", "chain_halted", "local")]

    restarted = watching.IndexingWatch(
        alerts, {"local": ChainTally(appended=1)}, failed_percent_max=5
    )
    for _ in range(2):
        restarted.look(session)
    assert changes(told) == [("alert_cleared", "chain_halted", "local")]


def test_a_chain_that_is_told_to_stop_has_not_halted(url: str, world: GeneratedChain) -> None:
    """Given a chain that waits for its node, when told to stop, then that is no failure."""
    tallies, stop, errors = {"local": ChainTally()}, threading.Event(), list[Exception]()

    def run() -> None:
        try:
            index(
                settings_of(world),
                url,
                until_head=False,
                stop=stop,
                report=lambda _: None,
                tallies=tallies,
            )
        except Exception as error:  # noqa: BLE001  looked at below
            errors.append(error)

    with capture_logs() as logs:
        thread = threading.Thread(target=run)
        thread.start()
        wait_until(lambda: any(entry["event"] == "chain_waiting" for entry in logs))
        stop.set()
        thread.join()

    assert errors == []
    assert tallies["local"].halted == ""


@pytest.mark.slow
def test_an_indexer_that_ends_has_told_why(url: str, world: GeneratedChain) -> None:
    """Given a webhook, when `daybook index` halts, then the webhook was told before it ended."""
    with endpoint() as hook, node_of(world, other_branch) as node:
        settings = settings_of(world, node, webhook=hook.url)
        database = msgspec.structs.replace(settings.database, url=url)
        with pytest.raises(FinalityViolationError):
            pipeline.index(
                msgspec.structs.replace(settings, database=database),
                until_head=False,
                stop=threading.Event(),
                resume=False,
            )

    assert [(body["alert"], body["subject"]) for body in hook.bodies] == [("chain_halted", "local")]
    (shown,) = read_status(settings_of(world), url).alerts
    assert (shown.name, shown.subject) == ("chain_halted", "local")


def test_of_several_processes_one_tells(url: str) -> None:
    """Given eight that see the same at once, then it is told once; so is its end."""
    told: list[Alert] = []
    for found in ({"local": "it is so"}, {}):
        threads = [threading.Thread(target=_settle, args=[url, told, found]) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert changes(told) == [
        ("alert_raised", "chain_lags", "local"),
        ("alert_cleared", "chain_lags", "local"),
    ]


def _settle(url: str, told: list[Alert], found: dict[str, str]) -> None:
    with connect(url, role="daybook_projector", application_name="test") as session:
        Alerts(told.append).settle(session, "chain_lags", found)


def test_what_holds_is_shown_by_everybody(
    url: str, session: Connection[DictRow], world: GeneratedChain, alerts: Alerts
) -> None:
    """Given an alert, then `daybook status` and `/v1/status` show it until it is cleared."""
    alerts.settle(session, "chain_lags", {"local": "two hours old"})

    (shown,) = read_status(settings_of(world), url).alerts
    with serving_api(url) as api:
        (served,) = httpx.get(f"{api}/v1/status", timeout=30).json()["alerts"]
        alerts.settle(session, "chain_lags", {})
        assert httpx.get(f"{api}/v1/status", timeout=30).json()["alerts"] == []

    assert (shown.name, shown.subject, shown.detail) == ("chain_lags", "local", "two hours old")
    assert (served["name"], served["subject"]) == ("chain_lags", "local")
    assert number(url, "SELECT count(*) AS number FROM daybook.alert") == 0
