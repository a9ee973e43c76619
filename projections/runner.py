"""Posts one generation: batch by batch, each in one transaction with its position."""

from contextlib import suppress
from typing import NamedTuple

import psycopg
from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.sql import SQL, Identifier

from projections import prior_images
from projections.ahead import forks_since, next_batch, read_standing
from projections.batch import Batch, Extent, Standing
from projections.errors import FoldFailedError
from projections.folding import Folding
from projections.generations import Generation
from projections.settling import settle
from projections.stopping import go_on, stop

CHANNEL = "daybook_posted"  # NOTIFY with the position, for whoever waits for news

# Replaying: the cost of an event no longer falls beyond this, the memory of a batch does rise.
EVENTS_MAX = 65_536
# Pruning touches every table: often enough to stay small, seldom enough not to be felt.
_PRUNE_EVERY_UNITS = 32


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
    """Posts one generation on one session, which must be its only writer.

    Attributes:
        position: up to which it is posted, as of the last call of `post_next`.
        serves: whether it is the generation that serves, as of then.
    """

    position = 0
    serves = False

    def __init__(self, connection: Connection[DictRow], generation: Generation) -> None:
        self.generation = generation
        self._connection = connection
        self._units_since_pruning = 0
        schema = Identifier(generation.schema)
        # Temporary tables last: an unqualified name is always a read model's.
        connection.execute(SQL("SET search_path = {}, pg_temp").format(schema))
        connection.execute(_SESSION)
        self._folding = Folding(connection, generation.definition)
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ

    def post_next(self, *, limit: int | None = None, events_max: int = EVENTS_MAX) -> Posted | None:
        """Post the next batch; None at the end of the log, or of what may be posted.

        Args:
            limit: a position where another generation stands, which is not to be overtaken.
            events_max: about how many positions of final blocks to post.

        Raises:
            ProjectionStoppedError: a fold cannot take the next events.
            PriorImagesMissingError: the generation must be posted anew.
        """
        extent = Extent(events_max, limit=limit)
        try:
            return self._post(extent)
        except FoldFailedError as failure:
            return self._post_up_to(failure, extent)

    def settle(self) -> None:
        """Make what is left out while catching up; the generation has caught up."""
        if not read_standing(self._connection, self.generation.number).settled:
            settle(self._connection, self.generation, self._folding.folds)

    def _post_up_to(self, failure: FoldFailedError, extent: Extent) -> Posted | None:
        """Again in the smallest steps: who cannot take one stops before it, the others go on."""
        posted = None
        while posted is None or posted.batch.last < failure.last:
            try:
                posted = self._post(extent._replace(events_max=1))
            except FoldFailedError as culprit:
                stop(self._connection, self.generation, self._folding.folds, culprit)
            else:
                if posted is None:
                    break
        return posted

    def _post(self, extent: Extent) -> Posted | None:
        while True:
            # Another generation may be put in place of this one while it is being locked.
            with suppress(psycopg.errors.SerializationFailure):
                return self._post_locked(extent)

    def _post_locked(self, extent: Extent) -> Posted | None:
        posted = None
        with self._connection.transaction():
            # Before all else: whoever holds this row still waits for what is under way.
            row = self._connection.execute(_LOCK_SERVING, [self.generation.number], prepare=True)
            self.serves = row.fetchone() is not None
            standing = read_standing(self._connection, self.generation.number)
            self.position = standing.position
            if standing.position < extent.last(standing):
                posted = self._post_in_transaction(standing, extent)
                if posted is None:
                    raise psycopg.Rollback
                self._advance(posted.batch)
        if posted is not None:
            self.position = posted.batch.last
            if posted.batch.is_unit:
                self._prune(standing)
        return posted

    def _post_in_transaction(self, standing: Standing, extent: Extent) -> Posted | None:
        restored_to = None
        if forks := forks_since(self._connection, standing):
            restored_to = prior_images.restore(self._connection, forks)
            go_on(self._connection, self.generation, position=restored_to)
            extent = extent._replace(at_least=forks[-1].position)
            standing = read_standing(self._connection, self.generation.number)
            standing = standing._replace(position=restored_to)
        batch = next_batch(self._connection, standing, extent)
        if batch is None:
            return None
        if batch.is_unit and not standing.settled:
            settle(self._connection, self.generation, self._folding.folds)
            standing = standing._replace(settled=True)
        prior_images.begin_unit(self._connection, batch, standing.heads)
        self._folding.fold(batch, without=self._left_out(standing))
        return Posted(batch, standing.log_position, restored_to)

    def _left_out(self, standing: Standing) -> frozenset[str]:
        """The read models that are not posted: those that stopped, and derived ones until then."""
        if standing.settled:
            return standing.stopped
        folds = self._folding.folds
        return standing.stopped | {fold.read_model for fold in folds if fold.fill is not None}

    def _advance(self, batch: Batch) -> None:
        """Move the positions, and tell whoever waits."""
        position = {"number": self.generation.number, "position": batch.last}
        self._connection.execute(_ADVANCE, position, prepare=True)
        if self.serves:
            self._connection.execute(_SERVE, position, prepare=True)
            self._connection.execute(_NOTIFY, [CHANNEL, str(batch.last)], prepare=True)

    def _prune(self, standing: Standing) -> None:
        """Once the batch is out, so that nobody waits for it."""
        self._units_since_pruning += 1
        if self._units_since_pruning >= _PRUNE_EVERY_UNITS:
            prior_images.prune(self._connection, standing.finalized)
            self._units_since_pruning = 0


# Measured: hash joins of a whole batch fit in 64 MB; compiling plans costs more than it saves; a
# tenth of the statistics leaves the same plans. No commit waits for the disk: should PostgreSQL
# crash, what was posted last is posted again from the log, whose own commits come before.
_SESSION = """
    SET work_mem = '64MB';
    SET jit = off;
    SET default_statistics_target = 10;
    SET synchronous_commit = off;
"""
_NOTIFY = "SELECT pg_notify(%s, %s)"
_ADVANCE = """
    UPDATE daybook.generation
    SET position = %(position)s
    WHERE number = %(number)s
"""
_LOCK_SERVING = "SELECT FROM daybook.serving WHERE generation = %s FOR NO KEY UPDATE"
_SERVE = "UPDATE daybook.serving SET position = %(position)s"
