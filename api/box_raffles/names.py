"""How a box raffle is named in paths, and what its amounts are."""

from decimal import Decimal
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct

from api.database import Reading, Statement
from api.paths import Numbered, read_name, refuse_ambiguous, unknown

RAFFLE = Numbered("raffle", "/v1/box-raffles", "box-raffle")

# `extra` is what the framework's OpenAPI description takes over: it thinks Decimals are strings.
Coins = Annotated[
    Decimal,
    Meta(
        extra_json_schema={
            "description": "The same with 18 decimals, in whatever the contract is paid in.",
            "extra": {"type": "number"},
        }
    ),
]


class RaffleName(NamedTuple):
    """A box raffle as a path names it: `3`, or `box-raffle:3`."""

    deployment: str | None
    raffle_id: str


def raffle_name(text: str) -> RaffleName:
    """Parse a box raffle's name.

    Raises:
        Problem: it is neither a number nor `deployment:number`.
    """
    return RaffleName(*read_name(text, RAFFLE))


class FoundRaffle(Struct, frozen=True):
    """The box raffle that a name means; NULLs where there is none."""

    deployments: list[str] | None
    chain_id: int | None


# The raffle's key, for other statements. Index: box_raffle's unique (deployment, raffle_id).
RAFFLE_KEY = """(
        SELECT raffle_key FROM {read}.box_raffle
        WHERE raffle_id = %(raffle_id)s::numeric
          AND deployment = coalesce(%(deployment)s::text, deployment)
        ORDER BY raffle_key LIMIT 1
    )"""

FIND_RAFFLE = Statement(
    FoundRaffle,
    f"""
    SELECT known.deployments, box_raffle.chain_id
    FROM
        (
            SELECT array_agg(DISTINCT deployment ORDER BY deployment) AS deployments
            FROM {{read}}.contract WHERE kind = 'box_raffle'
        ) AS known
        LEFT JOIN {{read}}.box_raffle ON box_raffle.raffle_key = {RAFFLE_KEY}
    """,
)


def chain_of(reading: Reading, name: RaffleName) -> int:
    """The chain of the raffle that `FIND_RAFFLE` found of this name.

    Raises:
        Problem: no raffle has the name, or those of several deployments could.
    """
    found = reading.first(FIND_RAFFLE)
    assert found is not None
    refuse_ambiguous(name, found.deployments, RAFFLE)
    if found.chain_id is None:
        raise unknown(name, RAFFLE)
    return found.chain_id
