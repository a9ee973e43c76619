"""`/v1/events` and `/v1/events/{position}`: the log itself."""

from typing import Any

import httpx
import pytest

from api import event_log
from tests.projections.tables import select

pytestmark = pytest.mark.slow

Json = dict[str, Any]


def read_events(client: httpx.Client, **filters: Any) -> list[Json]:
    """Every event that the filters let through, page by page."""
    found: list[Json] = []
    after: str | None = "0"
    while after is not None:
        answer = client.get("/v1/events", params={"limit": 200, **filters, "after": after})
        assert answer.status_code == httpx.codes.OK, answer.text
        page = answer.json()
        found += page["items"]
        after = page["next"]
    return found


def positions_of(url: str, query: str) -> list[int]:
    """The positions that a query selects, in order."""
    return [row["position"] for row in select(url, f"{query} ORDER BY position")]


def test_pages_hold_the_whole_log_in_its_order(
    recorded_client: httpx.Client, recorded_url: str
) -> None:
    """Given no filter, then every row of the log comes once, orphaned ones marked."""
    found = read_events(recorded_client)

    everything = "SELECT notification_id AS position FROM log.stored_event"
    assert [event["position"] for event in found] == positions_of(recorded_url, everything)
    orphaned = [event for event in found if event["orphaned"]]
    blocks = select(recorded_url, "SELECT hash FROM log.orphaned_block")
    assert orphaned
    assert {event["block_hash"] for event in orphaned} <= {block["hash"] for block in blocks}


@pytest.mark.parametrize(
    ("filters", "query"),
    [
        ({"type": "SeasonCreated"}, "SELECT position FROM log.season_created"),
        ({"type": "BlocksOrphaned"}, "SELECT position FROM log.blocks_orphaned"),
        (
            {"type": "PositionUpdate", "from_block": 120, "to_block": 140},
            "SELECT position FROM log.position_update WHERE block_number BETWEEN 120 AND 140",
        ),
        (
            {"type": "TokensSold", "orphaned": "true"},
            "SELECT position FROM log.tokens_sold WHERE orphaned",
        ),
        (
            {"type": "TokensSold", "orphaned": "false", "season": 2},
            """
            SELECT sold.position FROM log.tokens_sold AS sold
            INNER JOIN season ON season.curve = sold.contract
            WHERE season.season_id = 2 AND NOT sold.orphaned
            """,
        ),
        (
            {"type": "GrandClaimed", "season": 1},
            "SELECT position FROM log.grand_claimed WHERE season_id = 1",
        ),
    ],
)
def test_a_filter_lets_through_what_it_names(
    recorded_client: httpx.Client, recorded_url: str, filters: Json, query: str
) -> None:
    """Given filters, then the events are those that the typed views have of it."""
    found = [event["position"] for event in read_events(recorded_client, **filters)]

    assert found != []
    assert found == positions_of(recorded_url, query)


def test_a_player_is_found_in_any_argument(
    recorded_client: httpx.Client, recorded_url: str
) -> None:
    """Given a winner, then purchases, transfers, wins and claims of theirs are all there."""
    (claimed,) = select(recorded_url, "SELECT winner, contract FROM log.grand_claimed")

    of_player = read_events(recorded_client, player=claimed["winner"].upper().replace("X", "x"))
    of_contract = read_events(recorded_client, contract=claimed["contract"])

    types = {event["type"] for event in of_player}
    assert types >= {"PositionUpdate", "SofTransfer", "WinnersSelected", "GrandClaimed"}
    assert {event["contract"] for event in of_contract} == {claimed["contract"]}


@pytest.mark.parametrize("filters", [{}, {"from_block": 100, "to_block": 749}])
def test_a_rare_event_is_found_however_little_a_page_examines(
    recorded_client: httpx.Client,
    recorded_url: str,
    monkeypatch: pytest.MonkeyPatch,
    filters: Json,
) -> None:
    """Given pages that examine 100 positions, then all there is comes, over pages without any."""
    for name in ("SELECT_EXAMINED", "SELECT_EVENTS"):
        statement = getattr(event_log, name)
        few = statement.text.replace(str(event_log.EXAMINED_MAX), "100")
        assert few != statement.text
        monkeypatch.setattr(statement, "text", few)

    first = recorded_client.get("/v1/events", params={"type": "SeasonCompleted", **filters}).json()
    found = read_events(recorded_client, type="SeasonCompleted", **filters)

    assert (first["items"], first["next"]) == ([], "100")
    query = "SELECT position FROM log.season_completed"
    assert [event["position"] for event in found] == positions_of(recorded_url, query)


def test_an_event_says_all_there_is_of_it(recorded_client: httpx.Client, recorded_url: str) -> None:
    """Given a position, then header and arguments are there, exact, and what is reflected."""
    (bought,) = select(
        recorded_url,
        """
        SELECT position, block_number, log_index, tx_hash, contract, buyer, sof_amount
        FROM log.tokens_purchased WHERE sof_amount > 2 ^ 60 ORDER BY position LIMIT 1
        """,
    )

    answer = recorded_client.get(f"/v1/events/{bought['position']}").json()

    event = answer["event"]
    assert event["type"] == "TokensPurchased"
    for column in ("position", "block_number", "log_index", "tx_hash", "contract"):
        assert event[column] == bought[column]
    assert event["arguments"]["buyer"] == bought["buyer"]
    assert event["arguments"]["sof_amount"] == str(bought["sof_amount"])
    assert event["block_time"].endswith("Z")
    assert answer["block"]["number"] == 749


@pytest.mark.parametrize(
    ("path", "name", "told"),
    [
        ("/v1/events/0", "unknown-event", "posted up to position"),
        ("/v1/events/99999999", "unknown-event", "posted up to position"),
        ("/v1/events/first", "bad-position", "a whole number"),
        ("/v1/events?type=PositionUpdated", "unknown-type", "PositionUpdate"),
        ("/v1/events?season=77", "unknown-season", "no season 77"),
        ("/v1/events?player=me", "bad-address", "player"),
        ("/v1/events?colour=red", "unknown-parameter", "colour"),
    ],
)
def test_what_cannot_be_answered_says_why(
    recorded_client: httpx.Client, path: str, name: str, told: str
) -> None:
    """Given a position, a type or a season that is not there, then the problem says what is."""
    problem = recorded_client.get(path).json()

    assert problem["type"] == f"urn:daybook:{name}"
    assert told in problem["detail"]
