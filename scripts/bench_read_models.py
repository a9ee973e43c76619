"""Measures the read models: `python -m scripts.bench_read_models`; `--events N` for other sizes.

Over the log of a simulated chain: a replay from genesis and what it spends its time on, unfinal
blocks one by one, going back 64 of them, and the disk that log and read models take. Once more over
what of that log trades are made of, without what merely repeats them.
"""

import multiprocessing
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import rich_click as click
from psycopg import Connection
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow
from psycopg.sql import SQL, Identifier
from rich.console import Console
from rich.table import Table

from projections import prior_images
from projections.ahead import read_standing
from projections.batch import Fork
from projections.generations import create
from projections.runner import Runner
from schema.database import connect
from schema.log.chain import RangeIndexed
from schema.log.mapper import stored_as
from schema.settings import load
from scripts.bench import database, in_process, index, node, peak_bytes
from scripts.database import install_read_models
from scripts.postgres import embedded

_REORGANISED_BLOCKS = 64
_UNFINAL_BLOCKS = 200
_STATEMENTS_SHOWN = 20
# Of the logs of a trade these only repeat the others.
_REPEATING = (
    "RafflePositionUpdate/1",
    "ParticipantAdded/1",
    "ParticipantUpdated/1",
    "ParticipantRemoved/1",
    "RaffleTokenTransfer/1",
)


class Replayed(NamedTuple):
    """What posting a log from its beginning took.

    Attributes:
        events: positions of the log up to its last final block.
        seconds: until they were posted; settling, at its end, by itself.
        peak_bytes: the most memory that our process took; PostgreSQL's is its own.
        statements: seconds by statement, the costliest first.
    """

    events: int
    seconds: float
    settling_seconds: float
    peak_bytes: int
    statements: list[tuple[str, float]]


class Live(NamedTuple):
    """What unfinal blocks took, one by one.

    Attributes:
        events: of a block, in the median.
        block_seconds: for posting a block, in the median; `slowest_seconds` of all of them.
        restored_blocks, restore_seconds: going back that many of them.
    """

    events: float
    block_seconds: float
    slowest_seconds: float
    restored_blocks: int
    restore_seconds: float


class Measured(NamedTuple):
    """All of it."""

    replayed: Replayed
    live: Live
    log: "list[OnDisk]"
    read_models: "list[OnDisk]"


class OnDisk(NamedTuple):
    """Bytes of a table with its indexes, and of its indexes alone."""

    table: str
    bytes: int
    index_bytes: int


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--events",
    type=click.IntRange(min=20_000),
    default=200_000,
    show_default=True,
    help="About how many events the simulated chain has.",
)
@click.option("--players", default=2_000, show_default=True, help="How many trade.")
def main(events: int, players: int) -> None:
    """Measure a replay, live blocks, a reorganisation, and the disk."""
    with tempfile.TemporaryDirectory(prefix="daybook-bench-") as folder:
        world = ["--seasons", "6", "--finality-depth", str(_UNFINAL_BLOCKS)]
        with (
            node(Path(folder), events, "bloom", world, players=players) as config,
            embedded(Path(folder) / "postgres") as server_url,
        ):
            url = database(server_url, "whole")
            in_process("index", index, load(config, {}), url)
            trades = _only_trades(server_url, "whole", "trades")
            for title, measured in [("six logs a trade", url), ("nothing but trades", trades)]:
                _print(title, _in_process(measured))


def _only_trades(server_url: str, source: str, name: str) -> str:
    """A copy of a database whose log lacks what repeats trades."""
    with psycopg.connect(server_url, autocommit=True) as owner:
        create = SQL("CREATE DATABASE {} TEMPLATE {}")
        owner.execute(create.format(Identifier(name), Identifier(source)))
    url = make_conninfo(server_url, dbname=name)
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("ALTER TABLE log.stored_event DISABLE TRIGGER append_only")
        owner.execute("DELETE FROM log.stored_event WHERE topic = ANY(%s)", [list(_REPEATING)])
        owner.execute("VACUUM FULL ANALYZE log.stored_event")
    install_read_models(url)
    return url


