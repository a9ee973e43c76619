"""`daybook verify --chain`: what is served against contracts, the raffle's own account, hashes."""

import copy
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from rich.console import Console

from schema.settings import Settings
from scripts.cli import verify as command
from scripts.simulate.chain import GeneratedChain, Setting, generate
from scripts.simulate.node import INVALID_PARAMS, Limits, Node, RpcError
from scripts.simulate.run import configuration
from scripts.simulate.tape import TapeChain, read_calls
from scripts.verify_chain import Sampled, check_chains, print_checks
from scripts.verify_chain.check import BlockGoneError, StateGoneError
from scripts.verify_chain.findings import ChainCheck, Difference
from scripts.verify_chain.served import NothingServedError
from tests.indexer.indexing import index_to_head, query, settings_for
from tests.indexer.nodes import Reply, Spoil, honest, node_answer, serving
from tests.recorded import posting
from tests.scripts.logs import unguarded

pytestmark = pytest.mark.slow

_ALL = Sampled(None, 1)
_SERVER_ERROR = -32000


def generated() -> GeneratedChain:
    """A whole small world: a season of each fate, claims, rollovers, markets."""
    chain = generate(Setting(seed=11, seasons=3, players=12, trades=120))
    while not chain.is_over:
        chain.advance()
    return chain


@contextmanager
def following(world: GeneratedChain, database_url: str) -> Iterator[Callable[[], None]]:
    """Indexes and posts what the world's chain is now, whenever it is called."""
    with (
        serving(node_answer(Node(world, limits=Limits(30), calls={}))) as url,
        posting(database_url) as post,
    ):

        def follow() -> None:
            index_to_head(settings_for(url, world.contracts), database_url)
            post()

        yield follow


@pytest.fixture
def world() -> GeneratedChain:
    """A small world of the test's own."""
    return generated()


@pytest.fixture
def follow(world: GeneratedChain, database_url: str) -> Iterator[Callable[[], None]]:
    """Brings the test's own database to the head of its world, whenever it is called."""
    with following(world, database_url) as follow_now:
        yield follow_now


@pytest.fixture(scope="module")
def posted_world(module_database_url: str) -> GeneratedChain:
    """A small world that is posted in the module's database; only to be looked at."""
    world = generated()
    with following(world, module_database_url) as follow_now:
        follow_now()
    return world


@contextmanager
def endpoints(world: GeneratedChain, *spoils: Spoil) -> Iterator[Settings]:
    """A configuration with an endpoint for each way in which its answers are spoiled."""
    with ExitStack() as servers:
        nodes = [Node(world, limits=Limits(30), calls={}) for _ in spoils]
        answers = map(node_answer, nodes, spoils)
        urls = [servers.enter_context(serving(answer)) for answer in answers]
        yield settings_for(urls[0], world.contracts, rpc=urls)


def checked(settings: Settings, database_url: str, sampled: Sampled = _ALL) -> ChainCheck:
    """What checking the only chain comes to."""
    (check,) = check_chains(settings, database_url, sampled, lambda _: None)
    return check


def alter(database_url: str, statement: str) -> None:
    """Change rows of the generation that serves, as the database's owner."""
    (serving_row,) = query(database_url, "SELECT generation FROM daybook.serving")
    with unguarded(database_url) as owner:
        owner.execute(f"SET search_path = read_{serving_row['generation']}, log".encode())
        owner.execute(statement.encode())


@contextmanager
def altered(database_url: str, table: str, change: str, where: str) -> Iterator[None]:
    """Rows of a served read model are changed until left."""
    alter(database_url, f"CREATE TABLE public.kept AS SELECT * FROM {table} WHERE {where}")
    alter(database_url, f"UPDATE {table} SET {change} WHERE {where}")
    yield
    restore = f"DELETE FROM {table} WHERE {where}; INSERT INTO {table} SELECT * FROM public.kept"
    alter(database_url, f"{restore}; DROP TABLE public.kept")


