"""Prizes, claims and what was carried over: what distributor and escrow say of them."""

from collections.abc import Iterator

from scripts.verify_chain.readings import Figure, Reading, Row, Subject
from scripts.verify_chain.seasons import of_player, of_season
from scripts.verify_chain.views import (
    COHORT_STATE,
    CONSOLATION_CLAIMED,
    PAYOUTS,
    USER_POSITION,
)

_NOBODY = "0x" + "00" * 20
_PHASES = {None: 0, "open": 1, "active": 2, "closed": 3}


def _prizes(row: Row) -> Iterator[Reading]:
    figures = {
        "token": Figure("prize.token", row["token"] or _NOBODY),
        "grandWinner": Figure("prize.grand_winner", row["grand_winner"] or _NOBODY),
        "grandAmount": Figure("prize.grand_amount_wei", int(row["grand_amount_wei"] or 0)),
        "consolationAmount": Figure(
            "prize.consolation_amount_wei", int(row["consolation_amount_wei"] or 0)
        ),
        "totalParticipants": Figure(
            "prize.total_participants", int(row["total_participants"] or 0)
        ),
        "funded": Figure("prize.funded_wei is above 0", bool(row["funded_wei"])),
        "grandClaimed": Figure("prize.grand_claimed", bool(row["grand_claimed"])),
    }
    yield Reading(PAYOUTS, row["contract"], (int(row["season_id"]),), of_season(row), figures)


def _claims(row: Row) -> Iterator[Reading]:
    figures = {"claimed": Figure("claim of a consolation prize", row["is_claimed"])}
    whose = (int(row["season_id"]), row["player"])
    yield Reading(CONSOLATION_CLAIMED, row["contract"], whose, of_player(row), figures)


def _cohorts(row: Row) -> Iterator[Reading]:
    figures = {
        "phase": Figure("rollover_cohort.phase", _PHASES[row["phase"]]),
        "nextSeasonId": Figure("rollover_cohort.next_season_id", int(row["next_season_id"] or 0)),
        "bonusBps": Figure("rollover_cohort.bonus_bps", row["bonus_bps"] or 0),
        "totalDeposited": Figure("rollover.deposited_wei in all", int(row["deposited_wei"])),
        "totalSpent": Figure("rollover.spent_wei in all", int(row["spent_wei"])),
        "totalBonusPaid": Figure("rollover.bonus_wei in all", int(row["bonus_wei"])),
    }
    yield Reading(COHORT_STATE, row["contract"], (int(row["season_id"]),), of_season(row), figures)


def _rollovers(row: Row) -> Iterator[Reading]:
    figures = {
        "deposited": Figure("rollover.deposited_wei", int(row["deposited_wei"])),
        "spent": Figure("rollover.spent_wei", int(row["spent_wei"])),
        "refunded": Figure("rollover.refunded_wei is above 0", bool(row["refunded_wei"])),
    }
    whose = (int(row["season_id"]), row["player"])
    yield Reading(USER_POSITION, row["contract"], whose, of_player(row), figures)


# The followed contract of a kind, of the season's deployment.
_CONTRACT = """
    INNER JOIN contract
        ON
            contract.chain_id = season.chain_id
            AND contract.deployment = season.deployment
            AND contract.kind = '{kind}'
            AND NOT contract.late
"""
_DISTRIBUTOR = _CONTRACT.format(kind="prize_distributor")
_ESCROW = _CONTRACT.format(kind="rollover_escrow")

PRIZES = Subject(
    ("season", "contract", "prize"),
    f"""
    SELECT season.deployment, season.season_id, contract.address AS contract, prize.*
    FROM season
    INNER JOIN compared_season USING (season_key)
    {_DISTRIBUTOR}
    LEFT JOIN prize USING (season_key)
    ORDER BY season_key
    """,
    _prizes,
)
# Of seasons that have prizes: nothing can be claimed in others.
CLAIMS = Subject(
    ("season", "contract", "prize", "claim"),
    f"""
    SELECT season.deployment, season.season_id, contract.address AS contract,
        compared_player.player,
        EXISTS (
            SELECT FROM claim
            WHERE
                claim.season_key = season.season_key
                AND claim.player = compared_player.player
                AND claim.kind = 'CONSOLATION'
        ) AS is_claimed
    FROM season
    INNER JOIN compared_player USING (season_key)
    INNER JOIN prize USING (season_key)
    {_DISTRIBUTOR}
    ORDER BY season_key, player
    """,
    _claims,
)
COHORTS = Subject(
    ("season", "contract", "rollover_cohort", "rollover"),
    f"""
    SELECT season.deployment, season.season_id, contract.address AS contract, cohort.phase,
        cohort.next_season_id, cohort.bonus_bps, carried.*
    FROM season
    INNER JOIN compared_season USING (season_key)
    {_ESCROW}
    LEFT JOIN rollover_cohort AS cohort USING (season_key)
    CROSS JOIN LATERAL (
        SELECT
            coalesce(sum(rollover.deposited_wei), 0) AS deposited_wei,
            coalesce(sum(rollover.spent_wei), 0) AS spent_wei,
            coalesce(sum(rollover.bonus_wei), 0) AS bonus_wei
        FROM rollover
        WHERE rollover.season_key = season.season_key
    ) AS carried
    ORDER BY season_key
    """,
    _cohorts,
)
# Of seasons whose prizes may be carried over.
ROLLOVERS = Subject(
    ("season", "contract", "rollover_cohort", "rollover"),
    f"""
    SELECT season.deployment, season.season_id, contract.address AS contract,
        compared_player.player,
        coalesce(rollover.deposited_wei, 0) AS deposited_wei,
        coalesce(rollover.spent_wei, 0) AS spent_wei,
        coalesce(rollover.refunded_wei, 0) AS refunded_wei
    FROM season
    INNER JOIN compared_player USING (season_key)
    INNER JOIN rollover_cohort USING (season_key)
    {_ESCROW}
    LEFT JOIN rollover USING (season_key, player)
    ORDER BY season_key, player
    """,
    _rollovers,
)
