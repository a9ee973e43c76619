"""A small world, indexed and posted, what its upkeep tells, and an endpoint that is told."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import msgspec

from projections.generations import install_control
from schema.database import connect
from schema.settings import Alerts, Settings
from scripts.simulate.chain import GeneratedChain, Setting, generate
from scripts.simulate.node import Limits, Node
from scripts.upkeep.alerts import Alert
from tests.indexer.indexing import index_to_head, settings_for
from tests.indexer.nodes import Reply, Spoil, honest, node_answer, serving
from tests.projections.posting import post_to_end

CANARY = "canary-51be0f"


def small_world() -> GeneratedChain:
    """A world that is over."""
    chain = generate(Setting(seed=11, seasons=1, players=6, trades=30))
    while not chain.is_over:
        chain.advance()
    return chain


@contextmanager
def node_of(world: GeneratedChain, spoil: Spoil = honest) -> Iterator[str]:
    """A node of a world; gives its URL."""
    with serving(node_answer(Node(world, limits=Limits(10), calls={}), spoil)) as url:
        yield url


def other_branch(method: str, _parameters: list[Any], result: Any) -> Any:
    """Spoils the hash of every block but the first."""
    if method == "eth_getBlockByNumber" and result and int(result["number"], 16):
        return {**result, "hash": "0x" + "11" * 32}
    return result


def fill(database_url: str, world: GeneratedChain) -> None:
    """Index a world and post it."""
    with connect(database_url, role=None, application_name="test owner") as owner:
        install_control(owner)
    with node_of(world) as node:
        index_to_head(settings_for(node, world.contracts), database_url)
    post_to_end(database_url)


def settings_of(world: GeneratedChain, node: str = "http://127.0.0.1:1", **of: Any) -> Settings:
    """The configuration of a world, with these settings of alerts."""
    settings = settings_for(node, world.contracts, proof="none")
    return msgspec.structs.replace(settings, alerts=Alerts(**of))


def changes(told: list[Alert]) -> list[tuple[str, str, str]]:
    """What was told, in a few words each, taken from the list."""
    found: list[tuple[str, str, str]] = [(each.event, each.alert, each.subject) for each in told]
    told.clear()
    return found


class Endpoint(NamedTuple):
    """A webhook's other end.

    Attributes:
        bodies: what was posted and taken.
        refused: how often it was refused.
    """

    url: str
    bodies: list[dict[str, Any]]
    refused: list[bytes]


@contextmanager
def endpoint(status: Callable[[], int] = lambda: 200, *, waits: bool = False) -> Iterator[Endpoint]:
    """An endpoint that answers with what `status` says, with a secret in its URL.

    Where it waits, no answer comes until this is left.
    """
    bodies, refused, end = list[dict[str, Any]](), list[bytes](), threading.Event()

    def answer(body: bytes) -> Reply:
        if waits:
            end.wait()
        code = status()
        if code == 200:
            bodies.append(msgspec.json.decode(body))
        else:
            refused.append(body)
        return Reply(b"", code, (("Location", "http://127.0.0.1:1/elsewhere"),))

    with serving(answer) as url:
        try:
            yield Endpoint(f"{url}/{CANARY}?key={CANARY}", bodies, refused)
        finally:
            end.set()