def told(differences: list[Difference]) -> set[tuple[int | None, str, str, str]]:
    """Season, figure, and what either side says."""
    return {(each.about.season_id, each.figure, each.served, each.chain) for each in differences}


def zeroed(method: str, _parameters: list[Any], result: Any) -> Any:
    """An endpoint by which every contract holds nothing."""
    return "0x" + "0" * (len(result) - 2) if method == "eth_call" else result


def without_state(method: str, _parameters: list[Any], result: Any) -> Any:
    """An endpoint that has forgotten what contracts held."""
    if method == "eth_call":
        raise RpcError(
            _SERVER_ERROR, "missing trie node 5c1e (path ) state 0x5c1e is not available"
        )
    return result


def without_hashes(method: str, parameters: list[Any], result: Any) -> Any:
    """An endpoint that takes blocks by number only."""
    if method == "eth_call" and isinstance(parameters[1], dict):
        raise RpcError(INVALID_PARAMS, "invalid argument 1: cannot unmarshal object into string")
    return result


def test_the_recording_says_what_is_served_of_it(recording: Path, recorded_url: str) -> None:
    """Given the recorded calls at the last block, then every figure, update and hash is equal."""
    tape = TapeChain(recording / "tape.jsonl.gz")
    while tape.advance():
        pass
    calls = read_calls(recording / "calls.jsonl.gz")
    with serving(node_answer(Node(tape, limits=Limits(), calls=calls))) as url:
        check = checked(settings_for(url, tape.contracts), recorded_url)

    assert check.found == []
    assert (check.players, check.repeated, check.snapshots) == (126, 126, 3)
    assert check.calls == {
        "Curve.accumulatedFees": 5,
        "Curve.curveConfig": 5,
        "Curve.playerTickets": 126,
        "Market.feesCollected": 10,
        "PrizeDistributor.getSeason": 5,
        "PrizeDistributor.isConsolationClaimed": 42,
        "Raffle.getParticipantPosition": 126,
        "Raffle.getParticipants": 5,
        "Raffle.getSeasonDetails": 5,
        "Raffle.getSeasonSnapshot": 5,
        "Raffle.getWinners": 2,
        "RolloverEscrow.getCohortState": 5,
        "RolloverEscrow.getUserPosition": 42,
        "Token.balanceOf": check.calls["Token.balanceOf"],
        "Token.totalSupply": 5,
    }
    # Of some contracts that hold SOF the recording has no balance.
    (left_out,) = check.not_compared
    assert (left_out.what, left_out.count) == ("Token.balanceOf", 10)


def test_a_world_is_served_as_it_is_through_reorganisations(
    world: GeneratedChain, database_url: str, follow: Callable[[], None]
) -> None:
    """Given the head, then another branch, then a longer one, then each time all is equal."""
    with endpoints(world, honest, honest, honest) as settings:
        for depth in (0, 6, 20):
            if depth:
                world.reorg(depth)
                world.advance()
            follow()
            check = checked(settings, database_url)
            assert (check.found, check.dissents, check.not_compared) == ([], [], [])
            assert check.block_hash == world.blocks.head.hash
            assert check.snapshots == 2
            assert check.players == check.repeated > 20
    assert len(check.endpoints) == 3, "not all endpoints share the work"


