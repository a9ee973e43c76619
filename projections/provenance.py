"""Which events a read model is made of, as its fold says."""

from projections.folds import ORPHANED, load, source, statements
from projections.inputs import DERIVED, PAIRED_TRADE


def events_behind(read_model: str) -> frozenset[str]:
    """The views of the log that a read model's fold reads, itself or as paired trades."""
    names = next(fold.inputs for fold in load() if fold.read_model == read_model)
    if PAIRED_TRADE in names:
        pairing = statements(source("projections", PAIRED_TRADE))
        names = names.union(*(statement.inputs for statement in pairing))
    return frozenset(
        name.partition("_")[2] if name in DERIVED else name for name in names - {PAIRED_TRADE}
    )


def keeps_orphaned(read_model: str) -> bool:
    """Whether a read model holds what was orphaned too."""
    fold = next(fold for fold in load() if fold.read_model == read_model)
    return any(name.startswith(ORPHANED) for name in fold.inputs)
