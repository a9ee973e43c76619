"""Posts one generation: batch by batch, each in one transaction with its position."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import psycopg
import structlog
from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.sql import SQL, Identifier

from projections import generations, partitions, prior_images
from projections.ahead import forks_since, next_batch, read_standing
from projections.batch import Batch, Standing
from projections.errors import FoldFailedError, ProjectionStoppedError, UnpairedTradeError
from projections.folds import Fold, load
from projections.generations import Generation
from projections.inputs import PAIRED_TRADE, TRADES, BatchTables
from schema.database import reason

CHANNEL = "daybook_posted"  # NOTIFY with the position, for whoever waits for news

# Replaying: the cost of an event no longer falls beyond this, the memory of a batch does rise.
_EVENTS_MAX = 65_536
# Pruning touches every table: often enough to stay small, seldom enough not to be felt.
_PRUNE_EVERY_UNITS = 32

_log = structlog.get_logger()


class Posted(NamedTuple):
    """What one transaction posted.

    Attributes:
        batch: the stretch of the log.
        log_position: the log's last position then.
        restored_to: the position that was gone back to before it; None without a reorganisation.
    """

    batch: Batch
    log_position: int
    restored_to: int | None


class Runner:
    """Posts one generation on one session, which must be its only writer."""

    def __init__(self, connection: Connection[DictRow], generation: Generation) -> None:
        self.generation = generation
        self._connection = connection
        self._folds = load()
        self._units_since_pruning = 0
        schema = Identifier(generation.schema)
        # Temporary tables last: an unqualified name is always a read model's.
        connection.execute(SQL("SET search_path = {}, pg_temp").format(schema))
        connection.execute(_SESSION)
        self._tables = BatchTables(connection, self._folds)
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ

    def post_next(self) -> Posted | None:
        """Post the next batch; None at the end of the log.

        Raises:
            ProjectionStoppedError: a fold cannot take the next events.
            PriorImagesMissingError: the generation must be posted anew.
        """
        try:
            return self._post(_EVENTS_MAX)
        except FoldFailedError as failure:
            return self._post_up_to(failure)

    def _post_up_to(self, failure: FoldFailedError) -> Posted | None:
        """Again in the smallest steps: what is good is kept, and the culprit is named closely."""
        try:
            posted = self._post(1)
            while posted and posted.batch.last < failure.last:
                posted = self._post(1)
        except FoldFailedError as culprit:
            self._connection.execute(_STOP, [culprit.fold, culprit.reason, self.generation.number])
            raise ProjectionStoppedError(culprit) from culprit
        return posted

    def _post(self, events_max: int) -> Posted | None:
        with self._connection.transaction():
            standing = read_standing(self._connection, self.generation.number)
            if standing.position == standing.log_position:
                return None
            posted = self._post_in_transaction(standing, events_max)
            serves = self._advance(posted.batch)
        if serves and standing.serving != self.generation.number:
            self._retire(standing.serving)
        if posted.batch.is_unit:
            self._prune(posted, standing)
        return posted

    def _post_in_transaction(self, standing: Standing, events_max: int) -> Posted:
        restored_to, at_least = None, standing.position
        if forks := forks_since(self._connection, standing):
            restored_to = prior_images.restore(self._connection, forks)
            at_least = forks[-1].position
            standing = read_standing(self._connection, self.generation.number)
            standing = standing._replace(position=restored_to)
        batch = next_batch(self._connection, standing, events_max=events_max, at_least=at_least)
        prior_images.begin_unit(self._connection, batch, standing.heads)
        self._fold(batch)
        return Posted(batch, standing.log_position, restored_to)

    def _fold(self, batch: Batch) -> None:
        with _blamed_on("batch", batch):
            present = self._tables.fill(batch)
        if present & TRADES:
            with _blamed_on(PAIRED_TRADE, batch):
                self._tables.pair_trades(batch)
            present |= {PAIRED_TRADE}
        if "season_created" in present:
            partitions.create(self._connection)
        for fold in self._folds:
            with _blamed_on(fold.read_model, batch):
                self._run(fold, present, prepare=batch.is_small)
        self._tables.empty()

    def _run(self, fold: Fold, present: frozenset[str], *, prepare: bool) -> None:
        for statement in fold.statements:
            if statement.inputs & present:
                self._connection.execute(statement.text, prepare=prepare)

    def _advance(self, batch: Batch) -> bool:
        """Move the positions, and tell whoever waits; whether this generation serves."""
        position = {"number": self.generation.number, "position": batch.last}
        self._connection.execute(_ADVANCE, position, prepare=True)
        serves = self._connection.execute(_SERVE, position, prepare=True).rowcount == 1
        if serves:
            self._connection.execute(_NOTIFY, [CHANNEL, str(batch.last)], prepare=True)
        return serves

    def _retire(self, previous: int) -> None:
        number = self.generation.number
        _log.info("generation_serves", generation=number, previous=previous)
        generations.drop_older(self._connection, serving=number, previous=previous)

    def _prune(self, posted: Posted, standing: Standing) -> None:
        """Once the batch is out, so that nobody waits for it."""
        self._units_since_pruning += 1
        is_behind = posted.batch.last < posted.log_position
        if is_behind or self._units_since_pruning >= _PRUNE_EVERY_UNITS:
            prior_images.prune(self._connection, standing.finalized)
            self._units_since_pruning = 0


@contextmanager
def _blamed_on(fold: str, batch: Batch) -> Iterator[None]:
    """Names the fold in whatever goes wrong, unless the connection did."""
    try:
        yield
    except (psycopg.OperationalError, psycopg.InterfaceError):
        raise
    except (psycopg.Error, UnpairedTradeError) as error:
        raise FoldFailedError(
            fold=fold, first=batch.first, last=batch.last, reason=reason(error)
        ) from error


# Measured: hash joins of a whole batch fit in 64 MB; compiling plans costs more than it saves.
_SESSION = "SET work_mem = '64MB'; SET jit = off"
_NOTIFY = "SELECT pg_notify(%s, %s)"
_STOP = "UPDATE daybook.generation SET stopped_fold = %s, stopped_reason = %s WHERE number = %s"
_ADVANCE = """
    UPDATE daybook.generation
    SET position = %(position)s, stopped_fold = NULL, stopped_reason = NULL
    WHERE number = %(number)s
"""
# A generation serves from the moment on when it has reached the one that served.
_SERVE = """
    UPDATE daybook.serving
    SET generation = %(number)s, position = %(position)s
    WHERE generation = %(number)s OR position <= %(position)s
"""
