"""The recorded chain's read models against what its contracts themselves say."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from schema.events.prize_distributor import ConsolationClaimed
from schema.events.rollover_escrow import RolloverDeposit
from tests.projections.tables import select
from tests.projections.tape import Indexer, Tape

pytestmark = pytest.mark.slow

Json = dict[str, Any]

_PHASES = {1: "open", 2: "active", 3: "closed"}


@pytest.fixture
def posted(url: str, tape: Tape, post: Callable[[], None]) -> str:
    """A database with the whole tape, as its head saw it, posted."""
    with Indexer(url, tape) as indexer:
        indexer.open()
        for block in tape.blocks:
            indexer.follow(block, finality=10)
    post()
    return url


@pytest.fixture(scope="session")
def truth(recording: Path) -> Json:
    """What the contracts' view functions answer at the last block."""
    return _load(recording, "truth.json")


def _load(recording: Path, name: str) -> Json:
    document: Json = json.loads((recording / name).read_text())
    return document


def _holders(tickets: dict[str, str]) -> dict[str, int]:
    return {player: int(held) for player, held in tickets.items() if int(held)}


def test_seasons_are_what_the_raffle_says(posted: str, truth: Json) -> None:
    """Given the whole tape, then every season's life, totals, pool and winners are the chain's."""
    rows = {int(row["season_id"]): row for row in select(posted, "SELECT * FROM season")}

    assert [str(season) for season in sorted(rows)] == sorted(truth["seasons"])
    for season in map(int, truth["seasons"]):
        row, expected = rows[season], truth["seasons"][str(season)]
        assert row["season_key"] == season
        assert row["name"] == expected["name"]
        assert row["status"] == expected["status"]
        assert row["start_time"] == int(expected["startTime"])
        assert row["end_time"] == int(expected["endTime"])
        assert row["raffle_token"] == expected["raffleToken"]
        assert row["curve"] == expected["bondingCurve"]
        assert row["total_tickets"] == int(expected["totalTickets"])
        assert row["total_participants"] == expected["totalParticipants"]
        assert row["prize_pool_wei"] == int(expected["totalPrizePool"])
        assert row["winners"] == expected["winners"]
        if int(expected["lockSnapshot"], 16):
            assert row["snapshot_hash"] == expected["lockSnapshot"]


def test_tickets_are_what_the_raffle_says(posted: str, truth: Json) -> None:
    """Given the whole tape, then every player's tickets and last block are the chain's."""
    rows = select(posted, "SELECT * FROM position INNER JOIN season USING (season_key)")
    for season, expected in truth["seasons"].items():
        of_season = [row for row in rows if row["season_id"] == int(season)]
        held = {row["player"]: int(row["tickets"]) for row in of_season if row["tickets"]}
        assert held == _holders(expected["tickets"])
        for row in of_season:
            assert row["block_number"] == expected["lastUpdateBlock"][row["player"]]


def test_curves_hold_what_the_chain_says(posted: str, truth: Json) -> None:
    """Given the whole tape, then reserves, fees held, supply and trading are the chain's."""
    rows = {row["season_key"]: row for row in select(posted, "SELECT * FROM curve")}
    for season, expected in truth["seasons"].items():
        row, curve = rows[int(season)], expected["curve"]
        assert row["reserves_wei"] == int(curve["sofReserves"])
        assert row["fees_held_wei"] == int(curve["accumulatedFees"])
        assert row["supply"] == int(curve["totalSupply"])
        assert (row["trading"] == "locked") == curve["tradingLocked"]
        assert (row["trading"] == "sell_only") == curve["sellOnly"]


def test_prizes_and_claims_are_what_the_distributor_says(posted: str, truth: Json) -> None:
    """Given the whole tape, then prizes and who claimed them are the chain's."""
    prizes = {row["season_key"]: row for row in select(posted, "SELECT * FROM prize")}
    claims = select(posted, "SELECT * FROM claim ORDER BY block_number, log_index")
    for season, expected in truth["seasons"].items():
        told = expected["prizes"]
        assert (int(season) in prizes) == told["funded"]
        if told["funded"]:
            row = prizes[int(season)]
            assert row["grand_winner"] == told["grandWinner"]
            assert row["grand_amount_wei"] == int(told["grandAmount"])
            assert row["consolation_amount_wei"] == int(told["consolationAmount"])
            assert row["total_participants"] == int(told["totalParticipants"])
            assert row["grand_claimed"] == told["grandClaimed"]
        taken = {
            row["player"]
            for row in claims
            if row["season_key"] == int(season) and row["kind"] == "CONSOLATION"
        }
        assert taken == set(told["consolationClaimed"])


