"""Rankings and prizes of the recorded chain, against its trades and its contracts' own words."""

import gzip
import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.ranks import FIGURES, Done, ranking, rows
from tests.api.reading import read_all

pytestmark = pytest.mark.slow

Json = dict[str, Any]


@pytest.fixture(scope="module")
def done(recording: Path) -> list[Done]:
    """Every trade of the recording, in the chain's order."""
    with gzip.open(recording / "trades.ndjson.gz", "rt") as lines:
        return [_done(json.loads(line)) for line in lines]


def _done(told: Json) -> Done:
    sign = 1 if told["kind"] == "BUY" else -1
    day = datetime.fromtimestamp(told["ts"], UTC).date()
    tickets = sign * int(told["tickets"])
    return Done(told["seasonId"], told["player"], tickets, int(told["sof"]), day)


@pytest.fixture(scope="module")
def truth(recording: Path) -> Json:
    """What the contracts' view functions answer at the last block."""
    document: Json = json.loads((recording / "truth.json").read_text())
    return document


def test_each_season_is_ranked_by_every_figure(
    recorded_client: httpx.Client, done: list[Done]
) -> None:
    """Given the recording, then ranks, figures and order in its seasons are those of its trades."""
    for season in (1, 2, 3):
        for by in FIGURES:
            path = f"/v1/seasons/{season}/leaderboard"
            items = read_all(recorded_client, path, limit=20, by=by)
            expected = ranking([trade for trade in done if trade.season == season], by)
            assert rows(items, by) == expected, (season, by)


def test_players_are_ranked_ever_and_within_any_day_and_week(
    recorded_client: httpx.Client, done: list[Done]
) -> None:
    """Given the recording, then each window's ranks, figures and order are those of its trades."""
    days = sorted({trade.day for trade in done})
    windows = [("all", day, days) for day in days[:1]]
    windows += [("day", day, [day]) for day in days]
    windows += [("week", day, [_monday(day) + timedelta(days=n) for n in range(7)]) for day in days]
    for window, day, within in windows:
        for by in FIGURES:
            items = read_all(
                recorded_client,
                "/v1/leaderboards",
                limit=30,
                by=by,
                window=window,
                date=day.isoformat(),
            )
            expected = ranking([trade for trade in done if trade.day in within], by)
            assert rows(items, by) == expected, (window, day, by)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def test_totals_over_all_seasons_are_the_sums_of_an_independent_fold(
    recorded_client: httpx.Client, recording: Path
) -> None:
    """Given expected.json, then the board over all seasons adds its seasons up."""
    names = {
        "tickets": "tickets",
        "bought": "bought",
        "sold": "sold",
        "spent": "sofSpent",
        "received": "sofReceived",
    }
    seasons = json.loads((recording / "expected.json").read_text()).values()
    for by, name in names.items():
        expected: Counter[str] = Counter()
        for players in seasons:
            expected.update({player: int(told[name]) for player, told in players.items()})
        items = read_all(recorded_client, "/v1/leaderboards", limit=200, by=by)
        assert {player: figure for _, player, figure in rows(items, by)} == +expected, by


def test_the_summary_says_what_was_won_and_what_can_be_claimed(
    recorded_client: httpx.Client, truth: Json
) -> None:
    """Given the distributor's own words, then each player's prizes add up to theirs."""
    prizes, holders = truth["seasons"]["1"]["prizes"], truth["seasons"]["1"]["tickets"]
    share = int(prizes["consolationAmount"]) // (int(prizes["totalParticipants"]) - 1)
    rolled_over = truth["rollover"]["1"]["users"]
    assert prizes["grandClaimed"]
    for player, told in truth["players"].items():
        if told["kind"] != "eoa" or any(p["owner"] == player for p in truth["players"].values()):
            continue  # a wallet's summary holds its smart accounts' prizes too
        answer = recorded_client.get(f"/v1/players/{player}").json()
        is_grand_winner = player == prizes["grandWinner"]
        consolation = 0 if is_grand_winner or not int(holders.get(player, "0")) else share
        taken = consolation if player in prizes["consolationClaimed"] else 0
        grand = int(prizes["grandAmount"]) if is_grand_winner else 0
        assert answer["won_wei"] == str(grand + consolation), player
        assert answer["claimed_wei"] == str(grand + taken), player
        assert answer["rolled_over_wei"] == rolled_over.get(player, {}).get("deposited", "0")
        assert answer["claimable_wei"] == str(consolation - taken), player
        unclaimed = [(row["kind"], row["amount_wei"]) for row in answer["unclaimed"]]
        assert unclaimed == ([("CONSOLATION", str(share))] if consolation > taken else [])


def test_every_prize_is_somebodys(recorded_client: httpx.Client, truth: Json) -> None:
    """Given all players, then what they won together is what the season paid out."""
    prizes = truth["seasons"]["1"]["prizes"]
    share = int(prizes["consolationAmount"]) // (int(prizes["totalParticipants"]) - 1)
    winnings = {}
    for player in truth["seasons"]["1"]["participantsInOrder"]:
        answer = recorded_client.get(f"/v1/players/{player}").json()
        winnings[tuple(answer["linked"])] = int(answer["won_wei"])
        assert int(answer["won_wei"]) == int(answer["claimed_wei"]) + int(answer["claimable_wei"])

    others = int(prizes["totalParticipants"]) - 1
    assert sum(winnings.values()) == int(prizes["grandAmount"]) + others * share


def test_the_best_rank_is_the_best_of_all_positions(
    recorded_client: httpx.Client, truth: Json
) -> None:
    """Given every player, then it is the least rank among their positions; else there is none."""
    for player in truth["players"]:
        positions = read_all(recorded_client, f"/v1/players/{player}/positions", limit=50)
        ranks = [row["rank"] for row in positions if row["rank"] is not None]
        summary = recorded_client.get(f"/v1/players/{player}").json()
        assert summary["best_rank"] == min(ranks, default=None)
        assert int(summary["net_wei"]) == sum(int(row["net_wei"]) for row in positions)