def _in_process(url: str) -> Measured:
    """Measure in a fresh process, so that its peak memory is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measure, [url])


def measure(url: str) -> Measured:
    """All of it over the log of one database."""
    with opened(url) as (runner, session):
        replayed = replay(runner, session)
        return Measured(
            replayed,
            live(runner, session),
            on_disk(session, "log"),
            on_disk(session, runner.generation.schema),
        )


def _print(title: str, measured: Measured) -> None:
    replayed, live, log, read_models = measured
    disk = sum(table.bytes for table in log + read_models)
    table = Table(title=f"read models: {title}", title_justify="left", show_header=False)
    for name, value in [
        ("replay", f"{replayed.events / replayed.seconds:,.0f} events/s of {replayed.events:,}"),
        ("settling after it", f"{replayed.settling_seconds:.2f} s"),
        (
            "replay and settling",
            f"{replayed.events / (replayed.seconds + replayed.settling_seconds):,.0f} events/s",
        ),
        ("peak memory of our process", f"{replayed.peak_bytes / 1e6:,.0f} MB"),
        ("events of a live block", f"{live.events:.0f} in the median"),
        ("a live block", f"{live.block_seconds * 1e3:.1f} ms in the median"),
        ("the slowest live block", f"{live.slowest_seconds * 1e3:.1f} ms"),
        (
            f"going back {live.restored_blocks} blocks",
            f"{live.restore_seconds * 1e3:.0f} ms",
        ),
        ("disk", f"{disk / replayed.events:,.0f} bytes an event of the log"),
    ]:
        table.add_row(name, value)
    Console().print(table, _costs(replayed), _sizes(log + read_models, replayed.events))


def _costs(replayed: Replayed) -> Table:
    table = Table(title="what a replay spends its time on", title_justify="left")
    table.add_column("statement")
    table.add_column("µs/event", justify="right")
    for statement, seconds in replayed.statements[:_STATEMENTS_SHOWN]:
        table.add_row(statement, f"{seconds / replayed.events * 1e6:.2f}")
    return table


def _sizes(tables: "list[OnDisk]", events: int) -> Table:
    table = Table(title="what takes the disk, in bytes an event", title_justify="left")
    for heading in ("table", "in all", "its indexes"):
        table.add_column(heading, justify="left" if heading == "table" else "right")
    for each in tables:
        if each.bytes > events:
            table.add_row(
                each.table, f"{each.bytes / events:.1f}", f"{each.index_bytes / events:.1f}"
            )
    return table


def replay(runner: Runner, session: Connection[DictRow]) -> Replayed:
    """Post the final blocks of the log into an empty generation, and settle it."""
    last = _last_final(session)
    with _timed(session) as seconds:
        begun = time.perf_counter()
        while runner.post_next(limit=last):
            pass
        posted = time.perf_counter() - begun
    begun = time.perf_counter()
    runner.settle()
    settled = time.perf_counter() - begun
    costliest = sorted(seconds.items(), key=lambda item: -item[1])
    events = _count_events(session, last)
    return Replayed(events, posted, settled, peak_bytes(), costliest)


def live(runner: Runner, session: Connection[DictRow]) -> Live:
    """Post the unfinal blocks that are left one by one, and go back over the last of them."""
    taken = []
    for position, events in _unfinal_blocks(session):
        begun = time.perf_counter()
        runner.post_next(limit=position)
        taken.append((time.perf_counter() - begun, events))
    busy = [(seconds, events) for seconds, events in taken if events]
    return Live(
        statistics.median(events for _, events in busy),
        statistics.median(seconds for seconds, _ in busy),
        max(seconds for seconds, _ in busy),
        _REORGANISED_BLOCKS,
        _restore_seconds(runner, session),
    )


def _restore_seconds(runner: Runner, session: Connection[DictRow]) -> float:
    with session.transaction(force_rollback=True):
        standing = read_standing(session, runner.generation.number)
        ((chain_id, head),) = standing.heads.items()
        assert head is not None
        fork = Fork(standing.position, chain_id, head - _REORGANISED_BLOCKS)
        begun = time.perf_counter()
        prior_images.restore(session, [fork])
        return time.perf_counter() - begun


def on_disk(session: Connection[DictRow], schema: str) -> list[OnDisk]:
    """Every table of a schema, the largest first; partitions under their table's name."""
    rows = session.execute(_SELECT_SIZES, [schema]).fetchall()
    return [OnDisk(**row) for row in rows]


@contextmanager
def opened(url: str) -> Iterator[tuple[Runner, Connection[DictRow]]]:
    """A new generation and the session that posts it."""
    with closing(connect(url, role="daybook_projector", application_name="bench")) as session:
        yield Runner(session, create(session)), session


@contextmanager
def _timed(session: Connection[DictRow]) -> Iterator[dict[str, float]]:
    """Seconds by the first line of each statement that is run meanwhile."""
    seconds: defaultdict[str, float] = defaultdict(float)
    execute = session.execute

    def timed(query: Any, *arguments: Any, **options: Any) -> Any:
        begun = time.perf_counter()
        try:
            return execute(query, *arguments, **options)
        finally:
            text = query if isinstance(query, str) else query.as_string(session)
            seconds[" ".join(text.split())[:60]] += time.perf_counter() - begun

    session.execute = timed  # type: ignore[method-assign]  # for the time of measuring
    try:
        yield seconds
    finally:
        session.execute = execute  # type: ignore[method-assign]


def _last_final(session: Connection[DictRow]) -> int:
    row = session.execute(_SELECT_LAST_FINAL).fetchone()
    assert row is not None
    position: int = row["position"]
    return position


def _count_events(session: Connection[DictRow], last: int) -> int:
    row = session.execute(_COUNT_EVENTS, [last]).fetchone()
    assert row is not None
    events: int = row["events"]
    return events


def _unfinal_blocks(session: Connection[DictRow]) -> list[tuple[int, int]]:
    rows = session.execute(_SELECT_UNFINAL).fetchall()
    return [(row["position"], row["events"]) for row in rows]


_RANGES = f"""
    SELECT
        notification_id AS position,
        (state -> 'last')::bigint AS last,
        (state -> 'events')::bigint AS events,
        max((state -> 'finalized')::bigint) OVER () AS finalized
    FROM log.stored_event WHERE topic = '{stored_as(RangeIndexed)}'
"""
_SELECT_UNFINAL = f"""
    SELECT position, events FROM ({_RANGES}) AS ranges WHERE last > finalized ORDER BY position
"""
_SELECT_LAST_FINAL = f"""
    SELECT max(position) AS position FROM ({_RANGES}) AS ranges WHERE last <= finalized
"""
_COUNT_EVENTS = "SELECT count(*) AS events FROM log.stored_event WHERE notification_id <= %s"
_SELECT_SIZES = """
    SELECT
        coalesce(parent.relname, own.relname) AS table,
        sum(pg_total_relation_size(own.oid))::bigint AS bytes,
        sum(pg_indexes_size(own.oid))::bigint AS index_bytes
    FROM pg_class AS own
    LEFT JOIN pg_inherits ON pg_inherits.inhrelid = own.oid
    LEFT JOIN pg_class AS parent ON parent.oid = pg_inherits.inhparent
    WHERE own.relnamespace = to_regnamespace(%s) AND own.relkind = 'r'
    GROUP BY 1
    ORDER BY 2 DESC
"""


if __name__ == "__main__":
    main()
