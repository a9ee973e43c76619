"""`daybook replay`, `verify --read-models` and `status` as an operator types them."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from projections.generations import install_control
from schema.database import connect
from scripts.cli import main
from scripts.simulate.chain import GeneratedChain, Setting, generate
from scripts.simulate.node import Limits, Node
from tests.conftest import cloned
from tests.indexer.indexing import index_to_head, settings_for
from tests.indexer.nodes import node_answer, serving
from tests.projections.posting import as_owner, generations, post_to_end, with_dearer_tickets

pytestmark = pytest.mark.slow

Daybook = Callable[..., Result]


@pytest.fixture(scope="module")
def world() -> GeneratedChain:
    """A small world; tests must not let it grow."""
    chain = generate(Setting(seed=11, seasons=1, players=6, trades=30))
    while not chain.is_over:
        chain.advance()
    return chain


@pytest.fixture
def url(server_url: str, template: str, world: GeneratedChain) -> Iterator[str]:
    """A database that holds the world, posted."""
    with cloned(server_url, template) as made:
        with connect(made, role=None, application_name="test owner") as owner:
            install_control(owner)
        with serving(node_answer(Node(world, limits=Limits(10), calls={}))) as node:
            index_to_head(settings_for(node, world.contracts), made)
        post_to_end(made)
        yield made


@pytest.fixture
def daybook(url: str, world: GeneratedChain, tmp_path: Path) -> Daybook:
    """Runs a command on that database; the node is away."""
    config = tmp_path / "daybook.toml"
    contracts = "\n".join(f'{kind} = "{at}"' for kind, at in world.contracts.items())
    config.write_text(
        f'[[chain]]\nid = 31337\nname = "local"\nrpc = ["http://127.0.0.1:1"]\n'
        f'[[deployment]]\nname = "raffles"\nchain = 31337\n[deployment.contracts]\n{contracts}\n'
    )

    def run(command: str, *options: str) -> Result:
        return CliRunner().invoke(
            main,
            [command, "--config", str(config), *options],
            env={"DAYBOOK_DATABASE_URL": url, "COLUMNS": "160"},
        )

    return run


def _alter(url: str) -> None:
    """Somebody with every right changes a row that serves."""
    where = "WHERE position = (SELECT max(position) FROM read_1.trade)"
    assert as_owner(url, f"UPDATE read_1.trade SET fee_wei = fee_wei + 7 {where}") == 1


def test_a_replay_prints_what_it_did_and_the_way_back(daybook: Daybook) -> None:
    """Given what was posted, when replayed, then progress, comparison and swap are told."""
    done = daybook("replay")

    assert done.exit_code == 0, done.output
    assert "events/s" in done.output
    assert "0 of" in done.output
    assert "Generation 2 serves now. Back to generation 1: daybook replay --rollback" in done.output


def test_a_replay_as_json_is_one_object(daybook: Daybook, url: str) -> None:
    """Given --json, then one object tells every read model, and what was done."""
    told = json.loads(daybook("replay", "--json", "--no-swap").stdout)

    assert (told["swapped"], told["verdict"], told["same_folds"]) == (False, "not_asked", True)
    trade = next(
        each for each in told["comparison"]["read_models"] if each["read_model"] == "trade"
    )
    assert trade["rows_before"] == trade["rows_after"] > 0
    assert trade["digest_before"] == trade["digest_after"]
    assert generations(url) == {1: "serving", 2: "left"}


def test_an_altered_row_ends_with_1_and_the_row(daybook: Daybook, url: str) -> None:
    """Given a row changed by hand, then replay and verify name it, and say what to do."""
    _alter(url)

    done = daybook("replay")
    assert done.exit_code == 1
    assert "trade" in done.output
    assert "fee_wei" in done.output
    assert "daybook replay --accept-differences" in done.output
    assert generations(url) == {1: "serving", 2: "left"}

    found = daybook("verify", "--read-models", "--seed", "3", "--json")
    assert found.exit_code == 1
    told = msgspec.json.decode(found.stdout)
    assert (told["ok"], told["read_models"]["differences"]) == (False, 1)
    assert (told["log"], told["read_models"]["seed"]) == (None, 3)

    assert daybook("replay", "--accept-differences").exit_code == 0
    assert daybook("verify").exit_code == 0


def test_plain_verify_examines_the_log_and_posts_the_read_models_again(daybook: Daybook) -> None:
    """Given nothing asked for, then all that needs no node is verified, digests included."""
    done = daybook("verify")

    assert done.exit_code == 0, done.output
    assert "ok: local (31337)" in done.output
    assert "ok: read models:" in done.output
    assert "equal" in done.output


def test_status_tells_what_serves_and_why(daybook: Daybook, url: str) -> None:
    """Given other folds that were rolled back from, then status names them, and what to type."""
    assert "serving" in daybook("status").output
    post_to_end(url, with_dearer_tickets())
    demanded = daybook("status").output
    assert "replay" in demanded
    assert "differs in" in demanded

    assert daybook("replay", "--rollback").exit_code == 0
    post_to_end(url, with_dearer_tickets())
    models = json.loads(daybook("status", "--json").stdout)["read_models"]
    states = {
        each["number"]: (each["state"], each["rolled_back"]) for each in models["generations"]
    }
    assert states == {1: ("serving", False), 2: ("previous", True)}
    assert models["replay"] == "none"
    assert "rolled back from" in daybook("status").output


@pytest.mark.parametrize(
    "options", [("--rollback", "--no-swap"), ("--no-swap", "--accept-differences")]
)
def test_options_that_contradict_are_wrong_usage(tmp_path: Path, options: tuple[str, str]) -> None:
    """Given options that do not go together, then exit code 2."""
    config = str(tmp_path / "daybook.toml")

    assert CliRunner().invoke(main, ["replay", "--config", config, *options]).exit_code == 2
