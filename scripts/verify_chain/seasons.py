"""Seasons, curves, participants and positions: what raffle and curve say of them."""

from collections.abc import Iterator

from schema.read_models.seasons import COMPLETED
from scripts.verify_chain.findings import About
from scripts.verify_chain.readings import Figure, Reading, Row, Subject
from scripts.verify_chain.views import (
    ACCUMULATED_FEES,
    CURVE_CONFIG,
    PARTICIPANT_POSITION,
    PARTICIPANTS,
    PLAYER_TICKETS,
    SEASON_DETAILS,
    SEASON_SNAPSHOT,
    WINNERS,
)

_NO_HASH = "0x" + "00" * 32


def of_season(row: Row) -> About:
    """What a row of a season is about."""
    return About(row["deployment"], int(row["season_id"]))


def of_player(row: Row) -> About:
    """What a row of a player in a season is about."""
    return About(row["deployment"], int(row["season_id"]), row["player"])


def _seasons(row: Row) -> Iterator[Reading]:
    about, raffle, number = of_season(row), row["raffle"], (int(row["season_id"]),)
    figures = {
        "name": Figure("season.name", row["name"]),
        "startTime": Figure("season.start_time", int(row["start_time"])),
        "endTime": Figure("season.end_time", int(row["end_time"])),
        "raffleToken": Figure("season.raffle_token", row["raffle_token"]),
        "bondingCurve": Figure("season.curve", row["curve"]),
        "status": Figure("season.status", row["status"]),
        "totalParticipants": Figure("season.total_participants", row["total_participants"]),
        "totalTickets": Figure("season.total_tickets", int(row["total_tickets"])),
        "totalPrizePool": Figure("season.prize_pool_wei", int(row["prize_pool_wei"])),
    }
    yield Reading(SEASON_DETAILS, raffle, number, about, figures)
    told = Figure("season.snapshot_hash", row["snapshot_hash"] or _NO_HASH)
    yield Reading(SEASON_SNAPSHOT, raffle, number, about, {"snapshotHash": told})
    if row["status"] == COMPLETED:  # before that the contract refuses
        winners = Figure("season.winners", row["winners"])
        yield Reading(WINNERS, raffle, number, about, {"winners": winners})


def _curves(row: Row) -> Iterator[Reading]:
    about, curve, trading = of_season(row), row["curve"], row["trading"]
    figures = {
        "totalSupply": Figure("curve.supply", int(row["supply"])),
        "sofReserves": Figure("curve.reserves_wei", int(row["reserves_wei"])),
        "tradingLocked": Figure("curve.trading is locked", trading == "locked"),
        "sellOnly": Figure("curve.trading is sell_only", trading == "sell_only"),
    }
    yield Reading(CURVE_CONFIG, curve, (), about, figures)
    fees = Figure("curve.fees_held_wei", int(row["fees_held_wei"]))
    yield Reading(ACCUMULATED_FEES, curve, (), about, {"fees": fees})


def _participants(row: Row) -> Iterator[Reading]:
    figures = {"participants": Figure("participant", row["players"])}
    number = (int(row["season_id"]),)
    yield Reading(PARTICIPANTS, row["raffle"], number, of_season(row), figures)


def _positions(row: Row) -> Iterator[Reading]:
    about, player, tickets = of_player(row), row["player"], int(row["tickets"])
    held = Figure("position.tickets", tickets)
    figures = {
        "ticketCount": held,
        "lastUpdateBlock": Figure("position.block_number", row["block_number"]),
    }
    whose = (int(row["season_id"]), player)
    yield Reading(PARTICIPANT_POSITION, row["raffle"], whose, about, figures)
    yield Reading(PLAYER_TICKETS, row["curve"], (player,), about, {"tickets": held})


SEASONS = Subject(
    ("season",),
    """
    SELECT season.*
    FROM season
    INNER JOIN compared_season USING (season_key)
    ORDER BY season_key
    """,
    _seasons,
)
CURVES = Subject(
    ("season", "curve"),
    """
    SELECT season.deployment, season.season_id, season.curve, curve.trading, curve.supply,
        curve.reserves_wei, curve.fees_held_wei
    FROM curve
    INNER JOIN season USING (season_key)
    INNER JOIN compared_season USING (season_key)
    ORDER BY season_key
    """,
    _curves,
)
PARTICIPANTS_IN_ORDER = Subject(
    ("season", "participant"),
    """
    SELECT season.deployment, season.season_id, season.raffle,
        ARRAY(
            SELECT participant.player
            FROM participant
            WHERE participant.season_key = season.season_key
            ORDER BY participant.place
        ) AS players
    FROM season
    INNER JOIN compared_season USING (season_key)
    ORDER BY season_key
    """,
    _participants,
)
POSITIONS = Subject(
    ("season", "position"),
    """
    SELECT season.deployment, season.season_id, season.raffle, season.curve, position.player,
        position.tickets, position.block_number
    FROM position
    INNER JOIN season USING (season_key)
    INNER JOIN compared_player USING (season_key, player)
    ORDER BY season_key, player
    """,
    _positions,
)
