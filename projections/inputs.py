"""The tables of a batch: temporary copies of the log's views, filled once and read by the folds.

`batch.<event>` holds the events of the batch whose blocks still belong to their chain, and
`batch.paired_trade` what is derived from them once, because most folds feed on it.

Events that meet in one transaction may stand far apart in the log, where a contract came late.
So for a batch with events of late contracts there are tables more: `batch.earlier_<event>` holds
what stands before the batch and belongs to blocks of it, and `batch.late_<event>` the batch's own
once more, so that statements which read it run for such a batch only. And for one with orphaned
blocks `batch.orphaned_<event>` holds what left its chain, which read models of the past keep.

They are emptied by hand: ON COMMIT DELETE ROWS empties every temporary table of the session in
every transaction, 9 ms for these forty, where a live block takes 4.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.sql import SQL, Composed, Identifier, Literal

from projections.batch import Batch
from projections.errors import UnpairedTradeError
from projections.folds import ORPHANED, Fold, Statement
from schema.events import CODECS
from schema.events.event import snake_case
from schema.log.mapper import CHAIN_FACTS

PAIRED_TRADE = "paired_trade"
TRADES = frozenset({"tokens_purchased", "tokens_sold"})

# What is looked for beside an event of its transaction: by which events.
_MEETS = {
    "sof_transfer": ("tokens_purchased", "trade"),
    "rollover_deposit": ("consolation_claimed",),
}
# Deleted rows leave something behind, truncating makes PostgreSQL plan every fold again.
_TRUNCATE_ROWS_MIN = 10_000

# Views of the log by the names of their events, whatever the version.
_FACT_VIEWS = {fact.__name__: snake_case(fact.__name__) for fact in CHAIN_FACTS}
_VIEWS = {event.__name__: codec.view for event, codec in CODECS.items()} | _FACT_VIEWS
_EVENT_OF = {view: event for event, view in _VIEWS.items()}
# Tables that hold no event's view as it is.
DERIVED = frozenset(
    {
        PAIRED_TRADE,
        *(f"{when}_{view}" for view in _MEETS for when in ("earlier", "late")),
        *(f"{ORPHANED}{view}" for view in _VIEWS.values()),
    }
)

_WORD = re.compile(r"\w+")


class BatchTables:
    """The temporary tables of one session."""

    def __init__(
        self, connection: Connection[DictRow], folds: Iterable[Fold], pairing: Sequence[Statement]
    ) -> None:
        """Make the tables that these folds read, with the columns that they name.

        `pairing` makes `paired_trade`, fills it, and finds what is without its pair.
        """
        self._connection = connection
        self._filled: dict[str, int] = {}
        self._deleted: Counter[str] = Counter()
        self._create_pairs, self._pair, self._find_lone = pairing
        readers = [statement for fold in folds for statement in fold.statements] + [*pairing]
        self._columns = {
            view: _columns(connection, view, readers)
            for view in _VIEWS.values()
            if any(statement.inputs & _tables_of(view) for statement in readers)
        }
        read = frozenset().union(*(statement.inputs for statement in readers))
        self._orphaned = {view for view in self._columns if f"{ORPHANED}{view}" in read}
        for view, columns in self._columns.items():
            unread = set() if view in self._orphaned else {f"{ORPHANED}{view}"}
            for name in _tables_of(view) - unread:
                connection.execute(_CREATE.format(Identifier(name), columns, Identifier(view)))
        connection.execute(self._create_pairs.text)
        connection.execute(_CREATE_PLACES)

    def views_in(self, batch: Batch, wanted: frozenset[str], *, pairs: bool) -> list[str]:
        """The views with events in the batch, of those that are `wanted` or go into `pairs`."""
        self._connection.execute("DELETE FROM pg_temp.place", prepare=True)
        bounds = {"first": batch.first, "last": batch.last}
        events = self._connection.execute(_INSERT_PLACES, bounds, prepare=True).fetchall()
        wanted = wanted | self._pair.inputs if pairs else wanted
        self._filled = {}
        return [
            view
            for row in events
            if (view := _VIEWS.get(row["event"])) is not None and wanted & _tables_of(view)
        ]

    def fill(self, view: str, batch: Batch) -> int:
        """Copy what folds read of one view, in the batch's transaction; how many rows there are."""
        # Nothing in a batch is orphaned unless the fact that says so stands in it too.
        passes_over = batch.has_orphaned and view not in _FACT_VIEWS.values()
        return self._insert(view, view, _NOT_ORPHANED if passes_over else SQL(""))

    def fill_orphaned(self, view: str) -> int:
        """For a batch with orphaned blocks: what of a view they held; how many rows there are."""
        if view not in self._orphaned:
            return 0
        return self._insert(f"{ORPHANED}{view}", view, _ORPHANED)

    def _insert(self, table: str, view: str, orphaned: SQL) -> int:
        insert = _INSERT.format(
            table=Identifier(table),
            columns=self._columns[view],
            view=Identifier(view),
            event=Literal(_EVENT_OF[view]),
            orphaned=orphaned,
        )
        rows = self._connection.execute(insert, prepare=True).rowcount
        self._filled[table] = rows
        return rows

    def fill_met(self, batch: Batch) -> set[str]:
        """For a batch with late events: what they meet; the names of what is there."""
        for view, met_by in _MEETS.items():
            if view in self._columns:
                self._fill_met(view, met_by, batch)
        return {name for name in DERIVED if self._filled.get(name)}

    def _fill_met(self, view: str, met_by: tuple[str, ...], batch: Batch) -> None:
        names = {"view": Identifier(view), "columns": self._columns[view]}
        earlier = _INSERT_EARLIER.format(earlier=Identifier(f"earlier_{view}"), **names)
        late = _INSERT_LATE.format(late=Identifier(f"late_{view}"), **names)
        events = {"met": _EVENT_OF[view], "met_by": [_EVENT_OF[meeting] for meeting in met_by]}
        where = {"first": batch.first, "last": batch.last, **events}
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


