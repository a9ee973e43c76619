"""From the command's options to a serving node."""

import json
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
import rich_click as click

from schema.families import FAMILIES, contracts_of
from scripts.simulate.chain import (
    BLOCK_SECONDS,
    FIXED_CLOCK,
    Clock,
    GeneratedChain,
    Setting,
    generate,
)
from scripts.simulate.deployment import CHAIN_ID
from scripts.simulate.node import Chain, Limits, Node
from scripts.simulate.server import Application, server
from scripts.simulate.tape import TapeChain, read_calls

_NAMES = {"curve-raffle": "secondorder"}  # of deployments; others are called as their family
_OPEN_TRADES = 3000  # what the first seasons share where --trades leaves it open
_TRADES_IN_A_BLOCK = 3
_BACKLOG = 1024


class Options(NamedTuple):
    """What `daybook simulate` was asked for; its help says what each means."""

    seed: int
    families: tuple[str, ...]
    seasons: int
    players: int
    trades: int
    tape: Path | None
    calls: Path | None
    blocks_per_second: float | None
    start_at: int | None
    finality_depth: int
    max_range: int | None
    latency: int
    chain_id: int
    host: str
    port: int
    write_config: Path | None


def run(options: Options) -> None:
    """Make the chain, say where it is, and serve it until interrupted."""
    with _listen(options.host, options.port) as listener:
        url = f"http://{options.host}:{listener.getsockname()[1]}"
        chain = _tape(options.tape, options) if options.tape else _world(options)
        node = Node(
            chain,
            limits=Limits(options.finality_depth, options.max_range),
            calls=read_calls(options.calls) if options.calls else {},
            chain_id=options.chain_id,
        )
        application = Application(
            node,
            blocks_per_second=options.blocks_per_second,
            latency_seconds=options.latency / 1000,
        )
        _announce(url, chain, options)
        server(application).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=_BACKLOG)
    except OSError as error:
        raise click.UsageError(f"cannot listen on {host}:{port} ({error.strerror})") from error


def _world(options: Options) -> GeneratedChain:
    if options.calls:
        raise click.UsageError("--calls needs --tape: a generated world has no recorded calls")
    if not options.trades and not options.blocks_per_second:
        raise click.UsageError("--trades 0 needs --blocks-per-second: it never ends")
    trades, rate = options.trades or _OPEN_TRADES, options.blocks_per_second
    start_at = options.start_at
    if start_at is None and rate:
        start_at = trades // 2 // _TRADES_IN_A_BLOCK
    families = tuple(dict.fromkeys(options.families))
    setting = Setting(options.seed, options.seasons, options.players, trades, bool(rate), families)
    chain = generate(setting, _clock(start_at or 0, rate))
    while not chain.is_over if start_at is None else chain.blocks.head.number < start_at:
        chain.advance()
    return chain


def _clock(start_at: int, blocks_per_second: float | None) -> Clock:
    """A fixed genesis, but now for the first block that comes live."""
    if blocks_per_second is None:
        return FIXED_CLOCK
    genesis_time = int(time.time()) - BLOCK_SECONDS * start_at
    return Clock(genesis_time, start_at, 1 / blocks_per_second)


def _tape(path: Path, options: Options) -> TapeChain:
    try:
        chain = TapeChain(path)
    except (OSError, EOFError, ValueError, KeyError, TypeError, msgspec.DecodeError) as error:
        raise click.UsageError(f"--tape: {path} is no recording ({error!r})") from error
    start_at = options.start_at
    if start_at is None and options.blocks_per_second:
        start_at = 0
    while start_at is None or chain.blocks.head.number < start_at:
        if not chain.advance():
            break
    return chain


def _announce(url: str, chain: Chain, options: Options) -> None:
    text, config = configuration(url, chain.contracts, options.chain_id), options.write_config
    if config is not None:
        # Written at once and then moved, so that whoever waits for it reads all of it.
        unfinished = config.with_name(config.name + ".part")
        unfinished.write_text(f'data_dir = ".daybook"\n\n{text}')
        unfinished.replace(config)
    head = chain.blocks.head
    print(f"simulated chain at {url}  head {head.number}  {head.hash}")
    print(text, flush=True)


def configuration(url: str, contracts: Mapping[str, str], chain_id: int = CHAIN_ID) -> str:
    """The chain and its deployments as a daybook configuration has them."""
    lines = [
        "[[chain]]",
        f"id = {chain_id}",
        'name = "simulated"',
        f"rpc = [{json.dumps(url)}]",
        "start_block = 0",
        'finality = "finalized"',
        'proof = "receipts"',
    ]
    for family, deployment in FAMILIES.items():
        kinds = contracts_of(deployment).__struct_fields__
        if own := [kind for kind in kinds if kind in contracts]:
            lines += [
                "",
                "[[deployment]]",
                f"name = {json.dumps(_NAMES.get(family, family))}",
                f"family = {json.dumps(family)}",
                f"chain = {chain_id}",
                "[deployment.contracts]",
                *(f"{kind} = {json.dumps(contracts[kind])}" for kind in own),
            ]
    return "\n".join(lines)
