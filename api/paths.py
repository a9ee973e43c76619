"""What stands in paths: a thing by its number or by deployment and number, and an address."""

import re
from typing import NamedTuple

from msgspec import Struct

from api.database import Reading, Statement
from api.problems import Problem

_NAME = re.compile(r"(?:(?P<deployment>[a-z][a-z0-9-]{0,62}):)?(?P<number>[0-9]{1,78})")
_ADDRESS = re.compile(r"0[xX][0-9a-fA-F]{40}")


class Numbered(NamedTuple):
    """What each deployment of a family counts from 1.

    Attributes:
        word: for one of it.
        path: where all of it is listed.
        example: a deployment's name, for advice.
    """

    word: str
    path: str
    example: str


SEASON = Numbered("season", "/v1/seasons", "secondorder")

Name = tuple[str | None, str]  # the deployment, if it is named, and the number


def read_name(text: str, numbered: Numbered) -> Name:
    """Parse `3` or `secondorder:3`.

    Raises:
        Problem: it is neither.
    """
    match = _NAME.fullmatch(text)
    if match is None:
        word, path, example = numbered
        raise Problem(
            400,
            f"bad-{word}",
            title=f"Not a {word}'s name",
            detail=f"{word}: give its number, such as 3, or deployment:number, such as "
            f"{example}:3. {path} lists them.",
        )
    return match["deployment"], match["number"]


def refuse_ambiguous(name: Name, deployments: list[str] | None, numbered: Numbered) -> None:
    """A bare number names something only while there is one deployment of its family.

    Raises:
        Problem: there are several.
    """
    deployment, number = name
    if deployment is None and deployments is not None and len(deployments) > 1:
        choices, word = ", ".join(f"{each}:{number}" for each in deployments), numbered.word
        raise Problem(
            400,
            f"ambiguous-{word}",
            title=f"Several deployments could have this {word}",
            detail=f"{word}: name the deployment as well, as one of {choices}.",
        )


def unknown(name: Name, numbered: Numbered) -> Problem:
    """Nothing has this name."""
    deployment, number = name
    word, path, _ = numbered
    written = f"{deployment}:{number}" if deployment else number
    return Problem(
        404,
        f"unknown-{word}",
        title=f"No such {word}",
        detail=f"There is no {word} {written} up to the block that is posted. {path} lists those "
        "there are.",
    )


class SeasonName(NamedTuple):
    """A season as a path names it: `3`, or `secondorder:3`."""

    deployment: str | None
    season_id: str


def season_name(text: str) -> SeasonName:
    """Parse a season's name.

    Raises:
        Problem: it is neither a number nor `deployment:number`.
    """
    return SeasonName(*read_name(text, SEASON))


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
    trades: int | None


# The season's key, for other statements' WHERE. Index: season's unique (deployment, season_id).
SEASON_KEY = """(
        SELECT season_key FROM {read}.season
        WHERE season_id = %(season_id)s::numeric
          AND deployment = coalesce(%(deployment)s::text, deployment)
        ORDER BY season_key LIMIT 1
    )"""

# The same as the keys of seasons that `moments.read_at` asks about.
ONE_SEASON = f"SELECT {SEASON_KEY}"

FIND_SEASON = Statement(
    FoundSeason,
    f"""
    SELECT known.deployments, season.chain_id, season.trades
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
    refuse_ambiguous(name, found.deployments, SEASON)
    if found.chain_id is None:
        raise unknown(name, SEASON)
    return found
