"""Reorganisations: whatever the chains did, the read models are those of what is left."""

import hashlib
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest

from projections.batch import UNIT_EVENTS_MAX
from projections.runner import Runner
from schema.events.curve import PositionUpdate
from tests.projections.tables import read_tables, select
from tests.projections.tape import Block, Indexer, Tape, read_tape

pytestmark = pytest.mark.slow

FINALITY = 10  # blocks; the tape's deepest reorganisation is 6


def _post(runner: Runner) -> int:
    """Post everything; how often it had to go back."""
    restored = 0
    while posted := runner.post_next():
        restored += posted.restored_to is not None
    return restored


def test_reorganisations_that_arrive_live_leave_what_a_replay_makes(
    url: str, tape: Tape, runner: Runner, replay: Callable[[], int]
) -> None:
    """Given the tape block by block, when each is posted at once, then it equals a replay."""
    restored = 0
    with Indexer(url, tape) as indexer:
        indexer.open()
        for block in tape.blocks:
            indexer.follow(block, finality=FINALITY)
            restored += _post(runner)

    assert restored == 3
    assert read_tables(url, runner.generation.number) == read_tables(url, replay())


def test_what_is_orphaned_before_it_is_posted_is_never_posted(
    url: str, tape: Tape, runner: Runner
) -> None:
    """Given a log with reorganisations, when caught up with, then nothing is ever taken back."""
    with Indexer(url, tape) as indexer:
        indexer.open()
        for block in tape.blocks:
            indexer.follow(block, finality=FINALITY)

    assert _post(runner) == 0
    assert len(select(url, "SELECT position FROM trade")) == 2_032


def test_a_chain_that_became_shorter_stands_at_its_fork(
    url: str, tape: Tape, runner: Runner, replay: Callable[[], int]
) -> None:
    """Given blocks that were left without others in their place, then the fork is the head."""
    fork = tape.canonical[55]
    with Indexer(url, tape) as indexer:
        indexer.open()
        for block in tape.canonical[:60]:
            indexer.follow(block, finality=FINALITY)
            _post(runner)
        indexer.leave(fork.number)
    _post(runner)

    chain = select(url, "SELECT block_number, block_hash FROM chain")
    assert chain == [{"block_number": fork.number, "block_hash": fork.hash}]
    assert select(url, "SELECT FROM trade WHERE block_number > 55") == []
    assert read_tables(url, runner.generation.number) == read_tables(url, replay())


def test_a_deep_reorganisation_never_shows_an_earlier_position(
    url: str, tape: Tape, runner: Runner
) -> None:
    """Given more to post again than a unit holds, then one transaction posts it all the same."""
    with Indexer(url, tape) as indexer:
        indexer.open()
        for block in tape.canonical[:300]:
            indexer.follow(block, finality=300)
            _post(runner)
        before = select(url, "SELECT position FROM daybook.serving")[0]["position"]
        indexer.leave(60)

    posted = runner.post_next()

    assert posted is not None
    assert posted.restored_to is not None
    assert posted.batch.last - posted.restored_to > UNIT_EVENTS_MAX
    assert posted.batch.last == before + 1


@pytest.mark.parametrize("seed", range(2))
def test_the_result_does_not_depend_on_how_the_log_was_cut(
    url: str, tape: Tape, runner: Runner, replay: Callable[[], int], seed: int
) -> None:
    """Given the tape, when posted at random moments, then it equals a replay in one go."""
    chance = random.Random(seed)
    often = chance.choice((0.02, 0.1, 0.5))
    with Indexer(url, tape) as indexer:
        indexer.open()
        for block in tape.blocks:
            indexer.follow(block, finality=FINALITY)
            if chance.random() < often:
                _post(runner)
    _post(runner)

    assert read_tables(url, runner.generation.number) == read_tables(url, replay())


def test_final_ranges_of_any_width_give_the_same(
    url: str, tape: Tape, runner: Runner, replay: Callable[[], int]
) -> None:
    """Given final ranges of random widths, when posted between them, then it equals a replay."""
    chance = random.Random(5)
    blocks = tape.canonical
    with Indexer(url, tape) as indexer:
        indexer.open()
        while blocks:
            taken, blocks = blocks[: (width := chance.randint(1, 60))], blocks[width:]
            indexer.backfill(taken, width=width, finalized=tape.canonical[-1].number)
            if chance.random() < 0.5:
                _post(runner)
    _post(runner)

    assert select(url, "SELECT unit FROM posted_unit") == []
    assert read_tables(url, runner.generation.number) == read_tables(url, replay())


