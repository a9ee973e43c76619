"""The events behind what differs for a player: those of the log from which the figure was made."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
from psycopg import Connection
from psycopg.rows import DictRow

from schema.events import CODECS
from schema.read_models import READ_MODELS
from schema.settings import ChainSettings
from scripts.verify_chain.findings import Difference, EventBehind
from scripts.verify_chain.served import Served, over_the_log

_WORD = re.compile(r"\w+")
# Nobody reads more of them at once; the others are counted.
_EVENTS_MAX = 20


class _Source(NamedTuple):
    """Events of one class that name a player.

    Attributes:
        view: of the log.
        player: the column that names the player.
        season: how a row of `compared_season` is of the event's season; empty if it has none.
    """

    view: str
    player: str
    season: str


_BY_CURVE = "event.contract IN (season.curve, season.raffle_token)"
_BY_NUMBER = "event.contract = ANY(season.contracts) AND event.season_id = season.season_id"
_TRADES = (
    _Source("position_update", "player", _BY_CURVE),
    _Source("tokens_purchased", "buyer", _BY_CURVE),
    _Source("tokens_sold", "seller", _BY_CURVE),
    _Source("raffle_position_update", "player", _BY_NUMBER),
)
_CLAIMS = (
    _Source("consolation_claimed", "account", _BY_NUMBER),
    _Source("rollover_deposit", "user_address", _BY_NUMBER),
)
_ROLLOVERS = (
    _Source("rollover_deposit", "user_address", _BY_NUMBER),
    _Source("rollover_spend", "user_address", _BY_NUMBER),
    _Source("rollover_refund", "user_address", _BY_NUMBER),
)
_TRANSFERS = (
    _Source("raffle_token_transfer", "from_address", _BY_CURVE),
    _Source("raffle_token_transfer", "to_address", _BY_CURVE),
    _Source("sof_transfer", "from_address", ""),
    _Source("sof_transfer", "to_address", ""),
)
# By the first word of a figure.
_SOURCES = {
    "position": _TRADES,
    "PositionUpdates": _TRADES,
    "participant": _TRADES,
    "claim": _CLAIMS,
    "rollover": _ROLLOVERS,
    "balance": _TRANSFERS,
}

_NAMES = {codec.view: codec.event.__name__ for codec in CODECS.values()}

Key = tuple[str, int | None, str | None]


def with_events(
    connection: Connection[DictRow],
    chain: ChainSettings,
    served: Served,
    found: Iterable[Difference],
) -> list[Difference]:
    """The differences, those of players with their events, in the session that read `served`."""
    found = list(found)
    behind = {
        sources: _read(connection, chain, served, sources, found)
        for sources in dict.fromkeys(map(_sources, found))
        if sources
    }
    return [_with(each, behind.get(_sources(each), {}).get(_key(each), [])) for each in found]


def _sources(difference: Difference) -> tuple[_Source, ...]:
    return _SOURCES.get(_read_model(difference), ()) if difference.about.player else ()


def _read_model(difference: Difference) -> str:
    """The first word of a figure."""
    word = _WORD.match(difference.figure)
    assert word is not None
    return word[0]


def _explained_by(difference: Difference) -> str:
    """What to type to see all events behind the row, if it is named by season and player."""
    read_model = _read_model(difference)
    read_model = "position" if read_model == "participant" else read_model
    table, about = READ_MODELS.tables.get(read_model), difference.about
    if table is None or about.season_id is None:
        return ""
    known = {"season_key": f"{about.deployment}:{about.season_id}", "player": about.player}
    key = [known.get(column.name) for column in table.primary_key]
    return " ".join(["daybook explain", read_model, *filter(None, key)]) if all(key) else ""


def _key(difference: Difference) -> Key:
    about = difference.about
    return about.deployment, about.season_id, about.player


def _with(difference: Difference, events: Sequence[DictRow]) -> Difference:
    told = [
        EventBehind(row["position"], row["block_number"], row["log_index"], _NAMES[row["view"]])
        for row in events
    ]
    return msgspec.structs.replace(
        difference,
        events=told,
        events_in_all=events[0]["in_all"] if events else 0,
        explained_by=_explained_by(difference),
    )


def _read(
    connection: Connection[DictRow],
    chain: ChainSettings,
    served: Served,
    sources: tuple[_Source, ...],
    found: Iterable[Difference],
) -> dict[Key, list[DictRow]]:
    """The newest events of these players from these sources, by what they are about, in order."""
    wanted = {
        "chain_id": chain.id,
        "position": served.position,
        "most": _EVENTS_MAX,
        "players": [each.about.player for each in found if _sources(each) == sources],
    }
    select = _NEWEST.format(events=" UNION ".join(map(_select, sources)))
    rows: dict[Key, list[DictRow]] = {}
    with over_the_log(connection):
        events = connection.execute(select.encode(), wanted).fetchall()
    for row in events:
        season = None if row["season_id"] is None else int(row["season_id"])
        rows.setdefault((row["deployment"], season, row["player"]), []).append(row)
    return rows


def _select(source: _Source) -> str:
    return _OF_PLAYERS.format(
        view=source.view,
        player=source.player,
        season_id="season.season_id" if source.season else "NULL::numeric",
        of_season=source.season or "event.contract = ANY(season.contracts)",
    )


_OF_PLAYERS = """
    SELECT season.deployment, {season_id} AS season_id, event.{player} AS player,
        event.position, event.block_number, event.log_index, '{view}' AS view
    FROM log.{view} AS event
    INNER JOIN compared_season AS season ON {of_season}
    WHERE
        event.chain_id = %(chain_id)s
        AND event.position <= %(position)s
        AND event.{player} = ANY(%(players)s)
        AND NOT EXISTS (
            SELECT FROM left_block
            WHERE left_block.hash = event.block_hash AND left_block.position > event.position
        )
"""
_NEWEST = """
    SELECT * FROM (
        SELECT
            event.*,
            row_number() OVER newest_first AS place,
            count(*) OVER (PARTITION BY deployment, season_id, player) AS in_all
        FROM ({events}) AS event
        WINDOW newest_first AS (
            PARTITION BY deployment, season_id, player ORDER BY position DESC
        )
    ) AS placed
    WHERE place <= %(most)s
    ORDER BY position
"""
