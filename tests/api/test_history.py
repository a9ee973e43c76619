"""`at_block` and `as_known_at`: what the api answers about earlier moments."""

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from api.database import Statement
from api.history import MADE_ANEW, then
from api.moments import Moment
from schema.database import connect
from schema.read_models import READ_MODELS, generation_schema
from schema.read_models.seasons import CANCELLED
from scripts.simulate.chain import Setting, generate
from scripts.simulate.node import Limits, Node
from tests.indexer.indexing import index_to_head, settings_for
from tests.indexer.nodes import node_answer, serving
from tests.projections.tables import select
from tests.projections.tape import Tape
from tests.recorded import append, fork_places, posting

Json = dict[str, Any]
_SEASONS = range(1, 6)


@pytest.fixture
def post(database_url: str) -> Iterator[Callable[[], None]]:
    """Posts everything that stands in the log."""
    with posting(database_url) as post_all:
        yield post_all


def ask(client: httpx.Client, path: str, **parameters: Any) -> Json:
    """What a path answers; nothing where there is no such thing at that moment."""
    answer = client.get(path, params=parameters)
    if answer.status_code == httpx.codes.NOT_FOUND:
        return {}
    assert answer.status_code == httpx.codes.OK, answer.text
    body: Json = answer.json()
    return body


class Questions:
    """All that takes a moment, asked of a posted log."""

    def __init__(self, client: httpx.Client, url: str, players: int = 2) -> None:
        self._client = client
        self._url = url
        self._players = players

    def players(self) -> list[str]:
        """Some players: those who traded last."""
        query = (
            f"SELECT player FROM position ORDER BY block_number DESC, player LIMIT {self._players}"
        )
        return [row["player"] for row in select(self._url, query)]

    def answers(self, players: list[str], **moment: int) -> Json:
        """What is answered now or about a moment; but for what is always of today."""
        asked: list[tuple[str, Json]] = [
            *((f"/v1/players/{player}/positions", {}) for player in players),
            *((f"/v1/seasons/{season}", {}) for season in _SEASONS),
            *((f"/api/raffle/holders/season/{season}", {}) for season in _SEASONS),
        ]
        for by in ("tickets", "net"):
            query = {"by": by, "limit": 200}
            asked += [(f"/v1/seasons/{season}/leaderboard", query) for season in _SEASONS]
        answers = {
            f"{path} {query}": ask(self._client, path, **query, **moment) for path, query in asked
        }
        curves = [answer["curve"] for answer in answers.values() if "curve" in answer]
        answers |= {
            curve: ask(self._client, f"/api/curve/{curve}/state", **moment) for curve in curves
        }
        for answer in answers.values():
            (answer.get("block") or {}).pop("finalized", None)
        return answers

    def log_position(self) -> int:
        """The last one."""
        rows = select(self._url, "SELECT max(notification_id) AS last FROM log.stored_event")
        last: int = rows[0]["last"]
        return last


@pytest.mark.slow
def test_every_checkpoint_of_the_recording_is_answered(
    recorded_client: httpx.Client, recording: Path
) -> None:
    """Given the whole recording, when asked at_block, then it is what the contracts said then."""
    for checkpoint in json.loads((recording / "checkpoints.json").read_text()):
        for season in _SEASONS:
            path, told = f"/v1/seasons/{season}", checkpoint["seasons"].get(str(season))
            found = ask(recorded_client, path, at_block=checkpoint["block"])
            assert bool(found) == bool(told)
            if told:
                assert found["block"]["number"] == checkpoint["block"]
                assert found["block"]["hash"] in {checkpoint["hash"], None}
                _assert_is_as_told(recorded_client, found, checkpoint["block"], told)


def _assert_is_as_told(client: httpx.Client, found: Json, block: int, told: Json) -> None:
    season = found["season_id"]
    curve = ask(client, f"/api/curve/{found['curve']}/state", at_block=block)
    board = ask(client, f"/v1/seasons/{season}/leaderboard", at_block=block, limit=200)
    holders = ask(client, f"/api/raffle/holders/season/{season}", at_block=block)
    held = {player: int(tickets) for player, tickets in told["tickets"].items() if int(tickets)}
    assert found["status"] == told["status"]
    assert found["total_tickets"] == curve["supply"] == int(told["totalTickets"])
    assert found["total_participants"] == holders["totalHolders"] == told["totalParticipants"]
    assert found["reserves_wei"] == curve["reserves_wei"] == told["sofReserves"]
    assert curve["fees_held_wei"] == told["accumulatedFees"]
    assert holders["totalTickets"] == int(told["totalTickets"])
    assert {row["player"]: row["tickets"] for row in board["items"]} == held
    for player in list(held)[:1]:
        positions = ask(client, f"/v1/players/{player}/positions", at_block=block)["items"]
        own = [row for row in positions if (row["player"], row["season_id"]) == (player, season)]
        assert [row["tickets"] for row in own] == [held[player]]


@pytest.mark.slow
def test_the_newest_block_is_answered_as_now_is(
    recorded_client: httpx.Client, recorded_url: str
) -> None:
    """Given the head's number or position, then every answer is as without it."""
    questions = Questions(recorded_client, recorded_url)
    players = questions.players()

    now = questions.answers(players)

    assert now == questions.answers(players, at_block=749)
    assert now == questions.answers(players, as_known_at=questions.log_position())
    assert now["/v1/seasons/2 {}"]["status"] == CANCELLED


