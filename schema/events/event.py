"""What an on-chain event is, and everything that follows from its one class.

A subclass of `Event` states the contract that emits it, its Solidity signature and its typed
fields. From these its `Codec` derives topic0, the indexed split, a decoder, an encoder and the
columns of its SQL view. Source of the layout: the Solidity ABI specification, "Events".
"""

import keyword
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Literal, cast, get_type_hints

import msgspec
from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from eth_abi.exceptions import DecodingError
from eth_hash.auto import keccak

from schema.events.abi import (
    SOLIDITY_TYPES,
    WORD_HEX,
    BadWordError,
    Parameter,
    SolidityType,
    parse_signature,
)

ContractKind = Literal[
    "raffle",
    "season_factory",
    "curve",
    "raffle_token",
    "token",
    "prize_distributor",
    "rollover_escrow",
    "account_factory",
    "market_factory",
    "market_manager",
    "market",
    "oracle_adapter",
    "price_oracle",
    "box_raffle",
]

_SQL_RESERVED = {"from", "to", "user"}
_WORD_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class Event(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A fact of the chain: where it happened, then its arguments.

    Addresses and hashes are lower-case hex with 0x; `block_time` is in Unix seconds; uint256
    arguments are Python integers.
    """

    emitted_by: ClassVar[ContractKind]
    signature: ClassVar[str]
    version: ClassVar[int] = 1  # of the stored form; raise it when a field changes

    chain_id: int
    block_number: int
    block_hash: str
    block_time: int
    tx_hash: str
    tx_index: int
    log_index: int
    contract: str


class UndecodedLog(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A log of a followed contract that no event class describes, byte for byte."""

    version: ClassVar[int] = 1

    chain_id: int
    block_number: int
    block_hash: str
    block_time: int
    tx_hash: str
    tx_index: int
    log_index: int
    contract: str
    topics: tuple[str, ...]
    data: str


# chain_id, block_number, block_hash, block_time, tx_hash, tx_index, log_index, contract
Header = tuple[int, int, str, int, str, int, int, str]


class UndecodableError(ValueError):
    """Topics and data that do not fit the event's declared shape."""


def snake_case(name: str) -> str:
    """`SponsoredERC20Claimed` → `sponsored_erc20_claimed`, as fields and SQL names are written."""
    return _WORD_BOUNDARY.sub("_", name).lower()


def field_name(parameter: Parameter) -> str:
    """The field of a parameter: snake_case; a word reserved in Python or SQL gets its type."""
    name = snake_case(parameter.name)
    reserved = keyword.iskeyword(name) or name in _SQL_RESERVED
    return f"{name}_{parameter.type}" if reserved else name


class Codec:
    """Everything derived from one event class, once, at import.

    Attributes:
        stored_as: name and version under which the event is stored, e.g. `PositionUpdate/1`.
        view: name of its SQL view in schema `log`, e.g. `position_update`.
        fields: its argument fields, in the order of the signature.
        topic0: keccak-256 of the canonical signature, as 0x hex.
        topic_count: number of topics, topic0 included.
    """

    def __init__(self, event: type[Event]) -> None:
        self.event = event
        name, self.parameters = parse_signature(event.signature)
        canonical = f"{name}({','.join(parameter.type for parameter in self.parameters)})"
        self.stored_as = f"{event.__name__}/{event.version}"
        self.view = snake_case(event.__name__)
        self.fields = tuple(field_name(parameter) for parameter in self.parameters)
        self.topic0 = "0x" + keccak(canonical.encode()).hex()
        self._check_fields()
        in_data = [at for at, parameter in enumerate(self.parameters) if not parameter.indexed]
        self.topic_count = 1 + len(self.parameters) - len(in_data)
        self._types = [SOLIDITY_TYPES[parameter.type] for parameter in self.parameters]
        self._data_types = [self._types[at] for at in in_data]
        self._abi_types = [self._types[at].codec_type or self.parameters[at].type for at in in_data]
        self._is_dynamic = any(solidity.read is None for solidity in self._data_types)
        self._offsets = range(2, 2 + WORD_HEX * len(in_data), WORD_HEX)
        self._read = self._reader()

    def _check_fields(self) -> None:
        declared = self.event.__struct_fields__[len(Event.__struct_fields__) :]
        hints = get_type_hints(self.event)
        expected = [SOLIDITY_TYPES[parameter.type].annotation for parameter in self.parameters]
        if declared != self.fields or [hints[field] for field in declared] != expected:
            name = self.event.__name__
            raise TypeError(f"{name}: fields {declared} do not fit {self.event.signature}")

    def _reader(self) -> Callable[[Header, Sequence[str], Sequence[Any]], Event]:
        """The function (header, topics, data) → event, where data is hex, or values once decoded.

        It is one expression with every word cut out in place: twice as fast as looping over them.
        """
        topics = iter(f"topics[{at}][2:]" for at in range(1, self.topic_count))
        words = iter(f"data[{at}:{at + WORD_HEX}]" for at in self._offsets)
        values = iter(f"data[{at}]" for at in range(len(self._data_types)))
        names: dict[str, Any] = {"event": self.event}
        arguments = []
        for field, parameter, solidity in self._described():
            is_decoded = self._is_dynamic and not parameter.indexed  # eth_abi has read it already
            names[field] = solidity.from_abi if is_decoded else solidity.read
            assert names[field] is not None, "an indexed dynamic argument is only a hash"
            source = topics if parameter.indexed else values if is_decoded else words
            arguments.append(f"{field}({next(source)})")
        expression = f"lambda header, topics, data: event(*header, {', '.join(arguments)})"
        read: Any = eval(expression, names)  # noqa: S307  made of our own names and numbers
        return cast("Callable[[Header, Sequence[str], Sequence[Any]], Event]", read)

    def _described(self) -> Iterator[tuple[str, Parameter, SolidityType]]:
        return zip(self.fields, self.parameters, self._types, strict=True)

    def decode(self, header: Header, topics: Sequence[str], data: str) -> Event:
        """The event of a log whose topic0 and topic count are already known to fit.

        Args:
            header: where the log stands; see `Header`.
            topics: all topics, topic0 first, 0x hex.
            data: 0x hex.

        Raises:
            UndecodableError: topics or data do not fit the declared types.
        """
        if not self._is_dynamic and len(data) != self._offsets.stop:
            raise UndecodableError(f"{self.stored_as}: {len(data) // 2 - 1} bytes of data")
        try:
            return self._read(
                header, topics, self._dynamic_values(data) if self._is_dynamic else data
            )
        except BadWordError as error:
            raise UndecodableError(f"{self.stored_as}: {error}") from error

    def _dynamic_values(self, data: str) -> tuple[Any, ...]:
        # eth_abi lets OverflowError and MemoryError through for lengths beyond any real log.
        try:
            return abi_decode(self._abi_types, bytes.fromhex(data[2:]))
        except (DecodingError, OverflowError, MemoryError) as error:
            raise UndecodableError(f"{self.stored_as}: {error}") from error

    def encode(self, event: Event) -> tuple[list[str], str]:
        """Topics and data (0x hex) of the log that `decode` turns into this event."""
        topics, values = [self.topic0], []
        for field, parameter, solidity in self._described():
            value = getattr(event, field)
            if parameter.indexed:
                assert solidity.write is not None
                topics.append("0x" + solidity.write(value))
            else:
                values.append(value)
        return topics, "0x" + (self._abi_data(values) if self._is_dynamic else self._data(values))

    def _data(self, values: list[Any]) -> str:
        return "".join(
            solidity.write(value)
            for solidity, value in zip(self._data_types, values, strict=True)
            if solidity.write is not None
        )

    def _abi_data(self, values: list[Any]) -> str:
        converted = [
            solidity.to_abi(value) for solidity, value in zip(self._data_types, values, strict=True)
        ]
        return abi_encode(self._abi_types, converted).hex()
