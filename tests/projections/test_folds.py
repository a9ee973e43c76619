"""The folds as a set: nothing is forgotten, and nothing reads what does not exist."""

from pathlib import Path

from projections import folds
from projections.definition import of_this_code
from projections.inputs import DERIVED
from schema.events import CODECS
from schema.events.event import snake_case
from schema.log.mapper import CHAIN_FACTS
from schema.read_models import READ_MODELS


def test_every_read_model_has_its_fold() -> None:
    """Given the read-model tables, then each has one SQL file, and each file its turn."""
    written = {path.name.split(".")[0] for path in Path(folds.__file__).parent.glob("*.sql")}

    assert set(folds.ORDER) == set(READ_MODELS.tables) == written


def test_folds_read_events_that_exist() -> None:
    """Given the folds, then everything they read from a batch is an event's view or derived."""
    known = {codec.view for codec in CODECS.values()}
    known |= {snake_case(fact.__name__) for fact in CHAIN_FACTS} | DERIVED
    inputs = {name for fold in folds.load() for part in fold.statements for name in part.inputs}

    assert inputs <= known


def test_folds_ask_neither_clock_nor_chance() -> None:
    """Given the folds, then none asks for the time or a random number."""
    for name in folds.ORDER:
        text = folds.source("projections.folds", name).lower()
        assert not any(word in text for word in ("now()", "random()", "current_", "clock_"))


def test_the_fingerprint_is_the_same_each_time() -> None:
    """Given the same code, then its fingerprint is the same."""
    assert of_this_code().fingerprint == of_this_code.__wrapped__().fingerprint
