"""What a chain really holds of a deployment, read without any code of the indexer."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from schema.events import CODECS
from schema.events.markets import FpmmMarketCreated
from schema.events.season_factory import SeasonContractsDeployed
from scripts.simulate.blocks import Blocks
from tests.indexer.indexing import StoredLog

_SEASON, _MARKET = CODECS[SeasonContractsDeployed].topic0, CODECS[FpmmMarketCreated].topic0


def followed_logs(blocks: Blocks, contracts: Mapping[str, str]) -> Counter[StoredLog]:
    """Every canonical log of these contracts and of those they announce."""
    chain = [blocks.at(number) for number in range(len(blocks))]
    logs = [msgspec.json.decode(log) for block in chain if block for log in block.logs]
    return Counter(map(stored_log, only_followed(logs, contracts)))


def only_followed(
    logs: Iterable[dict[str, Any]], contracts: Mapping[str, str]
) -> list[dict[str, Any]]:
    """The logs of these contracts and of those they announce."""
    logs = list(logs)
    followed = set(contracts.values())
    for log in logs:
        if log["topics"][:1] == [_SEASON]:
            followed |= {_address(topic) for topic in log["topics"][2:4]}
        if log["topics"][:1] == [_MARKET]:
            followed.add(_address(log["topics"][3]))
    return [log for log in logs if log["address"] in followed]


def stored_log(log: dict[str, Any]) -> StoredLog:
    """A log of a node as it must come back out of the event log."""
    place = (log["blockHash"], int(log["logIndex"], 16), log["address"])
    return StoredLog(*place, tuple(log["topics"]), log["data"])


def _address(topic: str) -> str:
    return "0x" + topic[26:]
