"""Indexers as processes of their own, so that they can be killed and frozen."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import msgspec

from schema.settings import Settings

_BLOCK_SECONDS = 0.05
_PATIENCE_SECONDS = 20.0
_INDEX = """
import sys, threading
import msgspec
import indexer
from schema.settings import Settings
from scripts import logging

logging.configure()
settings = msgspec.json.decode(sys.argv[1], type=Settings)
stop = threading.Event()
indexer.index(settings, sys.argv[2], until_head=False, stop=stop, report=lambda _: None)
"""

Process = subprocess.Popen[str]


@contextmanager
def indexer_process(settings: Settings, database_url: str) -> Iterator[Process]:
    """An indexer that follows the chain until killed, as it is when left; its log on `stderr`."""
    arguments = [sys.executable, "-c", _INDEX, msgspec.json.encode(settings).decode(), database_url]
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def next_entry(process: Process, event: str) -> dict[str, Any]:
    """The next entry of this event in the process's log, once there is one."""
    assert process.stderr is not None
    patience = threading.Timer(_PATIENCE_SECONDS, process.kill)
    patience.start()
    try:
        for line in process.stderr:
            entry: dict[str, Any] = msgspec.json.decode(line)
            if entry["event"] == event:
                return entry
    finally:
        patience.cancel()
    raise AssertionError(f"the process ended with {process.wait()}, and never said {event}")


@contextmanager
def growing(url: str) -> Iterator[None]:
    """Adds a block to a node's chain every now and then, until left."""
    left = threading.Event()
    request = {"jsonrpc": "2.0", "id": 1, "method": "daybook_mine", "params": [1]}

    def grow() -> None:
        while not left.wait(_BLOCK_SECONDS):
            httpx.post(url, json=request).raise_for_status()

    thread = threading.Thread(target=grow)
    thread.start()
    try:
        yield
    finally:
        left.set()
        thread.join()
