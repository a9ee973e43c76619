"""What stands in paths: a season by its number or by deployment and number, and an address."""

import re
from typing import NamedTuple

from msgspec import Struct

from api.database import Reading, Statement
from api.problems import Problem

_SEASON = re.compile(r"(?:(?P<deployment>[a-z][a-z0-9-]{0,62}):)?(?P<season_id>[0-9]{1,78})")
_ADDRESS = re.compile(r"0[xX][0-9a-fA-F]{40}")


class SeasonName(NamedTuple):
    """A season as a path names it: `3`, or `secondorder:3`."""

    deployment: str | None
    season_id: str

    def __str__(self) -> str:
        return f"{self.deployment}:{self.season_id}" if self.deployment else self.season_id


def season_name(text: str) -> SeasonName:
    """Parse a season's name.

    Raises:
        Problem: it is neither a number nor `deployment:number`.
    """
    match = _SEASON.fullmatch(text)
    if match is None:
        raise Problem(
            400,
            "bad-season",
            title="Not a season's name",
            detail="season: give its number, such as 3, or deployment:number, such as "
            "secondorder:3. /v1/seasons lists them.",
        )
    return SeasonName(match["deployment"], match["season_id"])


def address(text: str, name: str = "address") -> str:
    """Check an address, in any case, and lower it.

    Raises:
        Problem: it is not 20 bytes of hex.
    """
    if not _ADDRESS.fullmatch(text):
        raise Problem(
            400,
            "bad-address",
            title="Not an address",
            detail=f"{name}: give 0x and 40 hexadecimal digits.",
        )
    return text.lower()


class FoundSeason(Struct, frozen=True):
    """The season that a name means; NULLs where there is none."""

    deployments: list[str] | None
    chain_id: int | None
    total_tickets: int | str | None
    trades: int | None


# The season's key, for other statements' WHERE. Index: season's unique (deployment, season_id).
SEASON_KEY = """(
        SELECT season_key FROM {read}.season
        WHERE season_id = %(season_id)s::numeric
          AND deployment = coalesce(%(deployment)s::text, deployment)
        ORDER BY season_key LIMIT 1
    )"""

FIND_SEASON = Statement(
    FoundSeason,
    f"""
    SELECT known.deployments, season.chain_id, season.total_tickets, season.trades
    FROM
        (
            SELECT array_agg(DISTINCT deployment ORDER BY deployment) AS deployments
            FROM {{read}}.contract WHERE kind = 'raffle'
        ) AS known
        LEFT JOIN {{read}}.season ON season.season_key = {SEASON_KEY}
    """,
)


def found_season(reading: Reading, name: SeasonName) -> FoundSeason:
    """What `FIND_SEASON` found of this name.

    Raises:
        Problem: no season has the name, or those of several deployments could.
    """
    found = reading.first(FIND_SEASON)
    assert found is not None
    refuse_ambiguous(name, found.deployments)
    if found.chain_id is None:
        raise unknown_season(name)
    return found


def refuse_ambiguous(name: SeasonName, deployments: list[str] | None) -> None:
    """A bare number names a season only while there is one deployment."""
    if name.deployment is None and deployments is not None and len(deployments) > 1:
        choices = ", ".join(f"{deployment}:{name.season_id}" for deployment in deployments)
        raise Problem(
            400,
            "ambiguous-season",
            title="Several deployments could have this season",
            detail=f"season: name the deployment as well, as one of {choices}.",
        )


def unknown_season(name: SeasonName) -> Problem:
    """No season has this name."""
    return Problem(
        404,
        "unknown-season",
        title="No such season",
        detail=f"There is no season {name} up to the block that is posted. /v1/seasons lists "
        "those there are.",
    )
