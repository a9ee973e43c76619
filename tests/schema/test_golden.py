"""What is stored never changes silently: the stored bytes of every event, written down.

`golden.json` holds, for every name and version ever stored, a log and the bytes it was stored as.
To add an event, add its entry; never change one: raise the version of the event instead.
"""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from schema.events import CODECS, Header, decode
from schema.log.mapper import STORED_AS, TOPICS, load_stored

_GOLDEN: dict[str, Any] = json.loads((Path(__file__).parent / "golden.json").read_text())
_HEADER: Header = (
    31337,
    51,
    "0x" + "b1" * 32,
    1760000240,
    "0x" + "71" * 32,
    3,
    4,
    "0x" + "c0" * 20,
)


def test_every_event_has_a_golden_entry() -> None:
    """Given the classes of today, then each is written down in its present version."""
    assert set(STORED_AS.values()) <= _GOLDEN.keys()


def test_every_version_ever_shipped_is_still_known() -> None:
    """Given what is written down, then a row that is stored as any of it can be read."""
    assert _GOLDEN.keys() == TOPICS


@pytest.mark.parametrize("name", sorted(_GOLDEN))
def test_what_was_stored_is_still_read(name: str) -> None:
    """Given stored bytes of any version ever shipped, then they are read and written the same."""
    state = _GOLDEN[name]["state"].encode()

    assert msgspec.json.encode(load_stored(name, state)) == state


@pytest.mark.parametrize("codec", CODECS.values(), ids=lambda codec: codec.stored_as)
def test_a_log_is_stored_as_these_bytes(codec: Any) -> None:
    """Given the golden log of an event, when decoded, then the golden bytes are stored."""
    golden = _GOLDEN[codec.stored_as]

    event = decode(codec.event.emitted_by, _HEADER, golden["topics"], golden["data"])

    assert msgspec.json.encode(event).decode() == golden["state"]
