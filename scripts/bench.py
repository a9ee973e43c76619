"""Measures daybook on a simulated chain: `python -m scripts.bench`; `--events N` for other sizes.

For each size, in processes of their own against one node and one embedded PostgreSQL on this
machine: fetching and decoding, appending, posting, and `daybook run --until-head` from start to
end. Prints events a second and the peak memory of our processes together; the node and PostgreSQL
share the machine's cores but are not counted as ours.
"""

import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import psutil
import psycopg
import rich_click as click
from psycopg.conninfo import make_conninfo
from rich.console import Console
from rich.table import Table

import indexer
import projections
from indexer.endpoint import Endpoint
from indexer.fetch import Fetched, fetch, fetch_headers
from schema.log.chain import Chain, ChainOpened, Followed
from schema.log.store import LogDatastore, LogRecorder
from schema.progress import Progress
from schema.settings import Settings, load
from scripts.database import install_log_at, install_read_models
from scripts.postgres import embedded

LOGS_A_TRADE = 6.18  # six of its own, and its share of everything else
_BLOCKS_A_RANGE = 250
_SECONDS_BETWEEN_LOOKS = 0.02


class Measured(NamedTuple):
    """What one stage did."""

    stage: str
    events: int
    seconds: float
    peak_bytes: int


Stage = Callable[[Settings, str], tuple[int, float]]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--events",
    "sizes",
    type=click.IntRange(min=1000),
    multiple=True,
    default=(20_000, 200_000),
    show_default=True,
    help="About how many events the simulated chain has; may be given several times.",
)
@click.option(
    "--proof",
    type=click.Choice(["receipts", "bloom", "none"]),
    default="bloom",
    show_default=True,
    help="How ranges are proved; with bloom, receipts prove one block in a hundred too.",
)
@click.option(
    "--latency",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="How many milliseconds longer the node takes for each request.",
)
@click.option(
    "--seasons",
    type=click.IntRange(min=1),
    default=6,
    show_default=True,
    help="Seasons, each of which brings two contracts to be discovered.",
)
def main(sizes: tuple[int, ...], proof: str, latency: int, seasons: int) -> None:
    """Measure fetch + encode, append, index, project, and all of it end to end."""
    title = f"daybook on a simulated chain, proof = {proof}, latency = {latency} ms"
    table = Table(title=title, title_justify="left")
    for heading in ("stage", "events", "seconds", "events/s", "peak memory"):
        table.add_column(heading, justify="left" if heading == "stage" else "right")
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="daybook-bench-") as folder:
            world = ["--seasons", str(seasons), "--latency", str(latency)]
            for measured in _measure(Path(folder), size, proof, world):
                table.add_row(
                    measured.stage,
                    f"{measured.events:,}",
                    f"{measured.seconds:.2f}",
                    f"{measured.events / measured.seconds:,.0f}",
                    f"{measured.peak_bytes / 1e6:,.0f} MB",
                )
        table.add_section()
    Console().print(table)


def _measure(folder: Path, size: int, proof: str, world: list[str]) -> Iterator[Measured]:
    with node(folder, size, proof, world) as config, embedded(folder / "postgres") as server_url:
        settings = load(config, {})
        urls = [database(server_url, name) for name in ("parts", "whole")]
        yield in_process("fetch + encode", _fetch, settings, urls[0])
        yield in_process("append", _append, settings, urls[0])
        yield in_process("index", index, settings, urls[1])
        yield in_process("project", _project, settings, urls[1])
        yield _run_until_head(config, database(server_url, "run"))


