"""How a request reads: one snapshot of the generation that serves, in one round trip.

The generation's number is part of every table's name, and which one serves is itself in the
database. So a request reads with the number last seen, together with the row that says which one
serves *now*; in the rare case that another does, it asks again in a transaction, number first.
"""

from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from typing import Any, Generic, TypeVar

import psycopg
from msgspec import Struct
from psycopg import AsyncConnection, AsyncCursor
from psycopg_pool import AsyncConnectionPool

from api.amounts import ExactNumber
from api.problems import NotServingError, OtherVersionError
from schema.database import API_SESSIONS
from schema.read_models import generation_schema

Row = TypeVar("Row", bound=Struct)

_POOL_MAX = 8  # sessions: beyond a few a core, PostgreSQL only queues
_WAITING_MAX = 1_000  # requests in line for a session; more are refused at once
_WAIT_SECONDS = 5
# A generation was dropped; or another version of daybook posted it, with other tables.
_GENERATION_UNLIKE = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.InvalidSchemaName,
    psycopg.errors.UndefinedColumn,
    psycopg.errors.UndefinedFunction,
)
_TRIES = 3  # a generation that was read to serve may be dropped if it was replaced twice

# Every statement between two syncs of a pipeline runs in one implicit transaction, which at this
# isolation has one snapshot: that is what keeps an answer from mixing positions.
_SESSION = """
    SET ROLE daybook_api;
    SET default_transaction_isolation = 'repeatable read';
    SET default_transaction_read_only = on;
    SET statement_timeout = '5s';
    SET timezone = 'UTC';
    SET jit = off;
"""

_SELECT_GENERATION = "SELECT generation FROM daybook.serving"


class Statement(Generic[Row]):
    """A query over the read models, whose columns are the fields of `row` in their order.

    `{read}` in its text stands for the schema of the generation that serves.
    """

    def __init__(self, row: type[Row], text: str) -> None:
        self.row = row
        self.text = text


Statements = tuple[Statement[Any], ...]


class ChainHead(Struct, frozen=True):
    """The newest block of a chain that is posted; null before the first.

    Attributes:
        finalized: number of the highest block that is final; null where none is.
    """

    chain_id: int
    name: str
    block_number: int | None
    block_hash: str | None
    block_time: datetime | None
    finalized: int | None


class Serving(Struct, frozen=True):
    """The generation that serves, and the head of one chain in it: NULLs where there is none."""

    generation: int
    position: int
    chain_id: int | None
    name: str | None
    block_number: int | None
    block_hash: str | None
    block_time: datetime | None
    finalized: int | None


# One row a chain, and one with NULLs where there is no chain yet.
SELECT_SERVING = Statement(
    Serving,
    """
    SELECT
        serving.generation, serving.position, chain.chain_id, chain.name,
        chain.block_number, chain.block_hash, chain.block_time,
        CASE WHEN chain.finalized >= 0 THEN chain.finalized END AS finalized
    FROM daybook.serving LEFT JOIN {read}.chain ON true
    ORDER BY chain.chain_id
    """,
)


class Reading:
    """What one request read, all of it at one position of one generation.

    Attributes:
        version: of everything that could be read: it changes with generation and position.
        position, chains: which position and blocks the rows are of.
    """

    def __init__(self, serving: list[Serving], rows: dict[Statement[Any], list[Any]]) -> None:
        self.generation = serving[0].generation
        self.position = serving[0].position
        self.version = f"{self.generation}-{self.position}"
        self.chains = [
            ChainHead(
                row.chain_id,
                row.name,
                row.block_number,
                row.block_hash,
                row.block_time,
                row.finalized,
            )
            for row in serving
            if row.chain_id is not None and row.name is not None
        ]
        self.by_statement = rows

    def rows(self, statement: Statement[Row]) -> list[Row]:
        """The rows of a statement that was asked."""
        return self.by_statement[statement]

    def first(self, statement: Statement[Row]) -> Row | None:
        """The first row of a statement that was asked, if it has one."""
        rows = self.by_statement[statement]
        return rows[0] if rows else None


