"""Both families, alone and together: one log, one process, one generation of read models."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from api.serve import listen, make_server
from projections import project
from projections.generations import install_control
from schema.database import connect
from schema.settings import Settings
from scripts.simulate.chain import GeneratedChain, Setting, generate
from scripts.simulate.node import Limits, Node
from tests.e2e.box_truth import assert_box_answers
from tests.e2e.daybook import daybook, simulated
from tests.e2e.truth import assert_answers, get
from tests.indexer.indexing import index_to_head, query, settings_for
from tests.indexer.nodes import node_answer, serving

pytestmark = pytest.mark.slow

_CURVES, _BOXES = "curve-raffle", "box-raffle"
_OTHER_CHAIN = 31338


@pytest.fixture
def url(database_url: str) -> str:
    """A database with an empty log and the control tables."""
    with connect(database_url, role=None, application_name="test owner") as owner:
        install_control(owner)
    return database_url


@pytest.fixture
def api(url: str) -> Iterator[httpx.Client]:
    """A client of an api over that database, which runs in a thread of its own."""
    server = make_server(url)
    with listen("127.0.0.1", 0) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        with httpx.Client(
            base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=30
        ) as client:
            yield client
        server.should_exit = True
        thread.join()


def _post(url: str) -> None:
    finish = threading.Event()
    finish.set()
    project(url, finish=finish, stop=threading.Event(), report=lambda _: None)


def _world(*families: str, seed: int = 7, blocks: int | None = None) -> GeneratedChain:
    """A chain up to its end, or to so many blocks."""
    chain = generate(Setting(seed, seasons=6, players=10, trades=200, families=families))
    while not chain.is_over if blocks is None else chain.blocks.head.number < blocks:
        chain.advance()
    return chain


@contextmanager
def _served(chain: GeneratedChain, chain_id: int = 31337) -> Iterator[str]:
    node = Node(chain, limits=Limits(20), calls={}, chain_id=chain_id)
    with serving(node_answer(node)) as url:
        yield url


def _truth(chain: GeneratedChain) -> Any:
    """The chain's own figures, as a node would answer them."""
    return msgspec.json.decode(msgspec.json.encode(chain.truth()))


def _together(first: Settings, second: Settings) -> Settings:
    return msgspec.structs.replace(
        first,
        chain=[*first.chain, *second.chain],
        deployment=[*first.deployment, *second.deployment],
    )


def _assert_one_generation(url: str) -> None:
    assert query(url, "SELECT count(*) AS number FROM daybook.generation") == [{"number": 1}]


def test_both_families_run_in_one_process(tmp_path: Path, url: str, api: httpx.Client) -> None:
    """Given a node with both, when daybook runs on what it configures, then every figure is so."""
    options = ("--seed", "3", "--seasons", "3", "--players", "8", "--trades", "80")
    with simulated(tmp_path, *options, "--family", _CURVES, "--family", _BOXES) as node:
        result = daybook("run", "--until-head", "--config", node.config, database_url=url)
        assert result.returncode == 0, result.stderr
        truth = node.call("daybook_truth")

    assert_answers(api, truth)
    assert_box_answers(api, truth)
    _assert_one_generation(url)


def test_families_that_share_a_chain_reorganise_together(url: str, api: httpx.Client) -> None:
    """Given reorganisations between indexing, then of both families the last branch counts."""
    chain = _world(_CURVES, _BOXES, seed=11, blocks=40)
    with _served(chain) as node:
        settings = settings_for(node, chain.contracts)
        for depth in (1, 4, 19, 2, 12):
            index_to_head(settings, url)
            _post(url)
            chain.reorg(depth)
            for _ in range(10):
                chain.advance()
        index_to_head(settings, url)
    _post(url)

    assert_answers(api, _truth(chain))
    assert_box_answers(api, _truth(chain))


def test_each_family_on_a_chain_of_its_own_equals_its_own_truth(
    url: str, api: httpx.Client
) -> None:
    """Given two chains, a family each, when indexed in one process, then all figures are right."""
    curves, boxes = _world(_CURVES), _world(_BOXES)
    with _served(curves) as curves_url, _served(boxes, _OTHER_CHAIN) as boxes_url:
        first = settings_for(curves_url, curves.contracts)
        second = settings_for(boxes_url, boxes.contracts, id=_OTHER_CHAIN, name="other")
        index_to_head(_together(first, second), url)
    _post(url)

    assert_answers(api, _truth(curves))
    assert_box_answers(api, _truth(boxes))
    assert get(api, "/v1/box-raffles/1")["block"]["chain_id"] == _OTHER_CHAIN
    _assert_one_generation(url)


def test_a_family_that_is_configured_later_is_there_from_its_beginning(
    url: str, api: httpx.Client
) -> None:
    """Given a chain indexed for one family, when the other is added, then nothing is missing."""
    chain = _world(_CURVES, _BOXES)
    curves = {kind: at for kind, at in chain.contracts.items() if kind != "box_raffle"}
    with _served(chain) as node:
        index_to_head(settings_for(node, curves), url)
        _post(url)
        index_to_head(settings_for(node, chain.contracts), url)
    _post(url)

    assert_answers(api, _truth(chain))
    assert_box_answers(api, _truth(chain))
