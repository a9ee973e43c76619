"""All faults together, as a seed mixes them: the log ends complete, with nothing twice."""

import random

import httpx
import pytest
from structlog.testing import capture_logs

from scripts.database import install_read_models
from scripts.simulate.chain import Setting, generate
from scripts.simulate.node import Limits, Node
from tests.faults.faulty import LIES, THROTTLING, TRANSPORT, Faulty, lagging
from tests.faults.projecting import assert_posted, projecting
from tests.faults.proxy import Match, Message, proxied
from tests.faults.whole import assert_whole
from tests.indexer.indexing import indexing, settings_for, wait_for_head
from tests.indexer.nodes import node_answer, serving

pytestmark = pytest.mark.slow

_FINALITY_DEPTH = 25
_BLOCKS_AT_FIRST, _MOMENTS = 60, 12
_PATIENCE_SECONDS = 60.0
_CUT_SHARE = 0.002  # of all messages to PostgreSQL


def cut_some(choices: random.Random) -> Match:
    """Cuts a share of all messages."""

    def cut(_message: Message) -> bool:
        return choices.random() < _CUT_SHARE

    return cut


@pytest.mark.parametrize("seed", range(4))
def test_all_faults_at_once_end_well(seed: int, database_url: str) -> None:
    """Given endpoints that fail, throttle, lag and lie, forks, and cuts, then the log is whole."""
    install_read_models(database_url)
    choices = random.Random(seed)
    chain = generate(Setting(seed=seed, seasons=2, players=8, trades=150))
    for _ in range(_BLOCKS_AT_FIRST):
        chain.advance()
    honest = node_answer(Node(chain, limits=Limits(_FINALITY_DEPTH), calls={}))
    bad = [
        Faulty(honest, (*TRANSPORT, *THROTTLING), seed=seed, share=0.1),
        Faulty(honest, (*LIES.values(), *TRANSPORT), seed=seed, share=0.2),
        Faulty(honest, (lagging,), seed=seed, share=0.4),
    ]
    choices.shuffle(bad)
    with (
        serving(honest) as url,
        serving(bad[0]) as first,
        serving(bad[1]) as second,
        serving(bad[2]) as third,
        proxied(database_url, cut_some(random.Random(seed))) as proxy,
        capture_logs(),
    ):
        settings = settings_for(first, chain.contracts, rpc=[first, second, third])
        with projecting(proxy.url), indexing(settings, proxy.url) as stop:
            for _ in range(_MOMENTS):
                method = choices.choice(["daybook_reorg", "daybook_mine", "daybook_mine"])
                request = {"jsonrpc": "2.0", "id": 1, "method": method}
                number = choices.randrange(1, 6)
                httpx.post(url, json={**request, "params": [number]}).raise_for_status()
                stop.wait(choices.uniform(0, 0.1))
            head = chain.blocks.head.hash
            wait_for_head(database_url, head, patience_seconds=_PATIENCE_SECONDS)
    assert_whole(database_url, chain)
    assert_posted(database_url)
