"""One answer reflects one position of one generation, and never writes."""

import asyncio
import threading
from typing import Any

import httpx
import psycopg
import pytest
from msgspec import Struct
from psycopg.sql import SQL

from api.database import Database, Statement
from tests.api.world import World, address_of


def test_an_unchanged_answer_is_not_sent_again(world: World, client: httpx.Client) -> None:
    """The ETag is of generation and position: 304 until the next trade is posted."""
    world.trade(1, address_of(1), 1)
    first = client.get("/v1/seasons/1/trades")
    etag = first.headers["etag"]

    again = client.get("/v1/seasons/1/trades", headers={"If-None-Match": f'"x", W/{etag}'})
    world.trade(1, address_of(1), 1)
    changed = client.get("/v1/seasons/1/trades", headers={"If-None-Match": etag})

    assert first.headers["cache-control"] == again.headers["cache-control"] == "no-cache"
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert changed.status_code == httpx.codes.OK
    assert len(changed.json()["items"]) == 2


def test_requests_follow_a_swap_of_generations(world: World, client: httpx.Client) -> None:
    """Also once the old generation is dropped: the api notices by itself."""
    old = client.get("/v1/seasons").json()["items"]
    replayed = World(world.connection)
    replayed.add_season(1, name="Replayed")
    replayed.serve()

    new = client.get("/v1/seasons")
    world.connection.execute(SQL("DROP SCHEMA read_1 CASCADE"))

    assert [season["name"] for season in old] == ["Season 1"]
    assert [season["name"] for season in new.json()["items"]] == ["Replayed"]
    assert new.headers["etag"].startswith('"2-')
    assert client.get("/v1/seasons").json() == new.json()


def test_a_generation_dropped_between_two_requests_is_left_behind(
    world: World, client: httpx.Client
) -> None:
    """Its tables are gone before the api next looks."""
    client.get("/v1/seasons")
    replayed = World(world.connection)
    replayed.add_season(1, name="Replayed")
    replayed.serve()
    world.connection.execute(SQL("DROP SCHEMA read_1 CASCADE"))

    assert client.get("/v1/seasons").json()["items"][0]["name"] == "Replayed"


def test_no_answer_mixes_generations_while_they_are_swapped(
    world: World, client: httpx.Client
) -> None:
    """A hundred swaps under way: what is read is what the answer says it reflects."""
    other = World(world.connection)
    other.add_season(1, name="Other")
    names = {world.generation: "Season 1", other.generation: "Other"}
    swapped = threading.Event()

    def swap() -> None:
        for _ in range(50):
            other.serve()
            world.serve()
        swapped.set()

    swapping = threading.Thread(target=swap)
    swapping.start()
    answers = []
    while not swapped.is_set():
        answers.append(client.get("/v1/seasons/1"))
    swapping.join()

    for answer in answers:
        assert answer.status_code == httpx.codes.OK
        generation = int(answer.headers["etag"].strip('"').split("-")[0])
        assert answer.json()["name"] == names[generation]


class _Snapshot(Struct):
    snapshot: str
    transaction: str


_SLOW_SNAPSHOT = Statement(
    _Snapshot,
    """
    SELECT pg_current_snapshot()::text AS snapshot,
        current_setting('transaction_isolation') || current_setting('transaction_read_only')
        || current_user || pg_sleep(0.2) AS transaction
    """,
)
_SNAPSHOT = Statement(_Snapshot, _SLOW_SNAPSHOT.text.replace("pg_sleep(0.2)", "''"))


def _reading(database_url: str, *statements: Statement[Any]) -> list[Any]:
    async def read() -> list[Any]:
        database = Database(database_url)
        await database.open()
        try:
            reading = await database.read(*statements)
        finally:
            await database.close()
        return [reading.first(statement) for statement in statements]

    return asyncio.run(read())


def test_all_statements_of_a_request_see_one_snapshot(world: World, database_url: str) -> None:
    """Though others commit between them."""
    committed = threading.Event()

    def commit() -> None:
        while not committed.wait(0.02):
            world.serve()

    committing = threading.Thread(target=commit)
    committing.start()
    slow, quick = _reading(database_url, _SLOW_SNAPSHOT, _SNAPSHOT)
    committed.set()
    committing.join()

    assert slow.snapshot == quick.snapshot
    assert slow.transaction == quick.transaction == "repeatable readondaybook_api"


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE daybook.serving SET position = 9 RETURNING '' AS snapshot, '' AS transaction",
        "DELETE FROM {read}.season RETURNING '' AS snapshot, '' AS transaction",
        "SELECT topic AS snapshot, topic AS transaction FROM log.stored_event FOR UPDATE",
    ],
)
def test_no_request_can_write(database_url: str, statement: str) -> None:
    """Neither the role nor the session lets it, whatever a query says."""
    with pytest.raises(
        (psycopg.errors.ReadOnlySqlTransaction, psycopg.errors.InsufficientPrivilege)
    ):
        _reading(database_url, Statement(_Snapshot, statement))
