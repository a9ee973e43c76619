"""Earlier versions of events: how they are stored, and how today's event is made of them.

What is stored never changes, and its bytes are part of a seal. So an earlier version stays readable
as it was, byte for byte, and is turned into today's event when it is read, by Python and by the
event's SQL view alike. To change an event, raise its `version` and write down here what it was.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from schema.events.abi import SOLIDITY_TYPES
from schema.events.event import Event


class Earlier:
    """A version of an event that was shipped once.

    Attributes:
        event: today's class.
        stored_as: name and version under which events of then are stored.
        stored: their class as it was.
        types: Solidity types by argument field, in the order in which they are stored.
        renamed: what fields of today were called then.
        added: fields of today that did not exist then, and what they are for events of then.
    """

    def __init__(
        self,
        event: type[Event],
        version: int,
        types: Mapping[str, str],
        *,
        renamed: Mapping[str, str] | None = None,
        added: Mapping[str, Any] | None = None,
    ) -> None:
        self.event = event
        self.stored_as = f"{event.__name__}/{version}"
        self.types = types
        self.renamed = renamed or {}
        self.added = added or {}
        stored: Any = msgspec.defstruct(
            f"{event.__name__}V{version}",
            [(field, SOLIDITY_TYPES[kind].annotation) for field, kind in types.items()],
            bases=(Event,),
            frozen=True,
            gc=False,
            forbid_unknown_fields=True,
        )
        self.stored: type[Event] = stored
        self._check(version)

    def _check(self, version: int) -> None:
        """That each field of today has exactly one source."""
        fields = self.event.__struct_fields__[len(Event.__struct_fields__) :]
        known = {self.renamed.get(field, field) for field in fields if field not in self.added}
        if version >= self.event.version or not known <= self.types.keys():
            missing = sorted(known - self.types.keys())
            raise TypeError(f"{self.stored_as} does not become {self.event.__name__}: {missing}")

    def today(self, stored: Event) -> Event:
        """The event of today that an event of then is."""
        fields = self.event.__struct_fields__
        values = {
            field: getattr(stored, self.renamed.get(field, field))
            for field in fields
            if field not in self.added
        }
        return self.event(**values, **self.added)


EARLIER: tuple[Earlier, ...] = ()
