"""Folds one batch: fills its tables, and runs every fold that has something to read in them."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

import psycopg
from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.sql import SQL, Identifier

from projections import partitions
from projections.batch import Batch
from projections.definition import Definition
from projections.errors import FoldFailedError, UnpairedTradeError
from projections.folds import ORPHANED, Fold, parse, statements
from projections.inputs import PAIRED_TRADE, TRADES, BatchTables
from schema.database import reason


class Folding:
    """The folds of a generation on one session, whose search path names its schema."""

    def __init__(self, connection: Connection[DictRow], definition: Definition) -> None:
        self.folds = [parse(text) for text in definition.folds]
        self._connection = connection
        self._large_batches = 0
        self._tables = BatchTables(connection, self.folds, statements(definition.paired_trade))

    def fold(self, batch: Batch, *, without: Collection[str]) -> None:
        """Post one batch into the read models, in its transaction, `without` some of them.

        Raises:
            FoldFailedError: an input or a fold cannot be made; names which.
        """
        running = [fold for fold in self.folds if fold.read_model not in without]
        present = self._fill(batch, frozenset().union(*(fold.inputs for fold in running)))
        analyzes = self._is_time_to_analyze(batch)
        if analyzes:
            self._analyze(Identifier("pg_temp", name) for name in present)
        if "season_created" in present:
            with blamed_on("trade", batch):
                partitions.create(self._connection)
        for fold in running:
            with blamed_on(fold.read_model, batch):
                self._run(fold, present, prepare=batch.is_small)
        if analyzes:
            rows = self._connection.execute(_SELECT_UNPARTITIONED).fetchall()
            self._analyze(Identifier(row["name"]) for row in rows)
        self._tables.empty()

    def _is_time_to_analyze(self, batch: Batch) -> bool:
        """After the 1st, 4th, 16th … large batch of a session.

        A table that grows from nothing in seconds is planned for as if it were small: nobody
        else analyzes temporary tables, nor the others soon enough.
        """
        if batch.is_small:
            return False
        self._large_batches += 1
        return self._large_batches in _ANALYZED_BATCHES

    def _analyze(self, tables: Iterable[Identifier]) -> None:
        for table in tables:
            self._connection.execute(SQL("ANALYZE {}").format(table))

    def _fill(self, batch: Batch, wanted: frozenset[str]) -> frozenset[str]:
        """Fill the wanted tables; the names of those that have rows."""
        pairs = PAIRED_TRADE in wanted
        present = set()
        for view in self._tables.views_in(batch, wanted, pairs=pairs):
            with blamed_on(view, batch):
                if self._tables.fill(view, batch):
                    present.add(view)
            if batch.has_orphaned:
                with blamed_on(f"{ORPHANED}{view}", batch):
                    if self._tables.fill_orphaned(view):
                        present.add(f"{ORPHANED}{view}")
        if batch.has_late:
            present |= self._tables.fill_met(batch)
        if pairs and present & TRADES:
            with blamed_on(PAIRED_TRADE, batch):
                self._tables.pair_trades(batch)
            present.add(PAIRED_TRADE)
        return frozenset(present)

    def _run(self, fold: Fold, present: frozenset[str], *, prepare: bool) -> None:
        for statement in fold.statements:
            if statement.inputs & present:
                self._connection.execute(statement.text, prepare=prepare)


_ANALYZED_BATCHES = frozenset(4**power for power in range(8))
# Partitions are only ever reached by their key.
_SELECT_UNPARTITIONED = """
    SELECT relname AS name FROM pg_class
    WHERE
        relnamespace = current_schema()::regnamespace
        AND relkind = 'r'
        AND NOT relispartition
        AND reltuples <> 0
"""


@contextmanager
def blamed_on(name: str, batch: Batch) -> Iterator[None]:
    """Names the fold or its input in whatever goes wrong, unless the connection did."""
    try:
        yield
    except (psycopg.OperationalError, psycopg.InterfaceError):
        raise
    except (psycopg.Error, UnpairedTradeError) as error:
        raise FoldFailedError(
            fold=name, first=batch.first, last=batch.last, reason=reason(error)
        ) from error
