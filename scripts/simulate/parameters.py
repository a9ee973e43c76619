"""The parameters of JSON-RPC methods, as a node reads them: wrong ones are refused."""

import re
from collections.abc import Collection
from typing import Any

from scripts.simulate.blocks import TopicFilter
from scripts.simulate.errors import INVALID_PARAMS, RpcError

_TOPICS_MAX = 4
_HEX_BYTES = re.compile("0x(?:[0-9a-fA-F]{2})*")


def read_call(call: Any) -> tuple[str, str]:
    """Contract and data of a call, in lower case."""
    if isinstance(call, dict):
        to, data = call.get("to"), call.get("data", call.get("input", "0x"))
        if isinstance(to, str) and isinstance(data, str) and _HEX_BYTES.fullmatch(data):
            return to.lower(), data.lower()
    raise RpcError(INVALID_PARAMS, "invalid argument 0: a call object is expected")


def read_quantity(value: Any) -> int:
    """A number in hex."""
    try:
        if isinstance(value, str) and value.startswith("0x"):
            return int(value, 16)
    except ValueError:
        pass  # said below
    raise RpcError(INVALID_PARAMS, f"invalid argument: {value!r} is not a hex quantity")


def read_count(value: Any) -> int:
    """A positive number, in hex or not."""
    count = value if isinstance(value, int) else read_quantity(value)
    if count < 1:
        raise RpcError(INVALID_PARAMS, f"invalid argument: {value!r} is not a positive count")
    return count


def read_hash(value: Any) -> str:
    """32 bytes, in lower case."""
    if not isinstance(value, str) or len(value) != len("0x") + 64:
        raise RpcError(INVALID_PARAMS, f"invalid argument: {value!r} is not 32 bytes in hex")
    return value.lower()


def read_addresses(value: Any) -> Collection[str] | None:
    """The addresses of a filter, in lower case; None for all."""
    if value is None or value == []:
        return None
    values = value if isinstance(value, list) else [value]
    for address in values:
        if not isinstance(address, str) or len(address) != len("0x") + 40:
            raise RpcError(INVALID_PARAMS, f"invalid argument: {address!r} is not an address")
    return {address.lower() for address in values}


def read_topics(value: Any) -> TopicFilter:
    """What a filter wants of each topic."""
    topics = value or []
    if not isinstance(topics, list) or len(topics) > _TOPICS_MAX:
        raise RpcError(INVALID_PARAMS, "invalid argument: topics are a list of up to four")
    return [_any_of(topic) for topic in topics]


def _any_of(topic: Any) -> Collection[str] | None:
    if topic is None or topic == []:
        return None
    return {read_hash(one) for one in (topic if isinstance(topic, list) else [topic])}