def test_rolled_over_prizes_are_told_from_paid_ones(posted: str, truth: Json) -> None:
    """Given claims that went to the escrow, then they and only they are marked rolled over."""
    rolled = select(posted, "SELECT player FROM claim WHERE rolled_over ORDER BY player")

    assert [row["player"] for row in rolled] == sorted(truth["rollover"]["1"]["users"])


def test_a_prize_that_is_paid_beside_a_rolled_over_one_is_paid(
    url: str, tape: Tape, post: Callable[[], None]
) -> None:
    """Given two claims in one transaction, one of them rolled over, then the other is not."""
    at, rolling = next(
        (at, block)
        for at, block in enumerate(tape.canonical)
        if any(isinstance(event, RolloverDeposit) for event in block.events)
    )
    rolled = [event for event in rolling.events if isinstance(event, ConsolationClaimed)][-1]
    paid = msgspec.structs.replace(
        rolled, account="0x" + "77" * 20, log_index=rolling.events[-1].log_index + 1
    )
    both = rolling._replace(events=(*rolling.events, paid))
    with Indexer(url, tape) as indexer:
        indexer.open()
        indexer.backfill([*tape.canonical[:at], both], width=100, finalized=749)
    post()

    claims = select(url, f"SELECT * FROM claim WHERE tx_hash = '{rolled.tx_hash}'")
    by_player = {claim["player"]: claim["rolled_over"] for claim in claims}
    assert by_player[rolled.account] is True
    assert by_player[paid.account] is False


def test_rollovers_are_what_the_escrow_says(posted: str, truth: Json) -> None:
    """Given the whole tape, then cohorts and what each player carried over are the chain's."""
    cohorts = {row["season_key"]: row for row in select(posted, "SELECT * FROM rollover_cohort")}
    carried = select(posted, "SELECT * FROM rollover")
    for season, expected in truth["rollover"].items():
        of_season = {row["player"]: row for row in carried if row["season_key"] == int(season)}
        assert set(of_season) == set(expected["users"])
        for player, told in expected["users"].items():
            assert of_season[player]["deposited_wei"] == int(told["deposited"])
            assert of_season[player]["spent_wei"] == int(told["spent"])
            assert (of_season[player]["refunded_wei"] > 0) == told["refunded"]
        bonus = sum(row["bonus_wei"] for row in of_season.values())
        assert bonus == int(expected["totalBonusPaid"])
        assert (int(season) in cohorts) == (expected["phase"] > 0)
        if expected["phase"]:
            cohort = cohorts[int(season)]
            assert cohort["phase"] == _PHASES[expected["phase"]]
            assert cohort["bonus_bps"] == expected["bonusBps"]
            assert (cohort["next_season_id"] or 0) == expected["nextSeasonId"]


def test_accounts_belong_to_their_wallets(posted: str, truth: Json) -> None:
    """Given the whole tape, then every smart account has the owner that the chain says."""
    rows = select(posted, "SELECT account, owner FROM account")
    # Batching contracts have owners too, but no factory announced them.
    owners = {
        player: told["owner"] for player, told in truth["players"].items() if told["kind"] == "sma"
    }

    assert {row["account"]: row["owner"] for row in rows} == owners


def test_the_chain_stands_at_its_last_block(posted: str, truth: Json) -> None:
    """Given the whole tape, then the read models say which block they reflect."""
    rows = select(posted, "SELECT * FROM chain")

    assert [(row["chain_id"], row["block_number"], row["block_hash"]) for row in rows] == [
        (truth["chainId"], truth["block"], truth["blockHash"])
    ]


def test_sums_over_a_players_trades_are_those_of_an_independent_fold(
    posted: str, recording: Path
) -> None:
    """Given the whole tape, then counts, tickets, SOF and fees per player are as expected."""
    rows = select(posted, "SELECT * FROM position")
    positions = {(str(row["season_key"]), row["player"]): row for row in rows}
    expected = {
        (season, player): told
        for season, players in _load(recording, "expected.json").items()
        for player, told in players.items()
    }

    assert set(positions) == set(expected)
    for key, told in expected.items():
        row = positions[key]
        assert row["tickets"] == int(told["tickets"])
        assert (row["buys"], row["sells"]) == (told["buys"], told["sells"])
        assert (row["bought"], row["sold"]) == (int(told["bought"]), int(told["sold"]))
        assert row["spent_wei"] == int(told["sofSpent"])
        assert row["received_wei"] == int(told["sofReceived"])
        assert row["fees_wei"] == int(told["fees"])
        assert row["first_block_number"] == told["firstBlock"]
        assert row["block_number"] == told["lastBlock"]


