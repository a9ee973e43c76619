"""The tables of a batch: temporary copies of the log's views, filled once and read by the folds.

`batch.<event>` holds the events of the batch whose blocks still belong to their chain, and
`batch.paired_trade` what is derived from them once, because most folds feed on it.

Events that meet in one transaction may stand far apart in the log, where a contract came late.
So for a batch with events of late contracts there are tables more: `batch.earlier_<event>` holds
what stands before the batch and belongs to blocks of it, and `batch.late_<event>` the batch's own
once more, so that statements which read it run for such a batch only.

They are emptied by hand: ON COMMIT DELETE ROWS empties every temporary table of the session in
every transaction, 9 ms for these forty, where a live block takes 4.
"""

from collections import Counter
from collections.abc import Iterable

from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.sql import SQL, Identifier

from projections.batch import Batch
from projections.errors import UnpairedTradeError
from projections.folds import Fold, statements
from schema.events import CODECS
from schema.events.event import snake_case
from schema.log.store import CHAIN_FACTS, stored_as

PAIRED_TRADE = "paired_trade"
TRADES = frozenset({"tokens_purchased", "tokens_sold"})

# What is looked for beside an event of its transaction: by which events.
_MEETS = {"sof_transfer": "tokens_purchased", "rollover_deposit": "consolation_claimed"}
# Tables that hold no event's view as it is.
DERIVED = frozenset(
    {PAIRED_TRADE, *(f"{when}_{view}" for view in _MEETS for when in ("earlier", "late"))}
)

# Deleted rows leave something behind, truncating makes PostgreSQL plan every fold again.
_TRUNCATE_ROWS_MIN = 10_000

_FACT_VIEWS = {stored_as(fact): snake_case(fact.__name__) for fact in CHAIN_FACTS}
_VIEWS = {codec.stored_as: codec.view for codec in CODECS.values()} | _FACT_VIEWS
_TOPIC_OF = {view: topic for topic, view in _VIEWS.items()}


class BatchTables:
    """The temporary tables of one session."""

    def __init__(self, connection: Connection[DictRow], folds: Iterable[Fold]) -> None:
        """Make the tables that these folds read."""
        self._connection = connection
        self._filled: dict[str, int] = {}
        self._deleted: Counter[str] = Counter()
        self._create_pairs, self._pair, self._find_lone = statements("projections", PAIRED_TRADE)
        wanted = {
            name for fold in folds for statement in fold.statements for name in statement.inputs
        }
        wanted |= self._pair.inputs
        self._topics = {topic: view for topic, view in _VIEWS.items() if view in wanted}
        for view in self._topics.values():
            connection.execute(_CREATE.format(Identifier(view), Identifier(view)))
        for view in _MEETS:
            for name in (f"earlier_{view}", f"late_{view}"):
                connection.execute(_CREATE.format(Identifier(name), Identifier(view)))
        connection.execute(self._create_pairs.text)

    def fill(self, batch: Batch) -> frozenset[str]:
        """Copy what folds read of one batch, in its transaction; the names of what is there."""
        bounds = {"first": batch.first, "last": batch.last}
        topics = self._connection.execute(_TOPICS, bounds, prepare=True).fetchall()
        self._filled = {
            view: self._insert(view, batch, row["positions"])
            for row in topics
            if (view := self._topics.get(row["topic"])) is not None
        }
        if batch.has_late:
            for view, met_by in _MEETS.items():
                self._fill_met(view, met_by, batch)
        return frozenset(name for name, rows in self._filled.items() if rows)

    def _fill_met(self, view: str, met_by: str, batch: Batch) -> None:
        names = {"view": Identifier(view), "earlier": Identifier(f"earlier_{view}")}
        earlier = _INSERT_EARLIER.format(**names)
        late = _INSERT_LATE.format(late=Identifier(f"late_{view}"), **names)
        topics = {"met": _TOPIC_OF[view], "met_by": _TOPIC_OF[met_by]}
        where = {"first": batch.first, "last": batch.last, **topics}
        self._filled[f"earlier_{view}"] = self._connection.execute(earlier, where).rowcount
        self._filled[f"late_{view}"] = self._connection.execute(late).rowcount

    def pair_trades(self, batch: Batch) -> None:
        """Fill `paired_trade`.

        Raises:
            UnpairedTradeError: a purchase or sale found no position update.
        """
        trades = sum(self._filled.get(view, 0) for view in TRADES)
        paired = self._connection.execute(self._pair.text, prepare=batch.is_small).rowcount
        if paired != trades:
            lone = self._connection.execute(self._find_lone.text).fetchone()
            assert lone is not None, "two blocks of one number stand in the log"
            raise UnpairedTradeError(**lone)
        self._filled[PAIRED_TRADE] = paired

    def empty(self) -> None:
        """Empty them again, in the same transaction: between any two they hold nothing."""
        for name, rows in self._filled.items():
            self._deleted[name] += rows
            if self._deleted[name] > _TRUNCATE_ROWS_MIN:
                self._connection.execute(SQL("TRUNCATE pg_temp.{}").format(Identifier(name)))
                del self._deleted[name]
            else:
                delete = SQL("DELETE FROM pg_temp.{}").format(Identifier(name))
                self._connection.execute(delete, prepare=True)

    def _insert(self, view: str, batch: Batch, positions: list[int] | None) -> int:
        """Copy one view's events, at these positions if they are few; how many they are."""
        # Nothing in a batch is orphaned unless the fact that says so stands in it too.
        passes_over = batch.has_orphaned and view not in _FACT_VIEWS.values()
        insert = _INSERT.format(
            table=Identifier(view),
            where=_IN_BATCH if positions is None else _AT_POSITIONS,
            orphaned=_NOT_ORPHANED if passes_over else SQL(""),
        )
        where = {"first": batch.first, "last": batch.last, "positions": positions}
        return self._connection.execute(insert, where, prepare=True).rowcount


_CREATE = SQL("CREATE TEMPORARY TABLE {} (LIKE log.{})")
_INSERT = SQL("INSERT INTO pg_temp.{table} SELECT * FROM log.{table} WHERE {where} {orphaned}")
_IN_BATCH = SQL("position BETWEEN %(first)s AND %(last)s")
_AT_POSITIONS = SQL("position = ANY(%(positions)s)")
_NOT_ORPHANED = SQL("AND NOT orphaned")
# Events of one attempt at one block share the stream and the upper bits of their version.
# Indexes: stored_event_notification_id, then the primary key, then stored_event_notification_id.
_INSERT_EARLIER = SQL(
    """
    INSERT INTO pg_temp.{earlier}
    SELECT * FROM log.{view}
    WHERE position IN (
        SELECT met.notification_id
        FROM log.stored_event AS meeting
        INNER JOIN log.stored_event AS met
            ON
                met.originator_id = meeting.originator_id
                AND met.originator_version >> 32 = meeting.originator_version >> 32
        WHERE
            meeting.notification_id BETWEEN %(first)s AND %(last)s
            AND meeting.topic = %(met_by)s
            AND met.topic = %(met)s
            AND met.notification_id < %(first)s
    )
    """
)
_INSERT_LATE = SQL("INSERT INTO pg_temp.{late} SELECT * FROM pg_temp.{view}")
# What is in a batch; where an event is rare, its positions too, since looking for the few among
# the many takes 12 ms an event class in a full batch. Index: stored_event_notification_id.
_TOPICS = """
    SELECT
        topic,
        CASE WHEN count(*) <= 100 THEN array_agg(notification_id) END AS positions
    FROM log.stored_event
    WHERE notification_id BETWEEN %(first)s AND %(last)s
    GROUP BY topic
"""
