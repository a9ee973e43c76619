"""Errors: RFC 9457 problems that say what to do."""

import httpx
import pytest
from psycopg.sql import SQL

from tests.api.world import World, address_of

pytestmark = pytest.mark.slow


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    ("path", "status", "name", "detail"),
    [
        ("/v1/seasons/9", 404, "unknown-season", "/v1/seasons lists"),
        ("/v1/seasons/main:9/trades", 404, "unknown-season", "season main:9"),
        ("/v1/seasons/other:1", 404, "unknown-season", "season other:1"),
        ("/v1/seasons/first", 400, "bad-season", "deployment:number"),
        ("/v1/seasons/1/trades?limit=0", 400, "bad-request", "limit: Expected `int` >= 1"),
        ("/v1/seasons/1/trades?limit=201", 400, "bad-request", "limit: Expected `int` <= 200"),
        ("/v1/seasons/1/trades?limit=many", 400, "bad-request", "limit: Expected `int`"),
        ("/v1/seasons/1/trades?at_block=5", 400, "unknown-parameter", "cursor, limit"),
        ("/v1/players/0x12?limit=5", 400, "unknown-parameter", "Its parameters: none"),
        ("/v1/players/0x12", 400, "bad-address", "40 hexadecimal digits"),
        ("/v1/players/0x12/trades", 400, "bad-address", "40 hexadecimal digits"),
        (f"/v1/players/{address_of(1)}/trades?season=9", 404, "unknown-season", "season 9"),
        (f"/api/curve/{address_of(1)}/state", 404, "unknown-curve", "/v1/seasons"),
        (f"/api/raffle/transactions/{address_of(1)}/9", 404, "unknown-season", "season 9"),
        (f"/api/raffle/transactions/{address_of(1)}/1?limit=501", 400, "bad-request", "<= 500"),
        (f"/api/raffle/transactions/{address_of(1)}/1?offset=-1", 400, "bad-request", "offset"),
        (f"/api/raffle/transactions/{address_of(1)}/1?orderBy=x", 400, "bad-request", "orderBy"),
        (f"/api/raffle/transactions/{address_of(1)}/1?order=up", 400, "bad-request", "order"),
        ("/api/rollover/positions", 400, "bad-request", "wallet"),
        ("/api/rollover/positions?wallet=me", 400, "bad-address", "wallet: give 0x"),
        ("/nowhere", 404, "not-found", "/schema"),
        ("/static/../app.py", 404, "not-found", "/schema"),
    ],
)
def test_a_wrong_request_is_told_what_to_do(
    client: httpx.Client, path: str, status: int, name: str, detail: str
) -> None:
    """Type, title, status and detail, as application/problem+json."""
    answer = client.get(path)
    problem = answer.json()

    assert answer.status_code == problem["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["type"] == f"urn:daybook:{name}"
    assert problem["title"]
    assert detail in problem["detail"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_only_get_is_answered(client: httpx.Client, method: str) -> None:
    """Nothing is ever changed through the api."""
    answer = client.request(method, "/v1/seasons")

    assert answer.status_code == httpx.codes.METHOD_NOT_ALLOWED
    assert answer.json()["type"] == "urn:daybook:method-not-allowed"
    assert "GET" in answer.headers["allow"]


def test_a_fault_tells_nothing_of_its_innards(world: World, client: httpx.Client) -> None:
    """A right that is missing is our fault: 500, without the database's words in it."""
    client.get("/v1/seasons")
    world.connection.execute("REVOKE SELECT ON read_1.season FROM daybook_api")

    answer = client.get("/v1/seasons")

    assert answer.status_code == httpx.codes.INTERNAL_SERVER_ERROR
    assert answer.json()["type"] == "urn:daybook:fault"
    assert "permission" not in answer.text


def test_read_models_of_another_version_are_told_of(world: World, client: httpx.Client) -> None:
    """Given tables without a column that a path reads, then that path alone says what to do."""
    client.get("/v1/seasons")
    world.connection.execute("ALTER TABLE read_1.season DROP COLUMN winners")

    answer = client.get("/v1/seasons")

    assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert answer.json()["type"] == "urn:daybook:other-version"
    assert "daybook project" in answer.json()["detail"]
    assert client.get("/ready").status_code == httpx.codes.OK


def test_before_any_generation_serves_the_api_says_so(client: httpx.Client) -> None:
    """It lives, is not ready, and names the command that helps."""
    assert client.get("/health").json() == {"status": "alive"}
    for path in ("/ready", "/v1/status", "/v1/seasons"):
        answer = client.get(path)
        assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
        assert "daybook project" in answer.json()["detail"]
        assert answer.headers["retry-after"] == "1"


def test_a_slow_statement_is_given_up(world: World, client: httpx.Client) -> None:
    """A table that is locked for longer than the statement timeout is a 503, not a hang."""
    client.get("/v1/seasons")
    with world.connection.transaction():
        world.connection.execute(SQL("LOCK TABLE read_1.season IN ACCESS EXCLUSIVE MODE"))
        answer = client.get("/v1/seasons", timeout=20)

    assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert "too long" in answer.json()["detail"]


def test_when_the_database_ends_our_sessions_the_next_request_has_new_ones(
    world: World, client: httpx.Client
) -> None:
    """A restart of PostgreSQL costs no answer once it is back."""
    assert client.get("/ready").status_code == httpx.codes.OK
    world.connection.execute(
        "SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'daybook api'"
    )

    assert client.get("/ready").status_code == httpx.codes.OK
    assert client.get("/v1/seasons").status_code == httpx.codes.OK