def test_every_trade_is_there_once_and_none_that_was_orphaned(posted: str, recording: Path) -> None:
    """Given the whole tape, then the trades are the recorded ones, figure by figure, in order."""
    with gzip.open(recording / "trades.ndjson.gz", "rt") as lines:
        expected = [_trade(json.loads(line)) for line in lines]
    rows = select(posted, "SELECT * FROM trade ORDER BY block_number, log_index")

    assert len(rows) == 2_032
    assert [_figures(row) for row in rows] == sorted(expected, key=lambda told: told["order"])
    assert all(row["price_per_ticket_wei"] == row["sof_wei"] // row["tickets"] for row in rows)
    positions = [row["position"] for row in rows]
    assert positions == sorted(positions)


def _trade(told: Json) -> Json:
    return {
        "order": (told["block"], told["logIndex"]),
        "season": told["seasonId"],
        "kind": told["kind"],
        "player": told["player"],
        "payer": told["payer"],
        "amounts": [int(told[key]) for key in ("tickets", "sof", "fee")],
        "tickets": [int(told[key]) for key in ("oldTickets", "newTickets", "totalTickets")],
        "bps": told["probabilityBps"],
        "time": told["ts"],
        "tx": told["tx"],
    }


def _figures(row: Json) -> Json:
    return {
        "order": (row["block_number"], row["log_index"]),
        "season": row["season_key"],
        "kind": row["kind"],
        "player": row["player"],
        "payer": row["payer"],
        "amounts": [int(row[key]) for key in ("tickets", "sof_wei", "fee_wei")],
        "tickets": [int(row[key]) for key in ("tickets_before", "tickets_after", "total_tickets")],
        "bps": row["probability_bps"],
        "time": row["block_time"].timestamp(),
        "tx": row["tx_hash"],
    }


def test_players_are_numbered_by_their_first_trade(posted: str) -> None:
    """Given the whole tape, then players are 1, 2, 3 … in the order of their first trades."""
    rows = select(
        posted,
        """
        SELECT player.player_id
        FROM player
        INNER JOIN trade USING (player)
        GROUP BY player.player_id
        ORDER BY min(trade.position)
        """,
    )

    assert [row["player_id"] for row in rows] == list(range(1, 43))


def test_the_totals_of_a_season_are_the_sums_of_its_trades(posted: str) -> None:
    """Given the whole tape, then a season's totals are what its trades add up to."""
    rows = select(
        posted,
        """
        SELECT season.season_key
        FROM season
        INNER JOIN (
            SELECT
                season_key,
                count(*) AS trades,
                sum(tickets) FILTER (WHERE kind = 'BUY') AS bought,
                sum(tickets) FILTER (WHERE kind = 'SELL') AS sold,
                sum(sof_wei) FILTER (WHERE kind = 'BUY') AS spent_wei,
                sum(sof_wei) FILTER (WHERE kind = 'SELL') AS received_wei,
                sum(fee_wei) AS fees_wei
            FROM trade
            GROUP BY season_key
        ) AS summed USING (season_key, trades, bought, sold, spent_wei, received_wei, fees_wei)
        """,
    )

    assert {row["season_key"] for row in rows} == {1, 2, 3}


def test_earlier_blocks_reflect_the_chain_as_it_was(
    url: str, tape: Tape, post: Callable[[], None], recording: Path
) -> None:
    """Given the log up to a checkpoint, then seasons, tickets and curves are those of then."""
    checkpoints = {
        point["block"]: point for point in json.loads((recording / "checkpoints.json").read_text())
    }
    with Indexer(url, tape) as indexer:
        indexer.open()
        begin = 0
        for number, checkpoint in sorted(checkpoints.items()):
            blocks = tape.canonical[begin : number + 1]
            indexer.backfill(blocks, width=len(blocks), finalized=number)
            begin = number + 1
            post()
            _assert_is_at(url, checkpoint)


def _assert_is_at(url: str, checkpoint: Json) -> None:
    seasons = select(
        url,
        """
        SELECT season.*, curve.reserves_wei, curve.supply, curve.fees_held_wei
        FROM season
        INNER JOIN curve USING (season_key)
        """,
    )
    positions = select(url, "SELECT season_key, player, tickets FROM position WHERE tickets > 0")
    assert len(seasons) == len(checkpoint["seasons"])
    for row in seasons:
        told = checkpoint["seasons"][str(row["season_id"])]
        assert row["status"] == told["status"]
        assert row["total_tickets"] == int(told["totalTickets"])
        assert row["total_participants"] == told["totalParticipants"]
        assert row["reserves_wei"] == int(told["sofReserves"])
        assert row["supply"] == int(told["supply"])
        assert row["fees_held_wei"] == int(told["accumulatedFees"])
        held = {
            position["player"]: int(position["tickets"])
            for position in positions
            if position["season_key"] == row["season_key"]
        }
        assert held == _holders(told["tickets"])
