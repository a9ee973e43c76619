"""A log in a database for those who examine it, and somebody who may do anything to it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import psycopg

from schema.families import CurveRaffle, CurveRaffleContracts
from schema.log.scan import ScannedRow
from schema.settings import ChainSettings, Database, Settings

_SINGLETONS = CurveRaffleContracts(
    raffle="0x" + "01" * 20, season_factory="0x" + "02" * 20, token="0x" + "03" * 20
)


def settings_at(database_url: str, *names: str) -> Settings:
    """A configuration of chains 1, 2, … whose nodes are nowhere."""
    chains = [
        ChainSettings(id=at, name=name, rpc=["http://127.0.0.1:1"])
        for at, name in enumerate(names or ["local"], 1)
    ]
    deployment = CurveRaffle(name="raffles", chain=1, contracts=_SINGLETONS)
    return Settings(chain=chains, deployment=[deployment], database=Database(database_url))


def store(database_url: str, rows: Iterable[ScannedRow]) -> None:
    """Put rows into the log as they are."""
    with psycopg.connect(database_url) as owner, owner.cursor() as cursor:
        cursor.executemany(_INSERT, [(*row[:3], row.state.decode(), row.position) for row in rows])


@contextmanager
def unguarded(database_url: str) -> Iterator[psycopg.Connection]:
    """A session of the database's owner, while nothing guards the log."""
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute("ALTER TABLE log.stored_event DISABLE TRIGGER append_only")
        yield owner
        owner.execute("ALTER TABLE log.stored_event ENABLE ALWAYS TRIGGER append_only")


_INSERT = "INSERT INTO log.stored_event VALUES (%s, %s, %s, %s, %s)"