def _tables_of(view: str) -> frozenset[str]:
    """The tables of a batch that hold rows of this view."""
    met = (f"earlier_{view}", f"late_{view}") if view in _MEETS else ()
    return frozenset({view, f"{ORPHANED}{view}", *met})


def _columns(connection: Connection[DictRow], view: str, readers: Iterable[Statement]) -> Composed:
    """The columns of a view that the statements over its tables name: each costs its extraction."""
    tables = _tables_of(view)
    words = {
        word
        for statement in readers
        if statement.inputs & tables
        for word in _WORD.findall(statement.text)
    }
    rows = connection.execute(_SELECT_COLUMNS, [f"log.{view}"]).fetchall()
    return SQL(", ").join(Identifier(row["name"]) for row in rows if row["name"] in words)


_SELECT_COLUMNS = """
    SELECT attname AS name FROM pg_attribute
    WHERE attrelid = %s::regclass AND attnum > 0
    ORDER BY attnum
"""
_CREATE = SQL("CREATE TEMPORARY TABLE {} AS SELECT {} FROM log.{} WITH NO DATA")
# Where in the batch the events of each name stand: looking each place up takes a third of what
# looking for one name among the others does.
_CREATE_PLACES = """
    CREATE TEMPORARY TABLE place (event text NOT NULL, positions bigint[] NOT NULL);
    ALTER TABLE pg_temp.place ALTER COLUMN positions SET STORAGE EXTERNAL
"""
# Index: stored_event_notification_id.
_INSERT_PLACES = """
    INSERT INTO pg_temp.place
    SELECT split_part(topic, '/', 1), array_agg(notification_id) FROM log.stored_event
    WHERE notification_id BETWEEN %(first)s AND %(last)s
    GROUP BY 1
    RETURNING event
"""
_INSERT = SQL(
    """
    INSERT INTO pg_temp.{table}
    SELECT {columns} FROM log.{view}
    WHERE
        position = ANY((SELECT positions FROM pg_temp.place WHERE event = {event})::bigint[])
        {orphaned}
    """
)
_NOT_ORPHANED, _ORPHANED = SQL("AND NOT orphaned"), SQL("AND orphaned")
# Events of one attempt at one block share the stream and the upper bits of their version.
# Indexes: stored_event_notification_id, then the primary key, then stored_event_notification_id.
_INSERT_EARLIER = SQL(
    """
    INSERT INTO pg_temp.{earlier}
    SELECT {columns} FROM log.{view}
    WHERE position IN (
        SELECT met.notification_id
        FROM log.stored_event AS meeting
        INNER JOIN log.stored_event AS met
            ON
                met.originator_id = meeting.originator_id
                AND met.originator_version >> 32 = meeting.originator_version >> 32
        WHERE
            meeting.notification_id BETWEEN %(first)s AND %(last)s
            AND split_part(meeting.topic, '/', 1) = ANY(%(met_by)s)
            AND split_part(met.topic, '/', 1) = %(met)s
            AND met.notification_id < %(first)s
    )
    """
)
_INSERT_LATE = SQL("INSERT INTO pg_temp.{late} SELECT {columns} FROM pg_temp.{view}")
