"""From a row of a read model to the events behind it: what its key says of them.

Each column of the key narrows the events that the fold reads. A season or a box raffle stands for
its contracts and its number; a place in a block for the row's transaction, or for all up to there;
a time for its interval; an address for whoever emits the event or is named by it. Of any other
column an event must have the same value, if it has such a field at all.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Table

from api.event_log import IS_OF_SEASON, names

_ADDRESS = re.compile(r"0x[0-9a-f]{40}")
_SPANS = {"day": timedelta(days=1), "week": timedelta(days=7), "all": timedelta(days=366_000)}


class Condition(NamedTuple):
    """SQL about `event`, a row of the log, and its parameters."""

    text: str
    parameters: dict[str, Any]


_SEASON = f"EXISTS (SELECT FROM of_season WHERE {IS_OF_SEASON})"
_BOX_RAFFLE = """
    EXISTS (
        SELECT FROM {read}.box_raffle AS of_raffle
        WHERE of_raffle.raffle_key = %(raffle_key)s
          AND of_raffle.chain_id = (event.state -> 'chain_id')::bigint
          AND of_raffle.contract = event.state ->> 'contract'
          AND of_raffle.raffle_id = (event.state -> 'raffle_id')::numeric
    )
"""
_DEPLOYMENT = """
    EXISTS (
        SELECT FROM {read}.contract AS of_deployment
        WHERE of_deployment.deployment = %(deployment)s
          AND of_deployment.chain_id = (event.state -> 'chain_id')::bigint
          AND of_deployment.address = event.state ->> 'contract'
    )
"""
_CHAIN = "(event.state -> 'chain_id')::bigint = %(chain_id)s"
_TRANSACTION = "event.state ->> 'tx_hash' = %(tx_hash)s"
_UP_TO = "(event.state -> 'block_number')::bigint <= %(block_number)s"
_SAME_TRANSACTION = """
    (event.state ->> 'tx_hash', event.state ->> 'block_hash') = (
        SELECT state ->> 'tx_hash', state ->> 'block_hash' FROM log.stored_event
        WHERE notification_id = %(position)s
    )
"""
_WITHIN = """
    (event.state -> 'block_time')::bigint >= %(from_time)s
    AND (event.state -> 'block_time')::bigint < %(to_time)s
"""
_WHOLE = {"season_key": _SEASON, "raffle_key": _BOX_RAFFLE, "deployment": _DEPLOYMENT}


def narrow(table: Table, row: dict[str, Any]) -> Iterator[Condition]:
    """What the events behind a row fulfil, all of it."""
    key = [column.name for column in table.primary_key]
    for name in key:
        if name in _WHOLE:
            yield Condition(_WHOLE[name], {name: row[name]})
        elif name == "chain_id":
            yield Condition(_CHAIN, {name: row[name]})
        elif name == "position":
            yield Condition(_SAME_TRANSACTION, {name: row[name]})
        elif name == "block_number":
            yield _at_place(row)
        elif name == "start":
            yield _within(row)
        elif name not in {"log_index", "interval_seconds", "span"}:
            yield _has(name, row[name])


def _at_place(row: dict[str, Any]) -> Condition:
    if "tx_hash" in row:
        return Condition(_TRANSACTION, {"tx_hash": row["tx_hash"]})
    return Condition(_UP_TO, {"block_number": row["block_number"]})


def _within(row: dict[str, Any]) -> Condition:
    start = row["start"]
    if isinstance(start, date) and not isinstance(start, datetime):
        start = datetime.combine(start, time(), UTC)
    width = _SPANS[row["span"]] if "span" in row else timedelta(seconds=row["interval_seconds"])
    begin = int(start.timestamp())
    end = begin + int(width.total_seconds())
    return Condition(_WITHIN, {"from_time": begin, "to_time": end})


def _has(name: str, value: Any) -> Condition:
    if isinstance(value, str) and _ADDRESS.fullmatch(value):
        named = names(f"ARRAY[%({name})s::text]")
        text = f"(event.state ->> 'contract' = %({name})s OR {named})"
    else:
        text = f"(NOT event.state ? '{name}' OR event.state ->> '{name}' = %({name})s)"
    return Condition(text, {name: str(value)})
