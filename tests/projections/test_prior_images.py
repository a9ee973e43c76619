"""Prior images: kept for what may be orphaned, pruned when it is final, and never bypassed."""

import psycopg
import pytest

from projections.runner import Runner
from schema.database import connect
from schema.read_models import READ_MODELS
from tests.projections.tables import select
from tests.projections.tape import Indexer, Tape


def _follow(url: str, tape: Tape, runner: Runner, blocks: int) -> None:
    with Indexer(url, tape) as indexer:
        indexer.open()
        for block in tape.canonical[:blocks]:
            indexer.follow(block, finality=10)
            while runner.post_next():
                pass


def test_images_of_final_blocks_are_pruned(url: str, tape: Tape, runner: Runner) -> None:
    """Given 200 blocks posted live, then only images of the last few are kept."""
    _follow(url, tape, runner, 200)

    units = select(url, "SELECT min(unit) AS first, count(*) AS kept FROM posted_unit")[0]
    assert 10 <= units["kept"] <= 50
    for table in READ_MODELS.sorted_tables:
        older = select(url, f"SELECT unit FROM prior_{table.name} WHERE unit < {units['first']}")
        assert older == []


def test_every_touched_row_leaves_its_earliest_state(url: str, tape: Tape, runner: Runner) -> None:
    """Given blocks posted live, then each unit holds an image of the chain's row as it was."""
    _follow(url, tape, runner, 6)

    images = select(url, "SELECT present, block_number FROM prior_chain ORDER BY seq")
    assert images[0]["present"] is False
    assert [image["block_number"] for image in images[2:]] == [0, 1, 2, 3, 4]


def test_an_update_of_a_primary_key_is_refused(url: str, tape: Tape, runner: Runner) -> None:
    """Given a statement that would move a row to another key, then PostgreSQL refuses it."""
    _follow(url, tape, runner, 60)

    with (
        connect(url, role="daybook_projector", application_name="test") as session,
        pytest.raises(psycopg.errors.RaiseException, match="primary key of position"),
    ):
        session.execute("UPDATE read_1.position SET player = player")


def test_every_season_has_a_partition_of_its_own(url: str, tape: Tape, runner: Runner) -> None:
    """Given seasons, then each has its part of the trades, and its check."""
    _follow(url, tape, runner, 60)

    parts = select(
        url,
        """
        SELECT part.relname AS name, pg_get_expr(part.relpartbound, part.oid) AS bound
        FROM pg_inherits INNER JOIN pg_class AS part ON part.oid = inhrelid
        WHERE inhparent = 'trade'::regclass
        """,
    )
    seasons = select(url, "SELECT season_key FROM season")
    assert [(part["name"], part["bound"]) for part in parts] == [
        (f"trade_s{row['season_key']}", f"FOR VALUES IN ({row['season_key']})") for row in seasons
    ]
