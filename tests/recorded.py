"""The recorded chain in a log of its own, posted: one for all tests that only read it."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from projections.generations import install_control, open_generation
from projections.runner import Runner
from schema.database import connect
from tests.projections.tape import Block, Indexer, Tape

FINALITY = 10  # blocks; the tape's deepest reorganisation is 6
_RANGE = 50


@contextmanager
def posting(database_url: str) -> Iterator[Callable[[], None]]:
    """Posts everything that stands in the log, whenever it is called."""
    with connect(database_url, role=None, application_name="test owner") as owner:
        install_control(owner)
    session = connect(database_url, role="daybook_projector", application_name="test")
    with closing(session):
        runner = Runner(session, open_generation(session))

        def post() -> None:
            while runner.post_next():
                pass

        yield post


def record(database_url: str, tape: Tape) -> None:
    """Append the tape and post it."""
    for _ in append(database_url, tape):
        pass
    with posting(database_url) as post:
        post()


def append(database_url: str, tape: Tape) -> Iterator[int]:
    """Append the tape: far from reorganisations in ranges, else block by block.

    Gives, after each, how many of the tape's blocks are appended.
    """
    with Indexer(database_url, tape) as indexer:
        indexer.open()
        appended = 0
        for blocks in _stretches(tape):
            if len(blocks) == 1:
                indexer.follow(blocks[0], finality=FINALITY)
            else:
                finalized = max(blocks[0].number - FINALITY, indexer.chain.finalized)
                indexer.backfill(blocks, width=_RANGE, finalized=finalized)
            appended += len(blocks)
            yield appended


def _stretches(tape: Tape) -> Iterator[list[Block]]:
    forks = fork_places(tape)
    begin = 0
    for fork in [*forks, len(tape.blocks)]:
        until = max(begin, fork - FINALITY)
        if begin < until:
            yield list(tape.blocks[begin:until])
        for block in tape.blocks[until : fork + 1]:
            yield [block]
        begin = fork + 1


def fork_places(tape: Tape) -> list[int]:
    """Where in the tape a block stands that replaces one before it."""
    numbers = [block.number for block in tape.blocks]
    return [at for at in range(1, len(numbers)) if numbers[at] <= numbers[at - 1]]
