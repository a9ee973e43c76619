"""Other worlds than the recorded one, generated from seeds: the same promises hold."""

from pathlib import Path

import pytest

from tests.e2e.daybook import daybook, served, simulated
from tests.e2e.truth import assert_answers

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_a_generated_world_equals_its_own_truth(
    tmp_path: Path, database_url: str, seed: int
) -> None:
    """Given a world from a seed, when run until the head, then every figure is the world's."""
    options = ("--seed", str(seed), "--seasons", "6", "--players", "40", "--trades", "1200")
    with simulated(tmp_path, *options) as node:
        result = daybook("run", "--until-head", "--config", node.config, database_url=database_url)
        assert result.returncode == 0, result.stderr

        with served(node, database_url) as api:
            assert_answers(api, node.call("daybook_truth"))


def test_a_generated_world_that_reorganises_equals_its_own_truth(
    tmp_path: Path, database_url: str
) -> None:
    """Given reorgs of many depths between runs, then the last branch alone counts."""
    options = ("--seed", "9", "--seasons", "4", "--players", "40", "--trades", "1500")
    with simulated(tmp_path, *options, "--start-at", "150") as node:
        for depth in (1, 5, 2, 30, 1, 64, 3):
            result = daybook(
                "run", "--until-head", "--config", node.config, database_url=database_url
            )
            assert result.returncode == 0, result.stderr
            node.call("daybook_reorg", depth)
            node.call("daybook_mine", 10)
        daybook("run", "--until-head", "--config", node.config, database_url=database_url)

        with served(node, database_url) as api:
            assert_answers(api, node.call("daybook_truth"))
