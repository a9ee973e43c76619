"""The recorded chain, with its three reorganisations, as a node's head saw it."""

import gzip
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from scripts.simulate.node import Limits, Node
from scripts.simulate.tape import TapeChain
from tests.indexer.indexing import (
    index_to_head,
    indexing,
    query,
    settings_for,
    stored_logs,
    wait_for_head,
)
from tests.indexer.nodes import node_answer, serving
from tests.indexer.truth import only_followed, stored_log

pytestmark = pytest.mark.slow


class Tape:
    """A recording that is played as far as a test wants."""

    def __init__(self, folder: Path) -> None:
        path = folder / "tape.jsonl.gz"
        with gzip.open(path) as lines:
            self.lines: list[dict[str, Any]] = [msgspec.json.decode(line) for line in lines]
        self.chain = TapeChain(path)
        self._played = 1  # a chain has its first block from the start

    def play(self, until: int) -> str:
        """Play the lines before this one; the hash of the head they leave."""
        for _ in range(self._played, until):
            self.chain.advance()
        self._played = max(until, self._played)
        return self.chain.blocks.head.hash

    def reorganisations(self) -> list[int]:
        """The lines whose number is not above their predecessor's."""
        numbers = [int(line["block"]["number"], 16) for line in self.lines]
        return [at for at in range(1, len(numbers)) if numbers[at] <= numbers[at - 1]]

    def logs(self, *, orphaned: bool) -> Counter[Any]:
        """The followed logs of blocks that the head left, or of those it kept."""
        every = [log for line in self.lines for tx in line["receipts"] for log in tx["logs"]]
        final = {
            block.hash
            for block in map(self.chain.blocks.at, range(len(self.chain.blocks)))
            if block
        }
        followed = only_followed(every, self.chain.contracts)
        return Counter(
            stored_log(log) for log in followed if (log["blockHash"] not in final) is orphaned
        )


@pytest.fixture
def tape(recording: Path) -> Tape:
    """The recording, at its first block."""
    return Tape(recording)


def test_a_tape_played_to_its_end_is_indexed_byte_for_byte(tape: Tape, database_url: str) -> None:
    """Given the whole tape, when it is indexed, then the log holds its canonical logs once."""
    tape.play(len(tape.lines))
    with serving(node_answer(Node(tape.chain, limits=Limits(), calls={}))) as url:
        index_to_head(settings_for(url, tape.chain.contracts), database_url)
    assert stored_logs(database_url) == tape.logs(orphaned=False)
    assert stored_logs(database_url, orphaned=True) == Counter()


def test_reorganisations_that_arrive_live_are_orphaned_and_replaced(
    tape: Tape, database_url: str
) -> None:
    """Given an indexer at the head, when branches are left, then their logs are marked so."""
    with serving(node_answer(Node(tape.chain, limits=Limits(), calls={}))) as url:
        settings = settings_for(url, tape.chain.contracts)
        with indexing(settings, database_url):
            for at in tape.reorganisations():
                wait_for_head(database_url, tape.play(at))
                wait_for_head(database_url, tape.play(at + 1))
            wait_for_head(database_url, tape.play(len(tape.lines)))
    assert stored_logs(database_url) == tape.logs(orphaned=False)
    assert stored_logs(database_url, orphaned=True) == tape.logs(orphaned=True)
    depths = query(
        database_url,
        "SELECT jsonb_array_length(blocks) AS depth FROM log.blocks_orphaned ORDER BY position",
    )
    assert [row["depth"] for row in depths] == [1, 3, 6]


def test_a_branch_left_while_the_indexer_was_down_is_orphaned_at_its_start(
    tape: Tape, database_url: str
) -> None:
    """Given an indexer stopped before each branch was left, when restarted, then it is right."""
    with serving(node_answer(Node(tape.chain, limits=Limits(), calls={}))) as url:
        settings = settings_for(url, tape.chain.contracts)
        for at in [*tape.reorganisations(), len(tape.lines)]:
            tape.play(at)
            index_to_head(settings, database_url)
    assert stored_logs(database_url) == tape.logs(orphaned=False)
    assert stored_logs(database_url, orphaned=True) == tape.logs(orphaned=True)
