"""Several endpoints of one chain, of which some lie, lag, throttle or fail: the log is whole."""

import pytest
from structlog.testing import capture_logs

from scripts.simulate.chain import GeneratedChain
from scripts.simulate.node import Limits, Node
from tests.faults.faulty import LIES, THROTTLING, TRANSPORT, Fault, Faulty, lagging
from tests.faults.whole import assert_whole
from tests.indexer.indexing import indexing, settings_for, wait_for_head
from tests.indexer.nodes import node_answer, serving

_FINALITY_DEPTH = 20


@pytest.mark.parametrize(
    ("faults", "share"),
    [
        *[pytest.param((lie,), 1.0, id=name) for name, lie in LIES.items()],
        pytest.param((lagging,), 1.0, id="lagging"),
        pytest.param(TRANSPORT, 1.0, id="failing"),
        pytest.param(THROTTLING, 0.3, id="throttling", marks=pytest.mark.slow),
    ],
)
def test_one_bad_endpoint_among_three_good_ones_spoils_nothing(
    world: GeneratedChain, database_url: str, faults: tuple[Fault, ...], share: float
) -> None:
    """Given one bad endpoint, then the log is whole, and only that one is said to fail."""
    honest = node_answer(Node(world, limits=Limits(_FINALITY_DEPTH), calls={}))
    bad = Faulty(honest, faults, seed=1, share=share)
    with serving(bad) as bad_url, serving(honest) as url, capture_logs() as logs:
        settings = settings_for(url, world.contracts, rpc=[url, bad_url, url, url])
        with indexing(settings, database_url):
            wait_for_head(database_url, world.blocks.head.hash)
    assert_whole(database_url, world)
    assert bad.faults
    reasons = [entry["reason"] for entry in logs if entry["event"] == "endpoint_failed"]
    assert {reason.split(":")[0] for reason in reasons} <= {"local-2"}
