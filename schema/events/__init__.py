"""The facts of the chain, by contract: one class an event.

`decode` turns a log of a followed contract into its event. To add an event, add its class to the
module of its contract: the registries below find it.
"""

from collections.abc import Sequence

from schema.events import (
    account_factory,
    box_raffle,
    curve,
    markets,
    oracles,
    prize_distributor,
    raffle,
    rollover_escrow,
    season_factory,
    tokens,
)
from schema.events.event import (
    Codec,
    ContractKind,
    Event,
    Header,
    UndecodableError,
    UndecodedLog,
)

MODULES = (
    raffle,
    season_factory,
    curve,
    tokens,
    prize_distributor,
    rollover_escrow,
    account_factory,
    markets,
    oracles,
    box_raffle,
)

CODECS: dict[type[Event], Codec] = {
    event: Codec(event)
    for module in MODULES
    for event in vars(module).values()
    if isinstance(event, type) and issubclass(event, Event) and event is not Event
}

# Two contracts may use one event name with other arguments, and one contract one topic0 with
# other indexed arguments: an event is chosen by kind, topic0 and topic count together.
_BY_SHAPE: dict[tuple[ContractKind, str, int], Codec] = {
    (codec.event.emitted_by, codec.topic0, codec.topic_count): codec for codec in CODECS.values()
}


def decode(
    kind: ContractKind, header: Header, topics: Sequence[str], data: str
) -> Event | UndecodedLog:
    """The event of a log emitted by a contract of this kind; never fails, never loses a byte.

    Args:
        kind: what the emitting contract is.
        header: where the log stands.
        topics: up to four, 0x hex, lower case.
        data: 0x hex, lower case.
    """
    codec = _BY_SHAPE.get((kind, topics[0], len(topics))) if topics else None
    if codec is not None:
        try:
            return codec.decode(header, topics, data)
        except UndecodableError:
            pass  # not an error: what does not fit the declared shape is kept raw, below
    return UndecodedLog(*header, tuple(topics), data)


__all__ = [
    "CODECS",
    "Codec",
    "ContractKind",
    "Event",
    "Header",
    "UndecodableError",
    "UndecodedLog",
    "decode",
]
