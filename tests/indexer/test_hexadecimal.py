"""Hex is checked strictly, a whole answer at once."""

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.hexadecimal import check_hex, check_logs
from indexer.wire import Log

_HEX = re.compile(r"0x[0-9a-f]*")
_HEX_TEXTS = st.binary(max_size=40).map(lambda raw: "0x" + raw.hex())
# Texts near hex: its characters and those that other parsers let through.
_NEARLY_HEX = st.text(alphabet="0123456789abcdefxX_+- ,\t\né٣", max_size=12)


@given(st.lists(_HEX_TEXTS | _NEARLY_HEX | _NEARLY_HEX.map(lambda text: "0x" + text)))
def test_fields_pass_only_if_each_of_them_is_hex(fields: list[str]) -> None:
    """Given any fields, when checked together, then the verdict is that of each alone."""
    if all(_HEX.fullmatch(field) for field in fields):
        check_hex(fields)
    else:
        with pytest.raises(ValueError, match="not hex"):
            check_hex(fields)


_LOG = {
    "address": "0x" + "ab" * 20,
    "topics": ["0x" + "01" * 32, "0x" + "e0" * 32],
    "data": "0x" + "00" * 32,
    "blockNumber": "0x1f",
    "blockHash": "0x" + "cd" * 32,
    "transactionHash": "0x" + "ef" * 32,
    "transactionIndex": "0x0",
    "logIndex": "0xa",
    "removed": False,
}
_ANSWERS = msgspec.json.Decoder(list[Log])


def checked(log: dict[str, Any], others: int = 3) -> None:
    """Check a log as one of several of an answer."""
    content = msgspec.json.encode([*[_LOG] * others, log])
    check_logs(_ANSWERS.decode(content), b'{"jsonrpc":"2.0","id":1,"result":' + content + b"}")


def replaced(text: str, at: int, character: str) -> str:
    """A text with one character of it replaced."""
    return text[:at] + character + text[at + 1 :]


@pytest.mark.parametrize("field", [field for field in _LOG if field not in ("topics", "removed")])
@given(at=st.integers(0, 600), character=st.sampled_from('0159afxXG_+- ,\t\n"\\é٣'))
def test_a_log_passes_only_if_each_of_its_fields_is_hex(
    field: str, at: int, character: str
) -> None:
    """Given a log with one character changed, when checked among others, then hex alone passes."""
    value = str(_LOG[field])
    spoilt = replaced(value, at % len(value), character)
    log = _LOG | {field: spoilt}
    expected = spoilt.lower() if field == "address" else spoilt
    if _HEX.fullmatch(expected):
        checked(log)
    else:
        with pytest.raises(ValueError, match="not hex"):
            checked(log)


@given(at=st.integers(0, 65), character=st.sampled_from('0159afxXG_+- ,\t"\\é'))
def test_topics_are_checked_too(at: int, character: str) -> None:
    """Given a topic with one character changed, when checked, then hex alone passes."""
    topic = replaced("0x" + "e0" * 32, at, character)
    log = _LOG | {"topics": ["0x" + "01" * 32, topic]}
    if _HEX.fullmatch(topic):
        checked(log)
    else:
        with pytest.raises(ValueError, match="not hex"):
            checked(log)


def test_addresses_with_a_checksum_are_made_lower_case() -> None:
    """Given an address in mixed case, when its log is checked, then it is in lower case."""
    logs = _ANSWERS.decode(msgspec.json.encode([_LOG | {"address": "0x" + "Ab" * 20}]))
    check_logs(logs, msgspec.json.encode(logs))
    assert logs[0].address == "0x" + "ab" * 20


def test_half_a_byte_of_data_is_refused() -> None:
    """Given data of an odd number of digits, when checked, then it is refused."""
    with pytest.raises(ValueError, match="half a byte"):
        checked(_LOG | {"data": "0x123"})