def _variant(block: Block, parent_hash: str, branch: int) -> Block:
    """The block as another branch holds it: some of its trades failed there."""
    digest = hashlib.sha256(f"{block.hash} {parent_hash} {branch}".encode())
    block_hash = "0x" + digest.hexdigest()
    chance = random.Random(block_hash)
    traded = {event.tx_hash: None for event in block.events if isinstance(event, PositionUpdate)}
    failed = {tx_hash for tx_hash in traded if chance.random() < 0.3}
    events = tuple(
        msgspec.structs.replace(event, block_hash=block_hash)
        for event in block.events
        if event.tx_hash not in failed
    )
    return block._replace(hash=block_hash, parent_hash=parent_hash, events=events)


class _Wanderer:
    """A chain that keeps going back and taking other branches."""

    def __init__(self, indexer: Indexer, blocks: Sequence[Block], chance: random.Random) -> None:
        self._indexer = indexer
        self._blocks = blocks
        self._chance = chance

    def step(self) -> None:
        """One block further, or back to a fork and along another branch, or the same again."""
        head = self._head()
        if head >= 0 and self._chance.random() < 0.15:
            fork = max(self._indexer.chain.finalized, -1, head - self._chance.randint(1, 7))
            self._branch(fork + 1, self._chance.randint(1, head - fork + 1))
        elif head + 1 < len(self._blocks):
            self._branch(head + 1, 1)

    def _branch(self, first: int, length: int) -> None:
        for number in range(first, min(first + length, len(self._blocks))):
            # Few branches, so that a block which was left often comes back.
            block = _variant(self._blocks[number], self._parent(number), self._chance.randint(0, 1))
            self._indexer.follow(block, finality=FINALITY)

    def _parent(self, number: int) -> str:
        ends = {block.number: block.hash for block in self._indexer.chain.tail}
        assert self._indexer.chain.opened is not None
        return ends.get(number - 1, self._indexer.chain.opened.start_hash)

    def _head(self) -> int:
        head = self._indexer.chain.head
        return head.number if head else -1


@pytest.mark.parametrize("seed", range(2))
def test_random_reorganisations_leave_what_a_replay_makes(
    url: str, tape: Tape, runner: Runner, replay: Callable[[], int], seed: int
) -> None:
    """Given forks in forks and blocks that come back, when posted at any moment, it is a replay."""
    chance = random.Random(seed)
    blocks = tape.canonical[:260]
    restored = 0
    with Indexer(url, tape) as indexer:
        indexer.open()
        wanderer = _Wanderer(indexer, blocks, chance)
        for _ in range(280):
            wanderer.step()
            if chance.random() < 0.6:
                restored += _post(runner)
    _post(runner)

    assert restored > 10
    assert _blocks_that_came_back(url) > 0
    assert read_tables(url, runner.generation.number) == read_tables(url, replay())


def _blocks_that_came_back(url: str) -> int:
    return len(select(url, "SELECT position FROM log.orphaned_block WHERE attempt > 0"))


def test_a_reorganisation_of_one_chain_leaves_the_other_as_it_was(
    url: str, recording: Path, tape: Tape, runner: Runner, replay: Callable[[], int]
) -> None:
    """Given two chains with the same season numbers, then each has its own, through reorgs."""
    chance = random.Random(9)
    other = read_tape(recording, chain_id=424242)
    calm = other.canonical
    with Indexer(url, tape) as first, Indexer(url, other, deployment="elsewhere") as second:
        first.open()
        second.open(ordinal=1)
        for block in tape.blocks:
            first.follow(block, finality=FINALITY)
            if calm and chance.random() < 0.9:
                second.follow(calm.pop(0), finality=FINALITY)
            if chance.random() < 0.7:
                _post(runner)
        for block in calm:
            second.follow(block, finality=FINALITY)
    _post(runner)

    assert read_tables(url, runner.generation.number) == read_tables(url, replay())
    _assert_same_figures(url)


def _assert_same_figures(url: str) -> None:
    """Both chains hold the recording: the same figures, season by season."""
    by_chain = [
        select(
            url,
            f"""
            SELECT
                season.season_id, season.status, season.total_tickets, season.trades,
                season.spent_wei, season.prize_pool_wei, season.winners, curve.reserves_wei,
                position.player, position.tickets, position.buys, position.received_wei
            FROM season
            INNER JOIN curve USING (season_key)
            LEFT JOIN position USING (season_key)
            WHERE season.chain_id = {chain_id}
            ORDER BY season.season_id, position.player
            """,
        )
        for chain_id in (31337, 424242)
    ]
    assert len(by_chain[0]) == 128
    assert by_chain[0] == by_chain[1]
