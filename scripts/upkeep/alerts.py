"""What operators are told: each alert once when it is raised, and once when it is cleared.

Alerts that hold stand in `daybook.alert`, so that no restart tells of them again, several
processes tell of each only once, and everybody can show them.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Literal

import msgspec
import structlog
from psycopg import Connection
from psycopg.rows import DictRow

_log = structlog.get_logger()

Name = Literal[
    "appends_fail",
    "chain_halted",
    "chain_lags",
    "log_differs",
    "query_is_slow",
    "read_model_differs",
    "read_model_stopped",
    "read_models_lag",
]


class Alert(msgspec.Struct, frozen=True):
    """Something that an operator should know of.

    Attributes:
        event: whether it began or is over.
        alert: what sort of thing it is.
        subject: which one: a chain, a read model, …
        since: when it was first seen.
        detail: what was seen then; when it is cleared, what was seen last.
    """

    event: Literal["alert_raised", "alert_cleared"]
    alert: Name
    subject: str
    since: datetime
    detail: str


class Alerts:
    """Raises and clears alerts."""

    def __init__(self, tell: Callable[[Alert], None]) -> None:
        """Prepare; `tell` is called with each one after it is logged, and must not block."""
        self._tell = tell

    def settle(
        self,
        session: Connection[DictRow],
        name: Name,
        found: Mapping[str, str],
        *,
        judged: Iterable[str] | None = None,
        quiet: timedelta = timedelta(0),
    ) -> None:
        """Take what a look found: raise what is new, clear what is over.

        Args:
            session: of the projector's role, outside of a transaction.
            name: of the alerts.
            found: what there is to tell of each subject that is not as it should be.
            judged: the subjects that were looked at; all there are if not given.
            quiet: for how long one must not be seen before it is over.
        """
        looked_at = None if judged is None else list(judged)
        with session.transaction():
            raised = session.execute(
                _RAISE, {"name": name, "subjects": list(found), "details": list(found.values())}
            ).fetchall()
            cleared = session.execute(
                _CLEAR, {"name": name, "found": list(found), "judged": looked_at, "quiet": quiet}
            ).fetchall()
        for row in raised:
            if row.pop("is_new"):
                self._say(Alert("alert_raised", name, **row))
        for row in cleared:
            self._say(Alert("alert_cleared", name, **row))

    def subjects(self, session: Connection[DictRow], name: Name) -> list[str]:
        """The subjects of the alerts of a name that hold."""
        rows = session.execute(_SELECT_SUBJECTS, [name]).fetchall()
        return [row["subject"] for row in rows]

    def _say(self, alert: Alert) -> None:
        tell = _log.warning if alert.event == "alert_raised" else _log.info
        fields = msgspec.to_builtins(alert)
        tell(fields.pop("event"), **fields)
        self._tell(alert)


# A row that was there keeps its `since`, and has been updated: its xmax is not 0.
_RAISE = """
    INSERT INTO daybook.alert AS held (name, subject, since, last_seen, detail)
    SELECT %(name)s, seen.subject, clock_timestamp(), clock_timestamp(), seen.detail
    FROM unnest(%(subjects)s::text[], %(details)s::text[]) AS seen (subject, detail)
    ORDER BY seen.subject
    ON CONFLICT (name, subject) DO UPDATE
    SET last_seen = excluded.last_seen, detail = excluded.detail
    RETURNING held.subject, held.since, held.detail, held.xmax = 0 AS is_new
"""
_CLEAR = """
    DELETE FROM daybook.alert
    WHERE
        name = %(name)s
        AND NOT subject = ANY(%(found)s)
        AND (%(judged)s::text[] IS NULL OR subject = ANY(%(judged)s))
        AND last_seen <= clock_timestamp() - %(quiet)s
    RETURNING subject, since, detail
"""
_SELECT_SUBJECTS = "SELECT subject FROM daybook.alert WHERE name = %s ORDER BY subject"
