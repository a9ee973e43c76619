"""The webhook: told in order, through its own failures, and its URL told to nobody."""

import logging
import socket
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from scripts.upkeep.alerts import Alert
from scripts.upkeep.webhook import Webhook
from tests.projections.posting import wait_until
from tests.scripts.upkeep.surroundings import CANARY, endpoint

_SINCE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
_RAISED = Alert("alert_raised", "chain_lags", "local", _SINCE, "old")
_CLEARED = Alert("alert_cleared", "chain_lags", "local", _SINCE, "old")


def test_an_endpoint_gets_what_was_raised_and_cleared() -> None:
    """Given an endpoint, then it gets each alert as JSON, in order."""
    with endpoint() as hook, Webhook(hook.url) as webhook:
        webhook.tell(_RAISED)
        webhook.tell(_CLEARED)

    assert hook.bodies[0] == {
        "event": "alert_raised",
        "alert": "chain_lags",
        "subject": "local",
        "since": "2026-01-02T03:04:05Z",
        "detail": "old",
    }
    assert [body["event"] for body in hook.bodies] == ["alert_raised", "alert_cleared"]


def test_an_endpoint_that_is_down_and_comes_back_gets_it() -> None:
    """Given an endpoint that refuses twice, then it gets the alert at the third try."""
    answers = iter([500, 503])
    with (
        endpoint(lambda: next(answers, 200)) as hook,
        capture_logs() as told,
        Webhook(hook.url, backoff_seconds=0.01) as webhook,
    ):
        webhook.tell(_RAISED)
        wait_until(lambda: bool(hook.bodies))

    assert len(hook.refused) == 2
    assert told == []


def test_what_cannot_be_delivered_is_given_up_and_its_url_is_not_told(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Given endpoints that are down, redirect or are none, then nothing tells their secret."""
    caplog.set_level(logging.DEBUG)
    told: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with endpoint(lambda: 307) as redirecting:
        for url in (
            f"http://{CANARY}:{CANARY}@127.0.0.1:{port}/{CANARY}",
            f"http://{CANARY}.invalid/{CANARY}",
            redirecting.url,
        ):
            with capture_logs() as logs, Webhook(url, backoff_seconds=0.01) as webhook:
                webhook.tell(_RAISED)
                wait_until(lambda logs=logs: bool(logs))  # type: ignore[misc]
            assert [entry["event"] for entry in logs] == ["alert_not_delivered"]
            told.append(str(logs))

    shown = capfd.readouterr()
    assert "HTTP 307" in told[-1]
    assert len(redirecting.refused) == 5
    for text in (*told, caplog.text, shown.out, shown.err):
        assert CANARY not in text


def test_after_an_alert_was_given_up_the_next_ones_come() -> None:
    """Given an endpoint that refuses five times, then it gets the second alert only."""
    answers = iter([500] * 5)
    with (
        endpoint(lambda: next(answers, 200)) as hook,
        capture_logs(),
        Webhook(hook.url, backoff_seconds=0.001) as webhook,
    ):
        webhook.tell(_RAISED)
        webhook.tell(_CLEARED)
        wait_until(lambda: bool(hook.bodies))

    assert [body["event"] for body in hook.bodies] == ["alert_cleared"]


def test_an_endpoint_that_does_not_answer_keeps_nobody_waiting() -> None:
    """Given an endpoint that holds every request, then telling returns at once, 1,100 times."""
    with ExitStack() as held, capture_logs() as logs:
        hook = held.enter_context(endpoint(waits=True))
        with Webhook(hook.url) as webhook:
            for _ in range(1_100):
                webhook.tell(_RAISED)
            reasons = [entry["reason"] for entry in logs]
            assert hook.bodies == []
            held.close()

    assert set(reasons) == {"too many are waiting"}
    assert 99 <= len(reasons) <= 100