@pytest.mark.slow
def test_what_was_believed_is_what_was_answered_then(
    database_url: str, client: httpx.Client, recorded_tape: Tape, post: Callable[[], None]
) -> None:
    """Given answers around the recording's reorganisations, then as_known_at gives them again."""
    questions = Questions(client, database_url, players=1)
    forks = fork_places(recorded_tape)
    moments = {at + step for at in forks for step in (-4, 0, 1)} | {len(recorded_tape.blocks)}
    believed: list[tuple[int, list[str], Json]] = []
    for appended in append(database_url, recorded_tape):
        if appended in moments:
            post()
            players = questions.players()
            believed.append((questions.log_position(), players, questions.answers(players)))

    assert len(forks) == 3
    assert len(believed) == len(moments)
    for position, players, answers in believed:
        assert questions.answers(players, as_known_at=position) == answers


@pytest.mark.slow
@pytest.mark.parametrize("seed", [5])
def test_any_branch_that_a_world_took_can_be_asked_for(
    database_url: str, client: httpx.Client, post: Callable[[], None], seed: int
) -> None:
    """Given a world that forks and returns, then what was answered of each branch still is."""
    chance = random.Random(seed)
    chain = generate(Setting(seed=seed, seasons=2, players=8, trades=300))
    for _ in range(40):
        chain.advance()
    questions = Questions(client, database_url, players=1)
    believed: list[tuple[int, list[str], Json]] = []
    node = Node(chain, limits=Limits(25), calls={})
    with serving(node_answer(node)) as url:
        settings = settings_for(url, chain.contracts)
        for _ in range(6):
            index_to_head(settings, database_url)
            post()
            players = questions.players()
            believed.append((questions.log_position(), players, questions.answers(players)))
            chance.choice([chain.go_back if believed[1:] else chain.advance, chain.advance])()
            chain.reorg(chance.randint(2, 8))
        index_to_head(settings, database_url)
    post()

    assert len(select(database_url, "SELECT FROM orphaned_trade")) > 10
    for position, players, answers in believed:
        assert questions.answers(players, as_known_at=position) == answers


@pytest.mark.slow
def test_half_a_range_was_never_believed(recorded_client: httpx.Client, recorded_url: str) -> None:
    """Given a position amid a range, then the answer is of the last whole one before it."""
    (trade,) = select(
        recorded_url, "SELECT position FROM trade ORDER BY position OFFSET 1000 LIMIT 1"
    )
    (before,) = select(
        recorded_url,
        f"SELECT max(position) AS end FROM log.range_indexed WHERE position < {trade['position']}",
    )

    season = ask(recorded_client, "/v1/seasons/1", as_known_at=trade["position"])

    assert season["position"] == before["end"] < trade["position"]
    assert season == ask(recorded_client, "/v1/seasons/1", as_known_at=before["end"])


@pytest.mark.slow
def test_both_together_ask_what_was_believed_of_a_block(
    recorded_client: httpx.Client, recorded_url: str
) -> None:
    """Given a block that was left, then it has another hash and other trades as known before."""
    (left,) = select(
        recorded_url,
        """
        SELECT block.hash, block.number, block.position, sum(trade.tickets) AS tickets
        FROM log.orphaned_block AS block
        INNER JOIN orphaned_trade AS trade
            ON trade.block_number = block.number AND trade.orphaned_at = block.position
        GROUP BY block.hash, block.number, block.position
        ORDER BY tickets DESC LIMIT 1
        """,
    )
    moment = {"at_block": left["number"]}

    believed = ask(recorded_client, "/v1/seasons/1", as_known_at=left["position"] - 1, **moment)
    now = ask(recorded_client, "/v1/seasons/1", **moment)

    assert believed["block"]["hash"] == left["hash"] != now["block"]["hash"]
    assert believed["block"]["number"] == now["block"]["number"] == left["number"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "moment", "name", "told"),
    [
        ("/v1/seasons/1", {"at_block": 750}, "unknown-block", "blocks 0 to 749"),
        ("/v1/seasons/1", {"at_block": 700, "as_known_at": 2000}, "unknown-block", "0 to"),
        ("/v1/seasons/1", {"as_known_at": 10**9}, "unknown-position", "up to position 1"),
        ("/v1/seasons/1", {"as_known_at": 1}, "unknown-position", "its first range"),
        ("/v1/seasons/5", {"at_block": 51}, "not-yet", "created later"),
        ("/v1/seasons/99", {"at_block": 51}, "unknown-season", "no season 99"),
        ("/v1/seasons/1", {"at_block": -1}, "bad-request", "at_block"),
    ],
)
def test_a_moment_that_never_was_is_refused(
    recorded_client: httpx.Client, path: str, moment: Json, name: str, told: str
) -> None:
    """Given no such block, position or season then, then the problem says what there is."""
    problem = recorded_client.get(path, params=moment).json()

    assert problem["type"] == f"urn:daybook:{name}"
    assert told in problem["detail"]


@pytest.mark.slow
@pytest.mark.parametrize("table", sorted(MADE_ANEW))
def test_tables_of_the_past_have_the_columns_of_now(recorded_url: str, table: str) -> None:
    """Given a table that is made anew for a moment, then no column is missing."""
    text = then(
        Statement(msgspec.Struct, f"SELECT * FROM {{read}}.{table}"), seasons="SELECT 1"
    ).text.replace("{read}", generation_schema(1))

    with connect(recorded_url, role="daybook_api", application_name="test") as session:
        cursor = session.execute(text.encode(), Moment(100, None).parameters)
        columns = {column.name for column in cursor.description or ()}

    assert columns == {column.name for column in READ_MODELS.tables[table].columns}