def test_altered_rows_are_named_with_the_events_behind_them(
    database_url: str, world: GeneratedChain, follow: Callable[[], None]
) -> None:
    """Given rows that somebody altered, then exactly these differ, each with its events."""
    follow()
    (row,) = query(
        database_url,
        "SELECT player, count(*)::int AS updates, max(position) AS last "
        "FROM log.position_update WHERE season_id = 1 GROUP BY player ORDER BY player LIMIT 1",
    )
    mine = f"season_key = 1 AND player = '{row['player']}'"
    alter(database_url, f"UPDATE position SET tickets = 777777 WHERE {mine}")
    alter(database_url, "UPDATE curve SET reserves_wei = 5 WHERE season_key = 3")
    alter(database_url, "UPDATE snapshot SET tickets[1] = 1 WHERE season_key = 1")
    moved = "UPDATE participant SET player = 'nobody known' WHERE season_key = 1 AND place = 2"
    alter(database_url, moved)
    with endpoints(world, honest) as settings:
        check = checked(settings, database_url)

    figures = {(season, figure) for season, figure, *_ in told(check.found)}
    assert figures == {
        (1, "position.tickets"),
        (3, "curve.reserves_wei"),
        (1, "snapshot"),
        (1, "participant[2]"),
    }
    of_player = [each for each in check.found if each.figure == "position.tickets"]
    assert {each.about.player for each in of_player} == {row["player"]}
    assert {each.said_by for each in of_player} == {
        "Raffle.getParticipantPosition at local-1",
        "Curve.playerTickets at local-1",
        "the raffle's last PositionUpdate",
    }
    events = of_player[0].events
    assert row["last"] in [each.position for each in events]
    assert {each.event for each in events} >= {"PositionUpdate", "RafflePositionUpdate"}
    assert of_player[0].events_in_all == 3 * row["updates"]
    assert of_player[0].explained_by == f"daybook explain position raffles:1 {row['player']}"


def test_a_player_that_can_be_none_is_a_difference_too(
    module_database_url: str, posted_world: GeneratedChain
) -> None:
    """Given a position of what is no address, then it is named, and no contract asked."""
    insert = """
        INSERT INTO position
        SELECT (jsonb_populate_record(held, '{"player": "nobody"}')).*
        FROM position AS held WHERE season_key = 1 LIMIT 1
    """
    with endpoints(posted_world, honest) as settings:
        alter(module_database_url, insert)
        check = checked(settings, module_database_url)
        alter(module_database_url, "DELETE FROM position WHERE player = 'nobody'")
    assert {
        (each.about.player, each.figure, each.chain)
        for each in check.found
        if each.figure.startswith("position")
    } >= {
        ("nobody", "position.tickets", "not an address"),
        ("nobody", "position.block_number", "not an address"),
        ("nobody", "position.tickets", "nothing"),
    }


def test_what_the_log_lost_of_the_raffles_account_is_found(
    database_url: str, world: GeneratedChain, follow: Callable[[], None]
) -> None:
    """Given raffle updates that were altered, doubled or deleted, then their players are named."""
    follow()
    rows = query(
        database_url,
        "SELECT DISTINCT ON (player) position, player FROM log.raffle_position_update "
        "WHERE season_id = 3 ORDER BY player, position DESC LIMIT 3",
    )
    altered, totalled, deleted = (row["position"] for row in rows)
    update = "UPDATE log.stored_event SET state = jsonb_set(state, '{{{}}}', '99999')"
    alter(database_url, f"{update.format('new_tickets')} WHERE notification_id = {altered}")
    alter(database_url, f"{update.format('total_tickets')} WHERE notification_id = {totalled}")
    alter(database_url, f"DELETE FROM log.stored_event WHERE notification_id = {deleted}")
    with endpoints(world, honest) as settings:
        check = checked(settings, database_url)

    found = {each.about.player: each for each in check.found}
    assert set(found) == {row["player"] for row in rows}
    assert found[rows[0]["player"]].chain == "99999"
    assert found[rows[1]["player"]].chain == "as many, but others"
    assert "PositionUpdate" in found[rows[2]["player"]].said_by


def test_an_endpoint_that_lies_is_told_and_read_models_are_not_blamed(
    module_database_url: str, posted_world: GeneratedChain
) -> None:
    """Given one of three that lies, then it is named, and of the read models only what is wrong."""
    with endpoints(posted_world, honest, zeroed, honest) as settings:
        whole = checked(settings, module_database_url)
        with altered(module_database_url, "curve", "fees_held_wei = 5", "season_key = 3"):
            broken = checked(settings, module_database_url)

    assert whole.differences == 0
    (dissent,) = whole.dissents
    assert dissent.endpoint == "local-2"
    assert set(dissent.contradicted_by) == {"local-1", "local-3"}
    (difference,) = broken.found
    assert difference.figure == "curve.fees_held_wei"
    assert "local-1, local-3" in difference.said_by.split(";")[0]
    assert "local-2: fees 0" in difference.said_by


