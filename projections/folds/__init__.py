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

import msgspec

# Later folds read what earlier ones wrote; `season` must see the curves as they were before.
ORDER = (
    "chain",
    "proof",
    "contract",
    "season",
    "player",
    "season_step",
    "trade",
    "orphaned_trade",
    "position",
    "position_bucket",
    "score",
    "score_bucket",
    "curve",
    "prize",
    "claim",
    "rollover",
    "rollover_cohort",
    "account",
    "sponsorship",
    "prize_tiers",
    "market_condition",
    "market_step",
    "market_price",
    "market_trade",
    "market",
    "balance",
    "transfer",
    "candle",
    "participant",
    "snapshot",
    "box_raffle",
    "box",
    "box_winner",
    "box_participant",
    "box_seller",
)

ORPHANED = "orphaned_"  # begins the name of a batch table with what left its chain

_INPUT = re.compile(r"\bbatch\.(\w+)")
_READ = re.compile(r"\b(?:FROM|JOIN)\s+(\w+)\b(?!\.)")
_COMMENT = re.compile(r"--.*")


class Statement(NamedTuple):
    """One SQL statement as it is run, and the batch tables that it reads."""

    text: str
    inputs: frozenset[str]


class Fold(NamedTuple):
    """The statements that post one read model, in order.

    Attributes:
        fill: makes it from the other read models alone. Such a one is kept only once its
            generation has caught up, as an index is; until then its statements do not run.
    """

    read_model: str
    statements: tuple[Statement, ...]
    fill: str | None = None

    @property
    def inputs(self) -> frozenset[str]:
        """The batch tables that any of its statements reads."""
        return frozenset().union(*(statement.inputs for statement in self.statements))

    @property
    def reads(self) -> frozenset[str]:
        """What else any of its statements reads: other read models, and names of its own."""
        texts = [statement.text for statement in self.statements]
        named = {name for text in texts for name in _READ.findall(text)}
        return frozenset(named - {self.read_model})


class FoldText(msgspec.Struct, frozen=True):
    """A fold as it is written down, and kept with every generation that it posts."""

    read_model: str
    text: str
    fill: str | None = None


@cache
def texts() -> tuple[FoldText, ...]:
    """The folds of this code, in the order in which they are run."""
    return tuple(FoldText(name, source("projections.folds", name), _fill(name)) for name in ORDER)


def _fill(name: str) -> str | None:
    path = files("projections.folds").joinpath(f"{name}.fill.sql")
    return path.read_text() if path.is_file() else None


def load() -> tuple[Fold, ...]:
    """The folds of this code, to be run."""
    return tuple(map(parse, texts()))


def parse(fold: FoldText) -> Fold:
    """A fold to be run."""
    return Fold(fold.read_model, statements(fold.text), fold.fill)


def statements(text: str) -> tuple[Statement, ...]:
    """The statements of a text, which end with a semicolon and a line end.

    One that reads `batch.any_<event>` is two: over what stands, and over what is orphaned.
    """
    parts = [part for part in _COMMENT.sub("", text).split(";\n") if part.strip()]
    return tuple(
        _statement(part.replace("batch.any_", f"batch.{which}"))
        for part in parts
        for which in (("", ORPHANED) if "batch.any_" in part else ("",))
    )


def source(package: str, name: str) -> str:
    """The text of a package's `<name>.sql`."""
    return files(package).joinpath(f"{name}.sql").read_text()


def _statement(text: str) -> Statement:
    # The tables of a batch are the session's temporary ones.
    return Statement(text.replace("batch.", "pg_temp."), frozenset(_INPUT.findall(text)))