class Database:
    """A bounded pool of read-only sessions on the read models."""

    def __init__(self, url: str) -> None:
        """Remember `url`; connect in `open`."""
        self._generation: int | None = None
        self._pool = AsyncConnectionPool(
            url,
            kwargs={"application_name": API_SESSIONS, "autocommit": True, "connect_timeout": 5},
            configure=_configure,
            min_size=1,
            max_size=_POOL_MAX,
            max_waiting=_WAITING_MAX,
            timeout=_WAIT_SECONDS,
            open=False,
        )

    async def open(self) -> None:
        """Start connecting in the background: the database may come later than the api."""
        await self._pool.open()

    async def close(self) -> None:
        """End every session."""
        await self._pool.close()

    async def read(self, *statements: Statement[Any], **parameters: Any) -> Reading:
        """Run statements, which share their parameters, on one snapshot.

        Raises:
            NotServingError: no generation serves.
            psycopg.OperationalError: the database is away, or takes too long.
        """
        try:
            return await self._read(statements, parameters)
        except psycopg.errors.QueryCanceled:
            raise
        except psycopg.OperationalError:
            await self._pool.check()  # a restart of the server ended our idle sessions
            return await self._read(statements, parameters)

    async def _read(self, statements: Statements, parameters: dict[str, Any]) -> Reading:
        async with self._pool.connection() as connection:
            if self._generation is not None:
                reading = await _read_if_serving(
                    connection, self._generation, statements, parameters
                )
                if reading is not None:
                    return reading
            for _ in range(_TRIES):
                with suppress(*_GENERATION_UNLIKE):
                    async with connection.transaction():
                        self._generation = await _serving(connection)
                        return await _read_as(connection, self._generation, statements, parameters)
        raise OtherVersionError


async def _serving(connection: AsyncConnection[Any]) -> int:
    try:
        row = await (await connection.execute(_SELECT_GENERATION)).fetchone()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
        raise NotServingError from error  # no projection ever ran here
    if row is None:
        raise NotServingError
    return int(row[0])


async def _read_if_serving(
    connection: AsyncConnection[Any],
    generation: int,
    statements: Statements,
    parameters: dict[str, Any],
) -> Reading | None:
    """What a generation says, if it is the one that serves."""
    try:
        reading = await _read_as(connection, generation, statements, parameters)
    except _GENERATION_UNLIKE:
        return None  # replaced, and dropped since; or not like our tables
    return reading if reading.generation == generation else None


async def _read_as(
    connection: AsyncConnection[Any],
    generation: int,
    statements: Statements,
    parameters: dict[str, Any],
) -> Reading:
    """Ask everything of one generation in one round trip."""
    asked = (SELECT_SERVING, *statements)
    cursors: list[AsyncCursor[Any]] = []
    async with connection.pipeline():
        for statement in asked:
            cursor = connection.cursor()
            await cursor.execute(_placed(statement.text, generation), parameters)
            cursors.append(cursor)
    serving, *answers = [
        await _structs(cursor, statement.row)
        for cursor, statement in zip(cursors, asked, strict=True)
    ]
    if not serving:
        raise NotServingError
    return Reading(serving, dict(zip(statements, answers, strict=True)))


async def _configure(connection: AsyncConnection[Any]) -> None:
    await connection.execute(_SESSION)
    connection.adapters.register_loader("numeric", ExactNumber)
    connection.prepare_threshold = 0  # there are few statements, and all come again


@lru_cache(maxsize=256)  # statements × the generations that serve within a process's life
def _placed(text: str, generation: int) -> bytes:
    return text.replace("{read}", generation_schema(generation)).encode()


async def _structs(cursor: AsyncCursor[Any], row: type[Row]) -> list[Row]:
    names = tuple(column.name for column in cursor.description or ())
    assert names == row.__struct_fields__, f"{row.__name__} is not what its statement selects"
    return [row(*values) for values in await cursor.fetchall()]