def test_an_endpoint_without_the_state_is_passed_over(
    module_database_url: str, posted_world: GeneratedChain
) -> None:
    """Given one that keeps no state and one that does, then that one answers everything."""
    with endpoints(posted_world, without_state, honest) as settings:
        check = checked(settings, module_database_url)
    assert (check.found, list(check.endpoints)) == ([], ["local-2"])


def test_a_state_that_nobody_keeps_is_told_with_the_next_step(
    module_database_url: str, posted_world: GeneratedChain
) -> None:
    """Given no endpoint with the state, then the block is named, and an archive node asked for."""
    number = posted_world.blocks.head.number
    with (
        endpoints(posted_world, without_state) as settings,
        pytest.raises(StateGoneError, match=f"reflect block {number}.*missing trie.*archive node"),
    ):
        checked(settings, module_database_url)


def test_a_block_that_the_chain_left_is_told_with_the_next_step(
    module_database_url: str, posted_world: GeneratedChain
) -> None:
    """Given read models that did not follow a reorganisation, then that is what is said."""
    world = copy.deepcopy(posted_world)
    world.reorg(3)
    with (
        endpoints(world, honest) as settings,
        pytest.raises(BlockGoneError, match=r"(not have|has) block .*--until-head"),
    ):
        checked(settings, module_database_url)


def test_a_reorganisation_in_between_leads_to_the_new_block(
    database_url: str, world: GeneratedChain, follow: Callable[[], None]
) -> None:
    """Given the block gone when contracts are read, then they are at the one that came instead."""
    follow()
    began = threading.Lock()

    def moving(method: str, _parameters: list[Any], result: Any) -> Any:
        if method == "eth_call" and began.acquire(blocking=False):
            world.reorg(4)
            follow()
            raise RpcError(_SERVER_ERROR, "header for hash not found")
        return result

    with endpoints(world, moving) as settings:
        check = checked(settings, database_url)
    assert check.found == []
    assert check.block_hash == world.blocks.head.hash


def test_an_endpoint_that_takes_no_hash_is_asked_by_number(
    module_database_url: str, posted_world: GeneratedChain
) -> None:
    """Given one that refuses a block's hash, then it is asked by number, and all is equal."""
    with endpoints(posted_world, without_hashes) as settings:
        check = checked(settings, module_database_url)
    assert check.found == []
    assert sum(check.calls.values()) > 100


def test_batches_shrink_to_what_an_endpoint_takes(
    module_database_url: str, posted_world: GeneratedChain
) -> None:
    """Given an endpoint that refuses batches beyond seven, then they shrink, and all is equal."""
    sizes = []
    answer = node_answer(Node(posted_world, limits=Limits(30), calls={}))

    def refusing(body: bytes) -> Reply:
        requests = msgspec.json.decode(body)
        if isinstance(requests, list):
            sizes.append(len(requests))
            if len(requests) > 7:
                error = {"code": -32600, "message": "batch too large"}
                return Reply(msgspec.json.encode({"jsonrpc": "2.0", "id": None, "error": error}))
        return answer(body)

    with serving(refusing) as url:
        check = checked(settings_for(url, posted_world.contracts), module_database_url)
    assert check.found == []
    assert max(sizes) <= 100
    assert sizes.count(7) > 10, "what is taken was not found"


def test_a_sample_of_players_is_chosen_by_its_seed(
    module_database_url: str, posted_world: GeneratedChain
) -> None:
    """Given so many players of a season, then no more are looked up, but all updates compared."""
    with endpoints(posted_world, honest) as settings:
        check = checked(settings, module_database_url, Sampled(2, 5))
    assert check.players == check.calls["Curve.playerTickets"] == 6
    assert check.repeated == check.players_in_all > 20

    console = Console(width=200)
    with console.capture() as shown:
        print_checks(console, [check])
    assert "--seed 5 chooses the same ones" in shown.get()


