"""Verifies a little at a time: ranges of the log, and figures of read models, by chance.

What differs is looked at again each time, until it is mended.
"""

from collections.abc import Iterator, Sequence
from random import Random
from typing import NamedTuple

import structlog
from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.sql import SQL, Identifier

from projections.serving import read_serving
from schema.log.verify import SealedRange, pick_range, verify_range
from schema.read_models import generation_schema
from schema.settings import ChainSettings
from scripts.upkeep.alerts import Alerts

RANGES, POSITIONS, SEASONS = 3, 20, 1  # each time, of each chain and of the read models
_POSITIONS_MAX = 50_000  # of the log, in a range: half a second
_ALERTS_MAX = 20  # looked at again each time

FIGURES = ("buys", "sells", "bought", "sold", "spent_wei", "received_wei", "fees_wei")

_log = structlog.get_logger()


def sample_log(
    session: Connection[DictRow], alerts: Alerts, chains: Sequence[ChainSettings], random: Random
) -> None:
    """Examine a few ranges of the log, each as `daybook verify --log` examines all."""
    doubtful = alerts.subjects(session, "log_differs")[:_ALERTS_MAX]
    judged, found, positions = set[str](), dict[str, str](), 0
    for chain in chains:
        for sealed in _ranges(session, chain, doubtful, random):
            subject = f"{chain.name} range {sealed.version}"
            judged.add(subject)
            positions += sealed.positions
            if findings := verify_range(session, sealed):
                first = findings[0]
                found[subject] = (
                    f"position {first.position}: {first.what}, expected {first.expected}, found "
                    f"{first.found}. All of it: daybook verify --log"
                )
    _tell("log", examined=len(judged), differences=len(found), positions=positions)
    alerts.settle(session, "log_differs", found, judged=judged)


def _ranges(
    session: Connection[DictRow], chain: ChainSettings, doubtful: Sequence[str], random: Random
) -> Iterator[SealedRange]:
    known = (subject.rpartition(" range ") for subject in doubtful)
    versions = [int(version) for name, _, version in known if name == chain.name]
    choices: list[int | Random] = [*versions, *[random] * RANGES]
    for chosen in choices:
        sealed = pick_range(session, chain.id, chosen)
        if sealed is not None and sealed.positions <= _POSITIONS_MAX:
            yield sealed


class Row(NamedTuple):
    """A row of a read model, and what the rows it sums up say."""

    subject: str
    held: dict[str, int]
    summed: dict[str, int]

    @property
    def difference(self) -> str:
        """What differs; nothing if it is right."""
        return ", ".join(
            f"{name} is {value}, its rows say {self.summed[name]}"
            for name, value in self.held.items()
            if value != self.summed[name]
        )


def sample_read_models(session: Connection[DictRow], alerts: Alerts, random: Random) -> None:
    """Compare some positions with their trades, and some seasons with their positions."""
    doubtful = alerts.subjects(session, "read_model_differs")[:_ALERTS_MAX]
    with session.transaction():
        session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        rows = list(_rows(session, doubtful, random))
    found = {row.subject: row.difference for row in rows if row.difference}
    _tell("read_models", examined=len(rows), differences=len(found))
    alerts.settle(session, "read_model_differs", found, judged=[row.subject for row in rows])


def _rows(session: Connection[DictRow], doubtful: Sequence[str], random: Random) -> Iterator[Row]:
    serving = read_serving(session)
    if serving is None or session.execute(_SELECT_STOPPED, [serving.generation]).fetchone():
        return  # those that stopped are at other positions of the log than the others
    schema = Identifier(generation_schema(serving.generation))
    session.execute(SQL("SET LOCAL search_path = {}, pg_temp").format(schema))
    newest = session.execute("SELECT coalesce(max(season_key), 0) AS key FROM season").fetchone()
    assert newest is not None
    known = [subject.split() for subject in doubtful]
    by_chance = random.randint(1, max(newest["key"], 1))
    seasons = {by_chance, *(int(words[1]) for words in known if words[0] == "season")}
    for row in session.execute(_SEASONS, [list(seasons)]).fetchall():
        yield Row(f"season {row['season_key']}", row["held"], row["summed"])
    positions = [(int(words[1]), words[2], 1) for words in known if words[0] == "position"]
    place = (by_chance, f"0x{random.getrandbits(160):040x}", POSITIONS)
    for chosen in [*positions, place]:
        for row in session.execute(_POSITIONS, chosen).fetchall():
            subject = f"position {row['season_key']} {row['player']}"
            yield Row(subject, row["held"], row["summed"])


def _tell(part: str, *, examined: int, differences: int, **more: int) -> None:
    tell = _log.warning if differences else _log.info
    tell("verify_sample", part=part, examined=examined, differences=differences, **more)


_SELECT_STOPPED = """
    SELECT FROM daybook.stopped_read_model
    WHERE generation = %s AND read_model IN ('position', 'trade', 'season')
    LIMIT 1
"""


def _object(values: str, names: Sequence[str] = FIGURES) -> str:
    """JSON of some figures; `values` says how each is told."""
    fields = (f"'{name}', {values.replace('?', name)}" for name in names)
    return f"jsonb_build_object({', '.join(fields)})"


_SOLD_OR_BOUGHT = {
    "buys": "count(*) FILTER (WHERE kind = 'BUY')",
    "sells": "count(*) FILTER (WHERE kind = 'SELL')",
    "bought": "coalesce(sum(tickets) FILTER (WHERE kind = 'BUY'), 0)",
    "sold": "coalesce(sum(tickets) FILTER (WHERE kind = 'SELL'), 0)",
    "spent_wei": "coalesce(sum(sof_wei) FILTER (WHERE kind = 'BUY'), 0)",
    "received_wei": "coalesce(sum(sof_wei) FILTER (WHERE kind = 'SELL'), 0)",
    "fees_wei": "coalesce(sum(fee_wei), 0)",
}
# The first positions from a place on. Indexes: primary key; trade_by_player of the partition.
_POSITIONS = f"""
    SELECT
        held.season_key,
        held.player,
        {_object("held.?")} AS held,
        traded.summed
    FROM position AS held
    CROSS JOIN LATERAL (
        SELECT jsonb_build_object({", ".join(f"'{k}', {v}" for k, v in _SOLD_OR_BOUGHT.items())})
            AS summed
        FROM trade
        WHERE trade.season_key = held.season_key AND trade.player = held.player
    ) AS traded
    WHERE (held.season_key, held.player) >= (%s, %s)
    ORDER BY held.season_key, held.player
    LIMIT %s
"""
# Index: primary key of position.
_SEASONS = f"""
    SELECT
        season.season_key,
        {_object("season.?", FIGURES[2:])} || jsonb_build_object('trades', season.trades) AS held,
        totals.summed
    FROM season
    CROSS JOIN LATERAL (
        SELECT
            {_object("coalesce(sum(position.?), 0)", FIGURES[2:])} || jsonb_build_object(
                'trades', coalesce(sum(position.buys + position.sells), 0)
            ) AS summed
        FROM position
        WHERE position.season_key = season.season_key
    ) AS totals
    WHERE season.season_key = ANY(%s)
"""
