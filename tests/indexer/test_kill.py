"""Killed at any moment and started again, an indexer ends where one ends that was left alone."""

import random
import subprocess
import sys
from itertools import pairwise

import msgspec
import pytest

from schema.settings import Settings
from scripts.simulate.chain import GeneratedChain
from scripts.simulate.node import Limits, Node
from tests.indexer.indexing import index_to_head, query, settings_for, stored_logs
from tests.indexer.nodes import Answer, Reply, node_answer, serving
from tests.indexer.truth import followed_logs

_KILLS = 6
_INDEX = """
import sys, threading
import msgspec
import indexer
from schema.settings import Settings

settings = msgspec.json.decode(sys.argv[1], type=Settings)
stop = threading.Event()
indexer.index(settings, sys.argv[2], until_head=True, stop=stop, report=lambda _: None)
"""


class Killing:
    """Answers as a node does, and kills the process that asks at its nth request."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._process: subprocess.Popen[bytes] | None = None
        self._requests_left = 0

    def __call__(self, body: bytes) -> Reply:
        """Answer, and kill who asked if it is time."""
        self._requests_left -= 1
        if self._requests_left == 0 and self._process is not None:
            self._process.kill()
        return self._answer(body)

    def index(self, settings: Settings, database_url: str, *, requests: int) -> None:
        """Index in a process of its own that may ask so often."""
        self._requests_left = requests
        arguments = [
            sys.executable,
            "-c",
            _INDEX,
            msgspec.json.encode(settings).decode(),
            database_url,
        ]
        with subprocess.Popen(arguments, stderr=subprocess.DEVNULL) as self._process:
            self._process.wait()
        self._process = None


@pytest.mark.slow
@pytest.mark.parametrize("finality_depth", [0, 10_000])
def test_killed_at_random_moments_the_end_is_the_same(
    world: GeneratedChain, database_url: str, finality_depth: int
) -> None:
    """Given kills at random requests, when started once more, then nothing is lost or twice."""
    moments = random.Random(finality_depth)
    node = Killing(node_answer(Node(world, limits=Limits(finality_depth), calls={})))
    with serving(node) as url:
        settings = settings_for(url, world.contracts)
        for _ in range(_KILLS):
            node.index(settings, database_url, requests=moments.randrange(3, 16))
        index_to_head(settings, database_url)
    assert stored_logs(database_url) == followed_logs(world.blocks, world.contracts)
    ranges = query(database_url, "SELECT first, last FROM log.range_indexed ORDER BY position")
    assert ranges[0]["first"] == 0
    assert all(later["first"] == earlier["last"] + 1 for earlier, later in pairwise(ranges))
