"""What the node itself says: its receipts, its filter, and what its contracts answer."""

from collections import Counter
from typing import NamedTuple

from tests.anvil.game import Game
from tests.indexer.indexing import StoredLog
from tests.indexer.truth import only_followed, stored_log
from tests.projections.tables import select


class SeasonFigures(NamedTuple):
    """A season with its curve; amounts in wei, `tickets` of those who hold any."""

    season_id: int
    curve: str
    raffle_token: str
    status: int
    total_tickets: int
    total_participants: int
    supply: int
    reserves_wei: int
    fees_held_wei: int
    is_locked: bool
    tickets: dict[str, int]


def followed_logs(game: Game) -> Counter[StoredLog]:
    """Every log of the game's contracts, of which the node's receipts and its filter agree."""
    node = game.node
    numbers = [[hex(number)] for number in range(node.head.number + 1)]
    blocks = node.batch("eth_getBlockReceipts", numbers)
    by_receipt = [log for block in blocks for receipt in block for log in receipt["logs"]]
    by_filter = node.call("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest"})
    assert by_receipt == by_filter
    return Counter(map(stored_log, only_followed(by_filter, game.contracts)))


def answered(game: Game) -> list[SeasonFigures]:
    """Every season, as the contracts answer at the head."""
    return [_answered(game, season) for season in range(1, game.seasons + 1)]


def _answered(game: Game, season: int) -> SeasonFigures:
    curve = game.curve(season)
    address, token, status, total, participants = game.raffle.view("season", season)
    held = {player: game.raffle.view("position", season, player) for player in game.players}
    assert held == {player: curve.view("tickets", player) for player in game.players}
    return SeasonFigures(
        season,
        address,
        token,
        status,
        total,
        participants,
        curve.view("supply"),
        curve.view("reserves"),
        curve.view("fees_held"),
        curve.view("is_locked"),
        {player: tickets for player, tickets in held.items() if tickets},
    )


def read_models(database_url: str) -> list[SeasonFigures]:
    """Every season, as the read models have it."""
    seasons = select(database_url, _SEASONS)
    positions = select(database_url, _POSITIONS)
    return [
        SeasonFigures(
            **season,
            tickets={
                row["player"]: int(row["tickets"])
                for row in positions
                if row["season_id"] == season["season_id"]
            },
        )
        for season in seasons
    ]


def spent(database_url: str) -> dict[str, int]:
    """What each player spent on tickets less what was received for them, in wei."""
    rows = select(database_url, _SPENT)
    return {row["player"]: int(row["wei"]) for row in rows}


_SEASONS = """
    SELECT
        season.season_id, season.curve, season.raffle_token, season.status,
        season.total_tickets, season.total_participants,
        curve.supply, curve.reserves_wei, curve.fees_held_wei,
        curve.trading = 'locked' AS is_locked
    FROM season
    INNER JOIN curve USING (season_key)
    ORDER BY season.season_id
"""
_POSITIONS = """
    SELECT season.season_id, position.player, position.tickets
    FROM position
    INNER JOIN season USING (season_key)
    WHERE position.tickets > 0
"""
_SPENT = "SELECT player, sum(spent_wei - received_wei) AS wei FROM position GROUP BY player"
