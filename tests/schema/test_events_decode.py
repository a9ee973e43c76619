"""Every event is decoded as web3 decodes it; what no event describes is kept byte for byte."""

from collections.abc import Sequence
from typing import Any, cast

import pytest
from eth_abi.abi import encode as abi_encode
from hexbytes import HexBytes
from hypothesis import given, settings
from hypothesis import strategies as st
from web3 import Web3
from web3.types import EventData, LogReceipt

from schema.events import CODECS, Codec, ContractKind, Event, Header, UndecodedLog, decode
from schema.events.abi import escape_text, unescape_text

_EVENTS = sorted(CODECS, key=lambda event: (event.emitted_by, event.__name__))
_ADDRESS = "0x" + "22" * 20
_HEADER: Header = (31337, 9, "0x" + "aa" * 32, 1_700_000_000, "0x" + "bb" * 32, 3, 7, _ADDRESS)
_WEB3 = Web3()

_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "address": st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex()),
    "bytes32": st.binary(min_size=32, max_size=32),
    "bool": st.booleans(),
    "uint8": st.integers(0, 2**8 - 1),
    "uint16": st.integers(0, 2**16 - 1),
    "uint256": st.integers(0, 2**256 - 1) | st.integers(0, 100),
    "string": st.text(max_size=80),
}
_VALUES |= {f"{item}[]": st.lists(_VALUES[item], max_size=5) for item in ("address", "uint256")}


def raw_log(codec: Codec, values: Sequence[Any]) -> tuple[list[str], str]:
    """Topics and data of a log with these arguments, as the EVM would emit it."""
    pairs = list(zip(codec.parameters, values, strict=True))
    indexed = [(each.type, value) for each, value in pairs if each.indexed]
    rest = [(each.type, value) for each, value in pairs if not each.indexed]
    topics = [abi_encode([kind], [value]).hex() for kind, value in indexed]
    data = abi_encode([kind for kind, _ in rest], [value for _, value in rest]).hex()
    return [codec.topic0, *("0x" + topic for topic in topics)], "0x" + data


def by_web3(codec: Codec, topics: Sequence[str], data: str) -> list[Any]:
    """The arguments of a log as web3's `process_log` has them, in the order of the signature."""
    name = codec.event.signature.split("(")[0]
    inputs = [
        {"name": each.name, "type": each.type, "indexed": each.indexed} for each in codec.parameters
    ]
    abi = [{"type": "event", "name": name, "anonymous": False, "inputs": inputs}]
    log = {
        "address": _WEB3.to_checksum_address(_ADDRESS),
        "topics": [HexBytes(topic) for topic in topics],
        "data": HexBytes(data),
        "blockNumber": 9,
        "blockHash": HexBytes(_HEADER[2]),
        "transactionHash": HexBytes(_HEADER[4]),
        "transactionIndex": 3,
        "logIndex": 7,
        "removed": False,
    }
    contract = _WEB3.eth.contract(abi=abi)
    event: EventData = contract.events[name]().process_log(cast("LogReceipt", log))
    return [event["args"][each.name] for each in codec.parameters]


def as_stored(value: Any) -> Any:
    """A value of web3 as the events have it."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, list | tuple):
        return tuple(as_stored(each) for each in value)
    if isinstance(value, str) and Web3.is_checksum_address(value):
        return value.lower()
    return value


@pytest.mark.parametrize("event", _EVENTS, ids=lambda event: f"{event.emitted_by}.{event.__name__}")
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_log_is_decoded_as_web3_decodes_it(event: type[Event], data: st.DataObject) -> None:
    """Given any log of an event, when decoded, then its arguments are those of `process_log`."""
    codec = CODECS[event]
    values = [data.draw(_VALUES[each.type], label=each.name) for each in codec.parameters]
    topics, content = raw_log(codec, values)
    decoded = decode(event.emitted_by, _HEADER, topics, content)
    assert type(decoded) is event
    got = [getattr(decoded, field) for field in codec.fields]
    texts = [each.type == "string" for each in codec.parameters]
    expected = [
        escape_text(value.encode()) if is_text else as_stored(value)
        for value, is_text in zip(by_web3(codec, topics, content), texts, strict=True)
    ]
    assert got == expected
    assert codec.encode(decoded) == (topics, content)


@pytest.mark.parametrize("event", _EVENTS, ids=lambda event: f"{event.emitted_by}.{event.__name__}")
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_data_is_an_event_or_kept_byte_for_byte(
    event: type[Event], data: st.DataObject
) -> None:
    """Given any topics and data, when decoded, then nothing of them is lost."""
    codec = CODECS[event]
    words = st.binary(min_size=32, max_size=32) | st.integers(0, 300).map(lambda n: n.to_bytes(32))
    indexed = data.draw(
        st.lists(words, min_size=codec.topic_count - 1, max_size=codec.topic_count - 1)
    )
    content = "0x" + b"".join(data.draw(st.lists(words, max_size=8))).hex()
    content += data.draw(st.sampled_from(["", "00", "ff" * 31]))
    topics = [codec.topic0, *("0x" + word.hex() for word in indexed)]
    decoded = decode(event.emitted_by, _HEADER, topics, content)
    if isinstance(decoded, UndecodedLog):
        assert (list(decoded.topics), decoded.data) == (topics, content)
    elif not any(each.type in ("string", "address[]", "uint256[]") for each in codec.parameters):
        assert codec.encode(decoded) == (topics, content)


@pytest.mark.parametrize(
    ("kind", "topics", "content"),
    [
        ("curve", [], "0x"),
        ("curve", ["0x" + "77" * 32], "0x1234"),
        ("raffle", ["0x" + "00" * 32] * 4, "0x"),
    ],
)
def test_a_log_that_no_class_describes_is_kept(
    kind: ContractKind, topics: list[str], content: str
) -> None:
    """Given an anonymous or unknown log, when decoded, then topics and data are as they were."""
    decoded = decode(kind, _HEADER, topics, content)
    assert decoded == UndecodedLog(*_HEADER, tuple(topics), content)


@given(st.binary(max_size=200))
def test_text_keeps_every_byte_of_a_string(raw: bytes) -> None:
    """Given any bytes, when escaped, then PostgreSQL accepts the text and the bytes come back."""
    text = escape_text(raw)
    assert "\0" not in text
    text.encode()
    assert unescape_text(text) == raw
