"""The folds: one SQL file a read model, and the order in which they are run.

A fold reads `batch.<event>`, which is the part of `log.<event>` that is being posted, and the
read-model tables, and writes its own table only. It is a pure function of the log's order: no
clock, no randomness, no update of a primary key; every upsert is additive or takes what is last
in the log. So the result does not depend on how the log was cut into batches.
"""

import re
from functools import cache
from importlib.resources import files
from typing import NamedTuple

# Later folds read what earlier ones wrote; `season` must see the curves as they were before.
ORDER = (
    "chain",
    "proof",
    "contract",
    "season",
    "player",
    "trade",
    "position",
    "curve",
    "prize",
    "claim",
    "rollover",
    "rollover_cohort",
    "account",
)

_INPUT = re.compile(r"\bbatch\.(\w+)")
_COMMENT = re.compile(r"--.*")


class Statement(NamedTuple):
    """One SQL statement as it is run, and the batch tables that it reads."""

    text: str
    inputs: frozenset[str]


class Fold(NamedTuple):
    """The statements that post one read model, in order."""

    read_model: str
    statements: tuple[Statement, ...]


@cache
def load() -> tuple[Fold, ...]:
    """All folds, in the order in which they are run."""
    return tuple(Fold(name, statements("projections.folds", name)) for name in ORDER)


def statements(package: str, name: str) -> tuple[Statement, ...]:
    """The statements of a package's `<name>.sql`, which end with a semicolon and a line end."""
    text = _COMMENT.sub("", source(package, name))
    return tuple(_statement(part) for part in text.split(";\n") if part.strip())


def source(package: str, name: str) -> str:
    """The text of a package's `<name>.sql`."""
    return files(package).joinpath(f"{name}.sql").read_text()


def _statement(text: str) -> Statement:
    # The tables of a batch are the session's temporary ones.
    return Statement(text.replace("batch.", "pg_temp."), frozenset(_INPUT.findall(text)))