def test_read_models_that_stopped_are_left_out_and_told(
    module_database_url: str, posted_world: GeneratedChain
) -> None:
    """Given one that stopped long ago, then it is not compared with the newest block."""
    stop = (
        "INSERT INTO daybook.stopped_read_model (generation, read_model, position, culprit, reason)"
        " SELECT generation, 'prize', 7, 'prize', 'poison' FROM daybook.serving"
    )
    with (
        endpoints(posted_world, honest) as settings,
        altered(module_database_url, "prize", "grand_amount_wei = 1", "season_key = 1"),
    ):
        alter(module_database_url, stop)
        check = checked(settings, module_database_url)
        alter(module_database_url, "DELETE FROM daybook.stopped_read_model")
    assert check.found == []
    assert {each.what for each in check.not_compared} == {"prize"}
    assert "position 7" in check.not_compared[0].reason


def test_what_a_contract_does_not_answer_is_told_and_no_difference(
    module_database_url: str, posted_world: GeneratedChain
) -> None:
    """Given contracts without some function, then it is named with its reason."""

    def without_function(method: str, parameters: list[Any], result: Any) -> Any:
        if method == "eth_call" and parameters[0]["data"].startswith("0xeaa8108f"):
            raise RpcError(3, "execution reverted")
        return result

    with endpoints(posted_world, without_function, without_function) as settings:
        check = checked(settings, module_database_url)
    assert check.found == []
    (left_out,) = check.not_compared
    assert (left_out.what, left_out.count) == ("Curve.playerTickets", check.players)
    assert "execution reverted" in left_out.reason


def test_without_read_models_the_next_step_is_told(
    database_url: str, world: GeneratedChain
) -> None:
    """Given a log of which nothing is posted, then that is said."""
    with (
        endpoints(world, honest) as settings,
        pytest.raises(NothingServedError, match="run --until-head"),
    ):
        checked(settings, database_url)


def test_the_command_tells_by_its_exit_code_and_shows_what_differs(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    module_database_url: str,
    posted_world: GeneratedChain,
) -> None:
    """Given what is typed, then 0 while all is equal and 1 after, in words and as JSON."""
    monkeypatch.setenv("DAYBOOK_DATABASE_URL", module_database_url)
    config = tmp_path / "daybook.toml"
    with endpoints(posted_world, honest) as settings:
        config.write_text(configuration(settings.chain[0].rpc[0], posted_world.contracts))
        arguments = ["--config", str(config), "--chain"]

        equal = CliRunner().invoke(command, arguments)
        assert equal.exit_code == 0, equal.output
        assert (
            f"ok: simulated: generation 1 at block {posted_world.blocks.head.number:,}"
            in equal.output
        )

        with altered(module_database_url, "season", "name = '[red]x'", "season_key = 2"):
            differing = CliRunner().invoke(command, arguments)
            as_json = CliRunner().invoke(command, [*arguments, "--json"])
    assert "[red]x" in differing.output
    assert "Differences between read models and chain simulated: 1" in differing.output
    assert str(differing.exception).startswith("1 difference between read models and chain")
    document = msgspec.json.decode(as_json.stdout)
    assert (document["ok"], document["log"]) == (False, None)
    assert document["chains"][0]["found"][0]["figure"] == "season.name"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--players", "5"], "--chain"),
        (["--chain", "--players", "none"], "number of players"),
        (["--chain", "--players", "0"], "number of players"),
        (["--chain", "--sample", "5"], "--against-chain"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    """Given options that do not go together, or are none, then exit code 2 and what to do."""
    config = str(tmp_path / "daybook.toml")
    result = CliRunner().invoke(command, ["--config", config, *arguments], terminal_width=200)
    assert result.exit_code == 2
    assert said in result.output
