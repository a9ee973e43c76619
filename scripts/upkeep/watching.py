"""Looks for what operators should be told of: what lags, fails, halts, stops or is slow."""

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import timedelta

from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.sql import SQL, Identifier

from projections.serving import read_serving
from schema.database import API_SESSIONS
from schema.log.chain import RangeIndexed
from schema.log.mapper import stored_as
from schema.log.streams import chain_stream_id
from schema.progress import ChainTally
from schema.read_models import generation_schema
from schema.settings import ChainSettings
from scripts.upkeep.alerts import Alerts

APPENDS_EVERY_SECONDS = 10
_LOOKS = 5 * 60 // APPENDS_EVERY_SECONDS  # five minutes of them
# A slow query is often asked again: that is one alert, not one each time.
_SLOW_QUIET = timedelta(minutes=5)


class IndexingWatch:
    """Watches the chains that this process indexes; a standby has nothing to say of them."""

    def __init__(
        self, alerts: Alerts, tallies: Mapping[str, ChainTally], *, failed_percent_max: float
    ) -> None:
        self._alerts = alerts
        self._tallies = tallies
        self._failed_percent_max = failed_percent_max
        self._looks = {name: deque([(0, 0)], maxlen=_LOOKS) for name in tallies}

    def look(self, session: Connection[DictRow]) -> None:
        """Look at what was counted since the last looks."""
        halted = {name: each.halted for name, each in self._tallies.items() if each.halted}
        working = {name for name, each in self._tallies.items() if each.appended or each.failed}
        failing = {name: text for name in working if (text := self._failing(name))}
        self._alerts.settle(session, "chain_halted", halted, judged=working | set(halted))
        self._alerts.settle(session, "appends_fail", failing, judged=working)

    def _failing(self, chain: str) -> str:
        """What to tell of a chain's failed appends; nothing where few failed."""
        tally, looks = self._tallies[chain], self._looks[chain]
        looks.append((tally.appended, tally.failed))
        appended, failed = (new - old for new, old in zip(looks[-1], looks[0], strict=True))
        if failed * 100 <= self._failed_percent_max * (appended + failed):
            return ""
        return f"{failed} of {appended + failed} appends to the log failed"


def watch_lag(
    session: Connection[DictRow],
    alerts: Alerts,
    chains: Sequence[ChainSettings],
    seconds_max: float,
) -> None:
    """Tell of chains and read models that are far behind, by block time."""
    lagging, behind = {}, {}
    posted = _posted_times(session)
    for chain in chains:
        newest = session.execute(_SELECT_NEWEST, [chain_stream_id(chain.id)]).fetchone()
        if newest is None:
            continue  # it has not begun
        if newest["age"] > seconds_max:
            lagging[chain.name] = (
                f"the newest indexed block, {newest['number']}, is {_span(newest['age'])} old"
            )
        lag = newest["time"] - posted.get(chain.id, newest["time"])
        if lag > seconds_max:
            behind[chain.name] = (
                f"the read models are {_span(lag)} of the chain's time behind the log"
            )
    alerts.settle(session, "chain_lags", lagging)
    alerts.settle(session, "read_models_lag", behind)


def _posted_times(session: Connection[DictRow]) -> dict[int, int]:
    """The time of each chain's newest posted block, where read models serve."""
    serving = read_serving(session)
    if serving is None:
        return {}
    schema = Identifier(generation_schema(serving.generation))
    rows = session.execute(_SELECT_POSTED.format(schema=schema)).fetchall()
    return {row["chain_id"]: row["time"] for row in rows}


def _span(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


def watch_read_models(session: Connection[DictRow], alerts: Alerts) -> None:
    """Tell of read models that stopped, in the generation that serves."""
    rows = session.execute(_SELECT_STOPPED).fetchall()
    stopped = {
        row["read_model"]: f"stopped at position {row['position']}, since {row['culprit']} "
        f"failed: {row['reason']}"
        for row in rows
    }
    alerts.settle(session, "read_model_stopped", stopped)


def watch_queries(session: Connection[DictRow], alerts: Alerts, seconds_max: float) -> None:
    """Tell of queries of the api that take long; a query is named by the MD5 of its text."""
    rows = session.execute(_SELECT_SLOW, [API_SESSIONS, seconds_max]).fetchall()
    slow = {row["subject"]: f"{row['seconds']:.1f} s: {row['query']}" for row in rows}
    session.execute("SET ROLE daybook_projector")  # whose alerts are
    alerts.settle(session, "query_is_slow", slow, quiet=_SLOW_QUIET)


# Index: primary key.
_SELECT_NEWEST = f"""
    SELECT
        (state -> 'last')::bigint AS number,
        (state -> 'last_time')::bigint AS time,
        (extract(epoch FROM now()) - (state -> 'last_time')::bigint)::float8 AS age
    FROM log.stored_event
    WHERE originator_id = %s AND topic = '{stored_as(RangeIndexed)}'
    ORDER BY originator_version DESC
    LIMIT 1
"""
_SELECT_POSTED = SQL(
    """
    SELECT chain_id, extract(epoch FROM block_time)::bigint AS time
    FROM {schema}.chain
    WHERE block_time IS NOT NULL
    """
)
_SELECT_STOPPED = """
    SELECT stopped.read_model, stopped.position, stopped.culprit, stopped.reason
    FROM daybook.serving INNER JOIN daybook.stopped_read_model AS stopped USING (generation)
"""
# Parameters are not in the text: they are sent beside it.
_SELECT_SLOW = r"""
    SELECT
        md5(query) AS subject,
        max(extract(epoch FROM clock_timestamp() - query_start))::float8 AS seconds,
        left(regexp_replace(query, '\s+', ' ', 'g'), 500) AS query
    FROM pg_stat_activity
    WHERE
        datname = current_database()
        AND application_name = %s
        AND state = 'active'
        AND clock_timestamp() - query_start > make_interval(secs => %s)
    GROUP BY query
"""
