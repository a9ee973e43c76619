"""Box raffles: however the log was cut and the chains reorganised, the books are the events'."""

import random
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from projections.runner import Runner
from tests.projections.boxes import Books, fold, made_up_tape
from tests.projections.tables import read_tables, select
from tests.projections.tape import Block, Indexer, Tape

pytestmark = pytest.mark.slow

_FINALITY = 10  # blocks; made-up reorganisations are shallower
_BLOCKS = 60


def _post(runner: Runner) -> None:
    """Post everything that stands in the log."""
    while runner.post_next():
        pass


def _read_books(url: str) -> Books:
    """What the read models say, in the words of the naive fold."""
    named = "SELECT deployment, raffle_id, {} FROM {} JOIN box_raffle USING (raffle_key)"
    boxes = select(url, named.format("box.*", "box"))
    winners = select(
        url,
        named.format("box_winner.*", "box_winner") + " ORDER BY deployment, raffle_key, "
        "block_number, log_index",
    )
    participants = select(url, named.format("box_participant.*", "box_participant"))
    return Books(
        {_key(row): _some(row, _RAFFLE) for row in select(url, "SELECT * FROM box_raffle")},
        {(*_key(row), row["box_number"]): tuple(_some(row, _BOX).values()) for row in boxes},
        [tuple(_some(row, _WINNER).values()) for row in winners],
        {(*_key(row), row["player"]): _some(row, _PARTICIPANT) for row in participants},
        {
            (row["deployment"], row["seller"]): _some(row, _SALES)
            for row in select(url, "SELECT * FROM box_seller")
        },
    )


_RAFFLE = (
    "seller",
    "total_boxes",
    "box_price_wei",
    "winner_count",
    "status",
    "boxes_sold",
    "proceeds_wei",
    "full_block",
    "closed_block",
)
_BOX = ("player", "price_wei", "block_number", "log_index")
_WINNER = ("deployment", "raffle_id", "block_number", "log_index", "box_number", "player")
_PARTICIPANT = ("boxes", "spent_wei", "won", "block_number", "log_index")
_SALES = ("raffles", "cancelled", "boxes_sold", "proceeds_wei")


def _key(row: dict[str, Any]) -> tuple[str, int]:
    return row["deployment"], row["raffle_id"]


def _some(row: dict[str, Any], columns: tuple[str, ...]) -> dict[str, Any]:
    return {column: row[column] for column in columns}


def _expected(tapes: dict[str, Tape]) -> Books:
    """The books of the blocks that are left."""
    books = fold(
        {
            deployment: [event for block in tape.canonical for event in block.events]
            for deployment, tape in tapes.items()
        }
    )
    return books._replace(winners=sorted(books.winners))


@pytest.mark.parametrize("seed", range(3))
def test_the_books_are_those_of_the_events_that_are_left(
    url: str, runner: Runner, replay: Callable[[], int], seed: int
) -> None:
    """Given two chains that reorganise, when posted at random moments, then the books agree."""
    chance = random.Random(seed)
    tapes = {
        "boxes": made_up_tape(seed, chain_id=1, blocks=_BLOCKS),
        "others": made_up_tape(seed, chain_id=2, blocks=_BLOCKS),
    }
    often = chance.choice((0.05, 0.3))
    with ExitStack() as stack:
        indexers = [
            stack.enter_context(Indexer(url, tape, deployment=name)) for name, tape in tapes.items()
        ]
        for ordinal, indexer in enumerate(indexers):
            indexer.open(ordinal=ordinal)
        for indexer, block in _shuffled(indexers, list(tapes.values()), chance):
            indexer.follow(block, finality=_FINALITY)
            if chance.random() < often:
                _post(runner)
    _post(runner)

    assert _read_books(url) == _expected(tapes)
    assert read_tables(url, runner.generation.number) == read_tables(url, replay())


def _shuffled(
    indexers: list[Indexer], tapes: list[Tape], chance: random.Random
) -> list[tuple[Indexer, Block]]:
    """The blocks of all chains, each chain's in its own order."""
    turns = [at for at, tape in enumerate(tapes) for _ in tape.blocks]
    chance.shuffle(turns)
    blocks = [iter(tape.blocks) for tape in tapes]
    return [(indexers[at], next(blocks[at])) for at in turns]


def test_final_ranges_of_any_width_give_the_same_books(url: str, runner: Runner) -> None:
    """Given a back-fill in ranges of random widths, when posted between, then the books agree."""
    chance = random.Random(9)
    tape = made_up_tape(9, chain_id=1, blocks=_BLOCKS)
    blocks = tape.canonical
    with Indexer(url, tape, deployment="boxes") as indexer:
        indexer.open()
        while blocks:
            width = chance.randint(1, 15)
            indexer.backfill(blocks[:width], width=width, finalized=_BLOCKS)
            blocks = blocks[width:]
            _post(runner)

    assert _read_books(url) == _expected({"boxes": tape})


def test_raffles_are_keyed_in_the_order_of_their_creation(url: str, runner: Runner) -> None:
    """Given raffles of a chain, then their keys are 1, 2, 3 … as the log has them."""
    tape = made_up_tape(5, chain_id=1, blocks=_BLOCKS)
    with Indexer(url, tape, deployment="boxes") as indexer:
        indexer.open()
        indexer.backfill(tape.canonical, width=20, finalized=_BLOCKS)
    _post(runner)

    rows = select(url, "SELECT raffle_key, raffle_id FROM box_raffle ORDER BY raffle_key")
    assert len(rows) > 3
    assert [(row["raffle_key"], row["raffle_id"]) for row in rows] == [
        (number, number) for number in range(1, len(rows) + 1)
    ]
