"""The read-model tables, and the control tables that say which generation of them serves.

Read models live in one schema a generation, `read_<n>`; their descriptions name no schema. Each
module describes those of one subject; importing them here is what makes them known.

A season is (deployment, season id) for people, and `season_key` inside: 1, 2, 3 … in the log's
order of their creation, so it is the same after any replay.
"""

from schema.read_models import (
    boards,
    box_raffles,
    chains,
    control,
    history,
    markets,
    prizes,
    seasons,
    statistics,
    tokens,
    trading,
)
from schema.read_models.columns import CONTROL, READ_MODELS

SUBJECTS = (
    chains,
    seasons,
    trading,
    statistics,
    boards,
    prizes,
    markets,
    tokens,
    history,
    box_raffles,
    control,
)


def generation_schema(number: int) -> str:
    """The schema of a generation's read models."""
    return f"read_{number}"


__all__ = ["CONTROL", "READ_MODELS", "SUBJECTS", "generation_schema"]
