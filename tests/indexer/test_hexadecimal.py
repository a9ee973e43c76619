"""Hex is checked strictly, a whole answer at once."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.hexadecimal import check_hex

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
