"""Blocks of any size are indexed in bounded memory."""

import subprocess
import sys

import msgspec
import pytest

from scripts.simulate.node import Limits, Node
from tests.faults.handmade import CONTRACTS, HandmadeChain, plain_answer, raw_log
from tests.faults.whole import assert_whole
from tests.indexer.indexing import settings_for
from tests.indexer.nodes import serving

pytestmark = pytest.mark.slow

_LOG_BYTES = 10_000  # 20 kB of JSON, since a byte is two digits there
_INDEX = """
import sys, threading
from pathlib import Path
import msgspec
import indexer
from schema.settings import Settings

settings = msgspec.json.decode(sys.argv[1], type=Settings)
stop = threading.Event()
indexer.index(settings, sys.argv[2], until_head=True, stop=stop, report=lambda _: None)
# What getrusage says begins with what the process had that started this one.
status = Path("/proc/self/status").read_text()
print(status.partition("VmHWM:")[2].split()[0])
"""


def peak_megabytes(chain: HandmadeChain, database_url: str, *, finality_depth: int) -> float:
    """The memory that a process takes at most which indexes this chain."""
    with serving(plain_answer(Node(chain, limits=Limits(finality_depth), calls={}))) as url:
        settings = msgspec.json.encode(settings_for(url, chain.contracts)).decode()
        indexed = subprocess.run(
            [sys.executable, "-c", _INDEX, settings, database_url],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    return int(indexed.stdout) / 1_000


def chain_of(*, blocks: int, logs: int) -> HandmadeChain:
    """A chain of so many blocks, each with so many large logs."""
    log = raw_log(CONTRACTS.raffle, ["0x" + "77" * 32], "0x" + "ab" * _LOG_BYTES)
    return HandmadeChain(*[[log] * logs] * blocks)


def test_a_block_of_fifty_megabytes_fits(database_url: str) -> None:
    """Given a block of 50 MB, then memory stays at some copies of it."""
    chain = chain_of(blocks=1, logs=2_500)
    peak = peak_megabytes(chain, database_url, finality_depth=64)
    print(f"peak memory {peak:.0f} MB")  # noqa: T201  shown by -rP
    assert_whole(database_url, chain)
    assert peak < 450  # 85 without any block; the answer is held as bytes, decoded, and encoded


def test_many_large_blocks_take_no_more(database_url: str) -> None:
    """Given 30 blocks of 2 MB, then memory does not grow with their number."""
    chain = chain_of(blocks=30, logs=100)
    peak = peak_megabytes(chain, database_url, finality_depth=0)
    print(f"peak memory {peak:.0f} MB")  # noqa: T201  shown by -rP
    assert_whole(database_url, chain)
    assert peak < 250
