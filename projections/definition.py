"""What a generation is made and posted with: the SQL of its tables, indexes and folds.

Every generation keeps its definition, so that code whose own has changed can still go on posting
it, and go back to it.
"""

import hashlib
from functools import cache

import msgspec
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from projections import folds, prior_images
from projections.inputs import PAIRED_TRADE
from schema.read_models import READ_MODELS

_PLACES = "places"  # the function that folds call

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


class Definition(msgspec.Struct, frozen=True):
    """The SQL of one generation.

    Attributes:
        objects: makes its tables, and the functions that its folds call.
        indexes: makes the indexes beside the primary keys.
        folds: in the order in which they are run.
        paired_trade: makes and fills the table of that name, which folds feed on.
    """

    objects: tuple[str, ...]
    indexes: tuple[str, ...]
    folds: tuple[folds.FoldText, ...]
    paired_trade: str

    @property
    def fingerprint(self) -> str:
        """SHA-256 over all of it, and over what keeps prior images; hex."""
        text = msgspec.json.encode((self, prior_images.TEMPLATE))
        return hashlib.sha256(text).hexdigest()


@cache
def of_this_code() -> Definition:
    """The definition of a generation that is made now."""
    return Definition(
        objects=(*_table_definitions(), folds.source("projections", _PLACES)),
        indexes=_index_definitions(),
        folds=folds.texts(),
        paired_trade=folds.source("projections", PAIRED_TRADE),
    )


def _table_definitions() -> tuple[str, ...]:
    return tuple(
        str(CreateTable(table).compile(dialect=_DIALECT)) for table in READ_MODELS.sorted_tables
    )


def _index_definitions() -> tuple[str, ...]:
    return tuple(
        str(CreateIndex(index).compile(dialect=_DIALECT))
        for table in READ_MODELS.sorted_tables
        for index in sorted(table.indexes, key=lambda index: str(index.name))
    )
