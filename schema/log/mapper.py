"""Stored rows to events: what is stored under which name and version, and how it is read."""

from typing import Any

import msgspec

from schema.events import CODECS, Event, UndecodedLog
from schema.events.earlier import EARLIER
from schema.log.chain import (
    BlocksOrphaned,
    ChainFact,
    ChainOpened,
    ContractDiscovered,
    ContractsBackfilled,
    RangeIndexed,
)

CHAIN_FACTS: tuple[type[ChainFact], ...] = (
    ChainOpened,
    ContractDiscovered,
    RangeIndexed,
    ContractsBackfilled,
    BlocksOrphaned,
)

LogEvent = Event | UndecodedLog | ChainFact


def stored_as(event: type[LogEvent]) -> str:
    """Name and version under which events of a class are stored, e.g. `RangeIndexed/1`."""
    return f"{event.__name__}/{event.version}"


_CLASSES: tuple[type[LogEvent], ...] = (*CODECS, UndecodedLog, *CHAIN_FACTS)
STORED_AS = {event: stored_as(event) for event in _CLASSES}
_EARLIER = {earlier.stored_as: earlier for earlier in EARLIER}
_DECODERS: dict[str, msgspec.json.Decoder[Any]] = {
    **{name: msgspec.json.Decoder(event) for event, name in STORED_AS.items()},
    **{name: msgspec.json.Decoder(earlier.stored) for name, earlier in _EARLIER.items()},
}

TOPICS = frozenset(_DECODERS)  # every name and version that a row may be stored as


def load_stored(topic: str, state: bytes | str) -> LogEvent:
    """A stored row's event in the version in which it is stored; see `schema.events.earlier`.

    Args:
        topic: name and version that it is stored as.
        state: its JSON.
    """
    event: LogEvent = _DECODERS[topic].decode(state)
    return event


def load_event(topic: str, state: bytes | str) -> LogEvent:
    """The event of a stored row, in today's version; arguments as of `load_stored`."""
    return as_of_today(topic, load_stored(topic, state))


def as_of_today(topic: str, stored: LogEvent) -> LogEvent:
    """The event of today that a stored one is."""
    if topic not in _EARLIER:
        return stored
    assert isinstance(stored, Event)
    return _EARLIER[topic].today(stored)


def load_fact(topic: str, state: bytes) -> ChainFact:
    """The fact of a stored row of a chain's stream."""
    fact = load_event(topic, state)
    assert isinstance(fact, ChainFact)
    return fact
