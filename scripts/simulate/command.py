"""The command `daybook simulate`."""

from pathlib import Path
from typing import Any

import rich_click as click

from schema.families import DEFAULT_FAMILY, FAMILIES
from scripts.simulate.deployment import CHAIN_ID


@click.command()
@click.option("--seed", default=7, show_default=True, help="Which world: one seed, one world.")
@click.option(
    "--family",
    "families",
    type=click.Choice(list(FAMILIES)),
    multiple=True,
    default=(DEFAULT_FAMILY,),
    show_default=True,
    help="Which family of raffles; given several times, a deployment of each is on the chain.",
)
@click.option(
    "--seasons",
    type=click.IntRange(min=1),
    default=4,
    show_default=True,
    help="Seasons: the second is cancelled, the fourth never starts, the fifth stays empty. Of "
    "box raffles, how many: of five the second and the fourth are cancelled, the last stays open.",
)
@click.option(
    "--players",
    type=click.IntRange(min=2),
    default=100,
    show_default=True,
    help="Players; some trade a lot, most a little.",
)
@click.option(
    "--trades",
    type=click.IntRange(min=0),
    default=3000,
    show_default=True,
    help="Trades, at about six logs each, or boxes bought. With --blocks-per-second they never "
    "end: then this is how many the first seasons share, and 0 leaves it open.",
)
@click.option(
    "--tape",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Play this recording (tape.jsonl.gz) instead of a generated world.",
)
@click.option(
    "--calls",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Answer eth_call from this recording (calls.jsonl.gz).",
)
@click.option(
    "--blocks-per-second",
    type=click.FloatRange(min=0, min_open=True),
    help="Let blocks come live, this fast. Without it the whole chain is there at once.",
)
@click.option(
    "--start-at",
    type=click.IntRange(min=0),
    help="Begin with the chain up to this block; more come with --blocks-per-second or by the "
    "methods daybook_mine and daybook_play. [default: half of a generated world, block 0 of a "
    "tape; everything without --blocks-per-second]",
)
@click.option(
    "--finality-depth",
    type=click.IntRange(min=0),
    default=64,
    show_default=True,
    help="How many blocks below the head are final.",
)
@click.option(
    "--max-range",
    type=click.IntRange(min=1),
    help="Refuse eth_getLogs over more blocks than this.",
)
@click.option(
    "--latency",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Milliseconds added to every request.",
)
@click.option(
    "--chain-id",
    type=click.IntRange(min=1),
    default=CHAIN_ID,
    show_default=True,
    help="The chain's id, so that several nodes can be several chains.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Listen here.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8545,
    show_default=True,
    help="Listen here; 0 takes a free port, which is printed.",
)
@click.option(
    "--write-config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a daybook configuration for this node; its data will be beside it.",
)
def simulate(**options: Any) -> None:
    """Serve a simulated chain as a node: JSON-RPC over HTTP and WebSocket, on one port.

    A world of raffles is generated from a seed, with real header hashes, blooms and receipts
    roots, or a recording is played. Beside a node's methods, eth_subscribe ["newHeads"] on
    WebSocket among them, there are daybook_mine [count], daybook_play [lines], daybook_truth [],
    daybook_reorg [depth, {"blocks": how many instead, "empty": true}], where the options may be
    left out, and daybook_return [], back to the branch that the last reorg left.
    """
    from scripts.simulate.run import Options, run  # noqa: PLC0415  a command loads what it runs

    run(Options(**options))
