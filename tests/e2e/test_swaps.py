"""Readers while generations are swapped and blocks come in: every answer is there, and of one."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from projections import replay
from projections.generations import install_control
from projections.replay import Replay
from schema.database import connect
from tests.e2e.daybook import Node, served
from tests.projections.posting import post_to_end, projecting, serving, with_dearer_tickets
from tests.projections.tape import Block, Indexer, Tape

pytestmark = pytest.mark.slow

_CLIENTS = 16
_REQUESTS = 10_000
_SWAPS = 3
_BLOCKS = 200
_SECONDS_BETWEEN_BLOCKS = 0.05
_PATHS = ("/v1/seasons/1/trades?limit=5", "/v1/seasons/1/leaderboard?limit=200")


class _Answer(NamedTuple):
    path: str
    status: int
    etag: str
    body: dict[str, Any]


class _Client:
    """Asks one path after another over one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def get(self, path: str) -> _Answer:
        """Ask, and wait for the answer."""
        self._writer.write(f"GET {path} HTTP/1.1\r\nHost: daybook\r\n\r\n".encode())
        status, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines if line)
        body = json.loads(await self._reader.readexactly(int(headers["content-length"])))
        return _Answer(path, int(status.split()[1]), headers.get("etag", ""), body)


class _Readers:
    """Clients that ask until enough was asked and swapped; what they counted."""

    def __init__(self, port: int, is_over: Callable[[], bool]) -> None:
        self._port = port
        self._is_over = is_over
        self.requests = 0
        self.generations = set[int]()
        self.positions = set[int]()

    def run(self) -> None:
        """Ask with all clients at once."""
        asyncio.run(self._run())

    async def _run(self) -> None:
        await asyncio.gather(*(self._read(at) for at in range(_CLIENTS)))

    async def _read(self, at: int) -> None:
        streams = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 20)
        client, reached = _Client(*streams), 0
        while self.requests < _REQUESTS or not self._is_over():
            self.requests += 1
            answer = await client.get(_PATHS[(self.requests + at) % len(_PATHS)])
            assert answer.status == 200, answer
            generation, position = map(int, answer.etag.strip('"').split("-"))
            _assert_whole(answer, generation)
            assert answer.body["position"] == position >= reached
            reached = position
            self.generations.add(generation)
            self.positions.add(position)
        streams[1].close()


def _assert_whole(answer: _Answer, generation: int) -> None:
    """All rows are of the generation and the position that the answer names."""
    rows = answer.body["items"]
    assert rows
    if "trades" in answer.path:
        dearer = 1 - generation % 2
        for row in rows:
            price = int(row["sof_wei"]) // int(row["tickets"]) + dearer
            assert int(row["price_per_ticket_wei"]) == price
    else:
        held = sum(int(row["tickets"]) for row in rows)
        assert {int(row["total_tickets"]) for row in rows} == {held}


@contextmanager
def _growing(indexer: Indexer, blocks: list[Block]) -> Iterator[None]:
    """Appends a block every now and then."""
    left = threading.Event()

    def grow() -> None:
        for block in blocks:
            if left.wait(_SECONDS_BETWEEN_BLOCKS):
                return
            indexer.follow(block, finality=10)

    thread = threading.Thread(target=grow)
    thread.start()
    try:
        yield
    finally:
        left.set()
        thread.join()


def _swap(url: str) -> None:
    """Swap a few times: even generations have dearer tickets."""
    for at in range(_SWAPS):
        asked = Replay() if at % 2 else Replay(definition=with_dearer_tickets())
        done = replay(url, asked, stop=threading.Event(), report=lambda _: None)
        assert done.verdict == "swapped"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration whose node is away."""
    path = tmp_path / "daybook.toml"
    contracts = "\n".join(
        f'{kind} = "0x{at:040x}"'
        for at, kind in enumerate(("raffle", "season_factory", "token"), 1)
    )
    path.write_text(
        '[[chain]]\nid = 31337\nname = "local"\nrpc = ["http://127.0.0.1:1"]\n'
        '[[deployment]]\nname = "secondorder"\nchain = 31337\n'
        f"[deployment.contracts]\n{contracts}\n"
    )
    return path


def test_ten_thousand_reads_while_generations_are_swapped(
    config: Path, database_url: str, recorded_tape: Tape
) -> None:
    """Given replays and appends under way, then no read fails, goes back or mixes generations."""
    with connect(database_url, role=None, application_name="test owner") as owner:
        install_control(owner)
    with Indexer(database_url, recorded_tape) as indexer:
        indexer.open()
        indexer.backfill(recorded_tape.canonical[:_BLOCKS], width=50, finalized=_BLOCKS - 11)
        post_to_end(database_url)
        swapping = threading.Thread(target=_swap, args=[database_url])
        with (
            served(Node("", config), database_url) as api,
            projecting(database_url),
            _growing(indexer, recorded_tape.canonical[_BLOCKS:]),
        ):
            swapping.start()
            readers = _Readers(api.base_url.port or 0, lambda: not swapping.is_alive())
            readers.run()
            swapping.join()

    assert serving(database_url) == _SWAPS + 1
    assert readers.requests >= _REQUESTS
    assert len(readers.generations) == _SWAPS + 1
    assert len(readers.positions) > _SWAPS
