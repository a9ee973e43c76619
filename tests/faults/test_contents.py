"""Logs that contracts may emit but no one expects: all of them are kept, byte for byte."""

import threading
from typing import Any

import pytest

from schema.events import CODECS, UndecodedLog
from schema.events.abi import unescape_text
from schema.events.raffle import SeasonCreated, SeasonEndRequested, SeasonStarted
from scripts.database import install_read_models
from scripts.simulate.deployment import address_of
from scripts.simulate.node import Limits, Node
from tests.faults.handmade import CONTRACTS, HandmadeChain, event_log, plain_answer, raw_log
from tests.faults.projecting import post
from tests.faults.whole import assert_whole
from tests.indexer.indexing import index_to_head, query, settings_for
from tests.indexer.nodes import node_answer, serving
from tests.projections.tables import select

_UINT256_MAX = 2**256 - 1
_WORD = "00" * 31 + "01"
_RAFFLE = CONTRACTS.raffle
_STARTED = CODECS[SeasonStarted].topic0


def index(chain: HandmadeChain, database_url: str, **settings: Any) -> None:
    """Index the chain, and check that its log is whole."""
    with serving(plain_answer(Node(chain, limits=Limits(0), calls={}))) as url:
        index_to_head(settings_for(url, chain.contracts, **settings), database_url)
    assert_whole(database_url, chain)


def created(season_id: int, name: bytes) -> UndecodedLog:
    """A season with this name, in bytes that need not be text."""
    arguments = [address_of(season_id, kind) for kind in ("token", "curve")]
    log = event_log(SeasonCreated, _RAFFLE, season_id, "?" * len(name), 0, 1, *arguments)
    return raw_log(_RAFFLE, log.topics, log.data.replace((b"?" * len(name)).hex(), name.hex()))


@pytest.mark.parametrize(
    ("topics", "data"),
    [
        pytest.param([], "0x" + _WORD, id="anonymous"),
        pytest.param([_STARTED], "0x" + _WORD, id="argument not indexed"),
        pytest.param([_STARTED, "0x" + _WORD, "0x" + _WORD], "0x", id="another one indexed"),
        pytest.param([_STARTED, "0x" + _WORD], "0x" + _WORD, id="more data"),
        pytest.param([_STARTED, "0x" + _WORD], "0x01", id="part of a word"),
        pytest.param(["0x" + "77" * 32] * 4, "0x" + "ff" * 33, id="unknown"),
    ],
)
def test_an_event_of_another_shape_is_kept_undecoded(
    database_url: str, topics: list[str], data: str
) -> None:
    """Given a log that no class describes, then its topics and data stand in the log, counted."""
    log = raw_log(_RAFFLE, topics, data)
    index(HandmadeChain([log, event_log(SeasonStarted, _RAFFLE, 1)]), database_url)
    kept = query(database_url, "SELECT topics, data FROM log.undecoded_log")
    assert kept == [{"topics": topics, "data": data}]
    assert len(query(database_url, "SELECT FROM log.season_started")) == 1


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(b"a\0b", id="NUL"),
        pytest.param(b"\xff\xfe\xc0\x80", id="invalid UTF-8"),
        pytest.param(b"\xed\xa0\x80", id="a lone surrogate"),
        pytest.param(b"\\u0000 \\ \"'", id="what looks like an escape"),
        pytest.param(b"x" * 10_000_000, id="10 MB"),
    ],
)
def test_any_bytes_are_a_name(database_url: str, name: bytes) -> None:
    """Given a string of such bytes, then the log gives them back, and the read models hold it."""
    index(HandmadeChain([created(1, name)]), database_url)
    (row,) = query(database_url, "SELECT name FROM log.season_created")
    assert unescape_text(row["name"]) == name
    assert posted(database_url, "SELECT name FROM season") == [row]


@pytest.mark.parametrize("length", [2**255, 2**256 - 1, 65, 2**32])
def test_a_string_longer_than_its_log_is_kept_undecoded(database_url: str, length: int) -> None:
    """Given a length that nothing follows, then topics and data stand in the log as they are."""
    log, true_length = created(1, b"name"), f"{4:064x}"
    assert log.data.count(true_length) == 1
    data = log.data.replace(true_length, f"{length:064x}")
    index(HandmadeChain([raw_log(_RAFFLE, log.topics, data)]), database_url)
    assert query(database_url, "SELECT data FROM log.undecoded_log") == [{"data": data}]


def test_the_largest_integers_stay_exact(database_url: str) -> None:
    """Given arguments of 2^256 − 1, then log and read models hold these very numbers."""
    ended = event_log(SeasonEndRequested, _RAFFLE, _UINT256_MAX, _UINT256_MAX)
    index(HandmadeChain([created(_UINT256_MAX, b"last"), ended]), database_url)
    stored = query(database_url, "SELECT season_id, vrf_request_id FROM log.season_end_requested")
    assert stored == [{"season_id": _UINT256_MAX, "vrf_request_id": _UINT256_MAX}]
    rows = posted(database_url, "SELECT season_id, end_requested_block FROM season")
    assert rows == [{"season_id": _UINT256_MAX, "end_requested_block": 1}]


def test_a_log_index_beyond_31_bits_is_kept(database_url: str) -> None:
    """Given log indexes from 2^31 on, then log and read models hold them."""

    def spoil(method: str, _parameters: list[Any], result: Any) -> Any:
        for log in result if method == "eth_getLogs" else ():
            log["logIndex"] = hex(int(log["logIndex"], 16) + 2**31)
        return result

    chain = HandmadeChain([created(1, b"first"), event_log(SeasonStarted, _RAFFLE, 1)])
    with serving(node_answer(Node(chain, limits=Limits(0), calls={}), spoil)) as url:
        index_to_head(settings_for(url, chain.contracts, proof="bloom"), database_url)
    indexes = query(database_url, "SELECT log_index FROM log.season_started")
    assert indexes == [{"log_index": 2**31 + 1}]
    assert posted(database_url, "SELECT started_block FROM season") == [{"started_block": 1}]


def posted(database_url: str, statement: str) -> list[dict[str, Any]]:
    """The rows of a statement over the read models, once the log is posted to its end."""
    install_read_models(database_url)
    post(database_url, until_end=True, stop=threading.Event())
    return select(database_url, statement)