@contextmanager
def node(
    folder: Path, size: int, proof: str, world: list[str], *, players: int = 2_000
) -> Iterator[Path]:
    """A simulated node of about this many events; its configuration."""
    config = folder / "daybook.toml"
    trades = str(round(size / LOGS_A_TRADE))
    options = [*world, "--players", str(players), "--trades", trades, "--port", "0"]
    command = [sys.executable, "-m", "scripts.simulate", *options, "--write-config", str(config)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as node:
        try:
            while not config.exists():
                assert node.poll() is None, "the simulated node ended"
                time.sleep(0.1)
            config.write_text(config.read_text().replace('"receipts"', f'"{proof}"'))
            yield config
        finally:
            node.terminate()


def database(server_url: str, name: str) -> str:
    """A new database on an embedded server, with everything installed; its URL."""
    with psycopg.connect(server_url, autocommit=True) as owner:
        owner.execute(f"CREATE DATABASE {name}")
    url = make_conninfo(server_url, dbname=name)
    install_log_at(url)
    install_read_models(url)
    return url


def in_process(name: str, stage: Stage, settings: Settings, url: str) -> Measured:
    """Run a stage in a fresh process, so that its peak memory is its own."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_stage, args=(stage, settings, url, sender))
    process.start()
    events, seconds, peak = receiver.recv()
    process.join()
    return Measured(name, events, seconds, peak)


def _stage(stage: Stage, settings: Settings, url: str, sender: object) -> None:
    events, seconds = stage(settings, url)
    sender.send((events, seconds, peak_bytes()))  # type: ignore[attr-defined]  # a Connection


def peak_bytes() -> int:
    """The most memory that this process took; getrusage would count what its parent had."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(status.read_text().partition("VmHWM:")[2].split()[0]) * 1024


def _fetch(settings: Settings, _: str) -> tuple[int, float]:
    """One thread, one request at a time."""
    started = time.perf_counter()
    events = sum(len(rows) for fetched in _ranges(settings) for rows in fetched.rows.values())
    return events, time.perf_counter() - started


def _append(settings: Settings, url: str) -> tuple[int, float]:
    """COPY alone, a range a transaction."""
    recorder = LogRecorder(LogDatastore(url, role="daybook_indexer", application_name="bench"))
    events, seconds = 0, 0.0
    for fetched in _ranges(settings):
        rows = [row for block in fetched.rows.values() for row, _ in block]
        started = time.perf_counter()
        recorder.insert_rows(rows)
        seconds += time.perf_counter() - started
        events += len(rows)
    return events, seconds


def _ranges(settings: Settings) -> Iterator[Fetched]:
    chain = settings.chain[0]
    deployment = settings.deployment[0]
    endpoint = Endpoint(chain.rpc[0], "bench")
    contracts = {
        address: Followed(deployment.name, kind, 0)
        for address, kind in deployment.contracts.by_address().items()
    }
    head = endpoint.blocks(["latest"])[0]
    assert head is not None
    last = int(head.number, 16)
    log = Chain(chain.id)
    log.apply([ChainOpened(chain.id, 0, chain.name, 0, head.parent_hash)])
    for first in range(0, last + 1, _BLOCKS_A_RANGE):
        end = min(first + _BLOCKS_A_RANGE - 1, last)
        headers = fetch_headers(endpoint, first, end, proof=chain.proof)
        fetched = fetch(endpoint, headers, contracts, chain=log, proof=chain.proof)
        contracts |= fetched.own
        yield fetched


def index(settings: Settings, url: str) -> tuple[int, float]:
    """The indexer as it is: pipelined, proved, appended."""
    last: dict[str, Progress] = {}
    started = time.perf_counter()
    indexer.index(
        settings,
        url,
        until_head=True,
        stop=threading.Event(),
        report=lambda progress: last.update({progress.task: progress}),
    )
    return sum(p.events for p in last.values()), time.perf_counter() - started


def _project(_: Settings, url: str) -> tuple[int, float]:
    """The projections as they are, from genesis."""
    last: dict[str, Progress] = {}
    finish = threading.Event()
    finish.set()
    started = time.perf_counter()
    projections.project(
        url,
        finish=finish,
        stop=threading.Event(),
        report=lambda progress: last.update({progress.task: progress}),
    )
    return sum(p.events for p in last.values()), time.perf_counter() - started


def _run_until_head(config: Path, url: str) -> Measured:
    """`daybook run --until-head` from the start of its process to its exit, its child included."""
    command = [sys.executable, "-m", "scripts.cli", "run", "--until-head", "--config", str(config)]
    environment = os.environ | {"DAYBOOK_DATABASE_URL": url}
    started = time.perf_counter()
    process = psutil.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        with suppress(psutil.NoSuchProcess):
            family = [process, *process.children(recursive=True)]
            peak = max(peak, sum(member.memory_info().rss for member in family))
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    seconds = time.perf_counter() - started
    assert process.returncode == 0, "daybook run failed"
    with psycopg.connect(url) as session:
        row = session.execute(_COUNT_EVENTS).fetchone()
    assert row is not None
    return Measured("run --until-head", row[0], seconds, peak)


_COUNT_EVENTS = "SELECT coalesce(sum(events), 0)::bigint FROM log.range_indexed"


if __name__ == "__main__":
    main()
