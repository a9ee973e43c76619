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
from scripts.explain.command import explain
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
@click.option("--no-swap", is_flag=True, help="Compare only; what serves now serves on.")
@click.option(
    "--rollback",
    is_flag=True,
    help="Let the generation serve that did before, once its own folds have posted the rest. The "
    "one that serves now is kept, and not put in place again by itself.",
)
@click.option(
    "--accept-differences",
    is_flag=True,
    help="Swap even if rows differ though the folds are the same, or if read models stopped.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and no progress.")
def replay(
    config: Path, *, no_swap: bool, rollback: bool, accept_differences: bool, as_json: bool
) -> None:
    """Post the read models anew from the log's beginning, and put them in place.

    A whole new generation is posted beside the one that serves, which goes on serving and moving.
    When it is as far, both are compared row by row at one position of the log, and from one
    moment to the next the new one serves. The one before is kept for --rollback; older ones are
    dropped.

    With other folds or tables than before, differences are what was wanted: exit code 0. With the
    same ones, a difference means that what serves is not what the log says: exit code 1, and the
    new generation does not serve. So it is if a read model stopped that does not stand still yet.
    """
    if rollback and (no_swap or accept_differences):
        raise click.UsageError("--rollback goes back without comparing: leave the others out.")
    if no_swap and accept_differences:
        raise click.UsageError("--accept-differences is about swapping: leave --no-swap out.")
    from projections.replay import Replay  # noqa: PLC0415
    from scripts import replay as part  # noqa: PLC0415

    settings = load_settings(config)
    with _stopped_by_signals(until_head=False) as stop:
        if rollback:
            part.roll_back(settings, as_json=as_json, stop=stop)
        else:
            asked = Replay(swaps=not no_swap, accepts=accept_differences)
            part.replay(settings, asked, as_json=as_json, stop=stop)


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
    help="Examine every row of the log: changed, deleted, swapped or inserted ones are named by "
    "position. This and --read-models is what is done if nothing else is asked for.",
)
@click.option(
    "--read-models",
    is_flag=True,
    help="Post the read models that serve again, by their own folds and in batches of random "
    "sizes, and compare the digests. What was posted for it is dropped in the end.",
)
@click.option(
    "--chain",
    "contracts",
    is_flag=True,
    help="Compare the read models that are served with what contracts answer at the very block "
    "that they reflect, with the raffle's own account of every position, and with the hashes of "
    "participants that it announced.",
)
@click.option(
    "--players",
    metavar="N|all",
    help="Players of each season to look up with --chain, by chance; 10000 unless given.",
)
@click.option(
    "--against-chain",
    is_flag=True,
    help="Compare the log itself: fetch a sample of its final ranges again, from every endpoint, "
    "by receipts where it gives them.",
)
@click.option("--sample", metavar="N|N%|all", help="Ranges to fetch again; 20 unless given.")
@click.option("--seed", type=int, help="Choose the same ones as an earlier run, which said it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and no progress.")
def verify(  # noqa: PLR0913  one for each option
    config: Path,
    *,
    log: bool,
    read_models: bool,
    contracts: bool,
    against_chain: bool,
    sample: str | None,
    players: str | None,
    seed: int | None,
    as_json: bool,
) -> None:
    """Prove that the log is what was appended, or that the read models say what the chain says.

    Changes nothing; exits with 1 if there is a difference. That the newest ranges were cut off, or
    that somebody rewrote all digests too, only a signed checkpoint of before reveals: see daybook
    checkpoint.
    """
    from scripts import verify as part  # noqa: PLC0415

    if sample is not None and not against_chain:
        raise click.UsageError("--sample chooses ranges for --against-chain: add it.")
    if players is not None and not contracts:
        raise click.UsageError("--players chooses players for --chain: add it.")
    is_plain = not (log or read_models or against_chain or contracts)
    read_models = read_models or is_plain
    if seed is not None and not (against_chain or contracts or read_models):
        raise click.UsageError(
            "--seed chooses for --read-models, --against-chain and --chain: add one of them."
        )
    ranges = looked_up = None
    if against_chain:
        from scripts.audit import parse_sample  # noqa: PLC0415

        ranges = parse_sample("20" if sample is None else sample, seed)
    if contracts:
        from scripts.verify_chain import parse_players  # noqa: PLC0415

        looked_up = parse_players("10000" if players is None else players, seed)
    part.verify(
        load_settings(config),
        log=log or against_chain or is_plain,
        sample=ranges,
        players=looked_up,
        batches_seed=part.any_seed(seed) if read_models else None,
        as_json=as_json,
    )


main.add_command(checkpoint)
main.add_command(explain)
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
