"""The `daybook` command: what operators type."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rich_click as click

from schema.errors import DaybookError, InterruptedWorkError
from scripts import logging
from scripts.checkpoint.command import checkpoint
from scripts.options import config_option, load_settings
from scripts.simulate.command import simulate

Command = Callable[..., None]


class _Reporting(click.RichGroup):
    """Shows our own errors as one message and exits with their code; a bug keeps its traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except DaybookError as error:
            print(f"daybook: {error}", file=sys.stderr)
            ctx.exit(error.exit_code)


@click.group(cls=_Reporting, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="daybook")
def main() -> None:
    """An event-sourced indexer for on-chain raffles, its read models, and their api.

    Exit codes: 0 done, 1 found a difference or failed, 2 wrong usage or configuration.
    """
    logging.configure()


def _until_head(command: Command) -> Command:
    return click.option(
        "--until-head",
        is_flag=True,
        help="Catch up with what there is now, then exit 0.",
    )(command)


@main.command()
@config_option
@_until_head
def run(config: Path, *, until_head: bool) -> None:
    """Index, project and serve in one process.

    With --until-head: catch up with the head as it is, post it all, exit 0 and serve nothing.
    """
    from scripts import pipeline  # noqa: PLC0415  each command loads only what it runs

    part = pipeline.catch_up if until_head else pipeline.run
    with _stopped_by_signals(until_head=until_head) as stop:
        part(load_settings(config), stop=stop)


@main.command()
@config_option
@_until_head
@click.option(
    "--resume",
    is_flag=True,
    help="After a finality_violation: where all endpoints agree that the chain left blocks which "
    "were final, orphan these and go on with the new branch.",
)
def index(config: Path, *, until_head: bool, resume: bool) -> None:
    """Write the chains' logs into the event log.

    A second indexer of the same chain waits, says who writes, and takes over when that one ends.
    """
    from scripts import pipeline  # noqa: PLC0415

    with _stopped_by_signals(until_head=until_head) as stop:
        pipeline.index(load_settings(config), until_head=until_head, stop=stop, resume=resume)


@main.command()
@config_option
@_until_head
def project(config: Path, *, until_head: bool) -> None:
    """Post the event log into the read models."""
    from scripts import pipeline  # noqa: PLC0415

    finish = threading.Event()
    if until_head:
        finish.set()
    with _stopped_by_signals(until_head=until_head) as stop:
        pipeline.project(load_settings(config), finish=finish, stop=stop)


@main.command()
@config_option
@click.option("--host", help="Listen here instead of api.host.")
@click.option("--port", type=click.IntRange(0, 65535), help="Listen here instead of api.port.")
def serve(config: Path, host: str | None, port: int | None) -> None:
    """Serve the read models as JSON, and the portfolio page at /."""
    from scripts import pipeline  # noqa: PLC0415

    pipeline.serve(load_settings(config), host=host, port=port)


@main.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of tables.")
@click.option("--contracts", "each_contract", is_flag=True, help="Name each contract.")
def status(config: Path, *, as_json: bool, each_contract: bool) -> None:
    """Show what is indexed, how it was proved, and what the read models reflect."""
    from scripts.status import show_status  # noqa: PLC0415

    show_status(load_settings(config), as_json=as_json, each_contract=each_contract)


@main.command()
@config_option
@click.option(
    "--log",
    is_flag=True,
    expose_value=False,  # there is nothing else yet that could be left out
    help="Examine every row of the log: changed, deleted, swapped or inserted ones are named by "
    "position. This is done in any case.",
)
@click.option(
    "--against-chain",
    is_flag=True,
    help="Fetch a sample of the log's final ranges again, from every endpoint, by receipts where "
    "it gives them, and compare.",
)
@click.option("--sample", metavar="N|N%|all", help="Ranges to fetch again; 20 unless given.")
@click.option("--seed", type=int, help="Choose the same ranges as an earlier run, which said it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and no progress.")
def verify(
    config: Path,
    *,
    against_chain: bool,
    sample: str | None,
    seed: int | None,
    as_json: bool,
) -> None:
    """Prove that the log is what was appended, row by row; change nothing.

    Exits with 1 if there is a difference. That the newest ranges were cut off, or that somebody
    rewrote all digests too, only a signed checkpoint of before reveals: see daybook checkpoint.
    """
    if not against_chain and (sample is not None or seed is not None):
        raise click.UsageError("--sample and --seed choose ranges for --against-chain: add it.")
    from scripts import verify as part  # noqa: PLC0415

    chosen = None
    if against_chain:
        from scripts.audit import parse_sample  # noqa: PLC0415

        chosen = parse_sample("20" if sample is None else sample, seed)
    part.verify(load_settings(config), sample=chosen, as_json=as_json)


main.add_command(checkpoint)
main.add_command(simulate)


@contextmanager
def _stopped_by_signals(*, until_head: bool) -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set: work ends at the next whole range or batch.

    Raises:
        InterruptedWorkError: it was set although the head was to be reached.
    """
    stop = threading.Event()
    names = (signal.SIGINT, signal.SIGTERM)
    before = {name: signal.signal(name, lambda *_: stop.set()) for name in names}
    try:
        yield stop
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
    if until_head and stop.is_set():
        raise InterruptedWorkError


if __name__ == "__main__":
    main()
