"""Solidity types as this project reads, writes and stores them.

One `SolidityType` says everything about one ABI type: how a 32-byte word becomes a Python value,
how that value is given back to `eth_abi`, and how SQL reads it from the stored JSON.
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

WORD_HEX = 64  # a 32-byte word is 64 hex digits
ADDRESS_PAD = "0" * 24  # the 12 bytes above an address in its word

_PARAMETER = re.compile(r"(?P<type>[a-z0-9\[\]]+)(?P<indexed> indexed)? (?P<name>\w+)")
_SIGNATURE = re.compile(r"(?P<name>\w+)\((?P<parameters>[^()]*)\)")
_ESCAPED = re.compile(rb"\\(\\|x[0-9a-f]{2})")


class BadWordError(ValueError):
    """A word that no value of its declared type could have produced."""


class Parameter(NamedTuple):
    """One parameter of an event signature, in the order of the signature."""

    name: str
    type: str
    indexed: bool


def parse_signature(signature: str) -> tuple[str, tuple[Parameter, ...]]:
    """Split `Name(type [indexed] name, …)` into the name and its parameters."""
    match = _SIGNATURE.fullmatch(signature)
    if match is None:
        raise ValueError(f"not an event signature: {signature!r}")
    texts = [text.strip() for text in match["parameters"].split(",") if text.strip()]
    return match["name"], tuple(_parse_parameter(text) for text in texts)


def _parse_parameter(text: str) -> Parameter:
    match = _PARAMETER.fullmatch(text)
    if match is None:
        raise ValueError(f"not an event parameter: {text!r}")
    return Parameter(match["name"], match["type"], match["indexed"] is not None)


def escape_text(raw: bytes) -> str:
    r"""Bytes of a Solidity string as text that PostgreSQL accepts, reversibly.

    Valid UTF-8 stays as it is, but a backslash is doubled; NUL and every byte that is not UTF-8
    become `\xNN`. `unescape_text` gives the very same bytes back.
    """
    text = raw.replace(b"\\", b"\\\\").decode("utf-8", "surrogateescape")
    if text.isprintable():
        return text
    return "".join(_escape_character(character) for character in text)


def _escape_character(character: str) -> str:
    if character == "\0":
        return "\\x00"
    if "\udc80" <= character <= "\udcff":  # where surrogateescape puts an undecodable byte
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character


def unescape_text(text: str) -> bytes:
    """The bytes that `escape_text` was given."""
    return _ESCAPED.sub(
        lambda m: b"\\" if m[1] == b"\\" else bytes([int(m[1][1:], 16)]), text.encode()
    )


def _read_address(word: str) -> str:
    if not word.startswith(ADDRESS_PAD):
        raise BadWordError(f"not an address: {word}")
    return "0x" + word[24:].lower()


def _read_bytes32(word: str) -> str:
    return "0x" + word.lower()


def _read_bool(word: str) -> bool:
    value = int(word, 16)
    if value > 1:
        raise BadWordError(f"not a bool: {word}")
    return value == 1


def _read_uint256(word: str) -> int:
    return int(word, 16)


def _read_uint(bits: int) -> Callable[[str], int]:
    def read(word: str) -> int:
        value = int(word, 16)
        if value >> bits:
            raise BadWordError(f"not a uint{bits}: {word}")
        return value

    return read


def _write_hex(value: str) -> str:
    return value[2:].rjust(WORD_HEX, "0")


def _write_uint(value: int) -> str:
    return f"{value:064x}"


def _hex_to_bytes(value: str) -> bytes:
    return bytes.fromhex(value[2:])


def _bytes_to_hex(value: bytes) -> str:
    return "0x" + value.hex()


def _same(value: Any) -> Any:
    return value


class SolidityType(NamedTuple):
    """How one ABI type is read, written and stored.

    A fixed type has `read` and `write`, from and to the 64 hex digits of its word. A dynamic type
    has neither: `eth_abi` codes it as `codec_type`, and `to_abi` and `from_abi` convert between
    its value and the stored one. `sql` reads the stored value; `{key}` is its quoted JSON key.
    """

    annotation: Any
    sql: str
    read: Callable[[str], Any] | None = None
    write: Callable[[Any], str] | None = None
    codec_type: str = ""
    to_abi: Callable[[Any], Any] = _same
    from_abi: Callable[[Any], Any] = _same


_INTEGER = "(state -> {key})::integer"
_NUMERIC = "(state -> {key})::numeric"
_TEXT = "state ->> {key}"
_TEXT_ARRAY = "ARRAY(SELECT jsonb_array_elements_text(state -> {key}))"

SOLIDITY_TYPES: dict[str, SolidityType] = {
    "address": SolidityType(str, _TEXT, _read_address, _write_hex),
    "bytes32": SolidityType(
        str,
        _TEXT,
        _read_bytes32,
        _write_hex,
        to_abi=_hex_to_bytes,
        from_abi=_bytes_to_hex,
    ),
    "bool": SolidityType(bool, "(state -> {key})::boolean", _read_bool, _write_uint),
    "uint8": SolidityType(int, _INTEGER, _read_uint(8), _write_uint),
    "uint16": SolidityType(int, _INTEGER, _read_uint(16), _write_uint),
    "uint256": SolidityType(int, _NUMERIC, _read_uint256, _write_uint),
    # A string and bytes share one ABI encoding; reading bytes keeps what is not UTF-8.
    "string": SolidityType(
        str, _TEXT, codec_type="bytes", to_abi=unescape_text, from_abi=escape_text
    ),
    "address[]": SolidityType(tuple[str, ...], _TEXT_ARRAY, codec_type="address[]", from_abi=tuple),
    "uint256[]": SolidityType(
        tuple[int, ...], f"{_TEXT_ARRAY}::numeric[]", codec_type="uint256[]", from_abi=tuple
    ),
}
