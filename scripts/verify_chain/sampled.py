"""How much of the read models is looked up at the contracts."""

import secrets
from typing import NamedTuple

import rich_click as click


class Sampled(NamedTuple):
    """Which players of a season are looked up, and which holders of a token.

    Attributes:
        most: so many of each, chosen by `seed`; all of them for None.
    """

    most: int | None
    seed: int


def parse_players(text: str, seed: int | None) -> Sampled:
    """`1000` or `all`, by a seed that nobody could foresee if none is given.

    Raises:
        click.BadParameter: it is neither.
    """
    seed = secrets.randbelow(1 << 32) if seed is None else seed
    if text == "all":
        return Sampled(None, seed)
    if not text.isdecimal() or not int(text):
        problem = f"{text} is not a number of players, or all"
        raise click.BadParameter(problem, param_hint="--players")
    return Sampled(int(text), seed)
