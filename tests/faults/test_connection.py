"""A connection to PostgreSQL that is cut at the worst moments loses nothing and doubles nothing."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from structlog.testing import capture_logs

from scripts.simulate.chain import GeneratedChain
from scripts.simulate.node import Limits, Node
from tests.faults.proxy import (
    Match,
    Proxy,
    asking,
    committed,
    connecting,
    copying,
    never,
    of_a_client,
    proxied,
    times,
)
from tests.faults.whole import assert_whole
from tests.indexer.indexing import index_to_head, settings_for
from tests.indexer.nodes import node_answer, serving

# Two thirds of the world are followed block by block, the rest is final.
_FINALITY_DEPTH = 20
_AT_ONCE = 4


@pytest.mark.parametrize(
    ("cut", "at"),
    [
        pytest.param(connecting, (1, 2, 5), id="connecting"),
        pytest.param(asking(b"pg_try_advisory_lock"), (1, 2), id="asking for the chain's lock"),
        pytest.param(asking(b"pg_advisory_xact_lock"), (1, 3), id="asking for the append lock"),
        pytest.param(copying, (1, 3), id="copying"),
        pytest.param(asking(b"COMMIT"), (1, 3), id="before COMMIT"),
        pytest.param(committed, (1, 3), id="after COMMIT"),
    ],
)
def test_a_cut_connection_is_made_good(
    world: GeneratedChain, database_url: str, cut: Match, at: tuple[int, ...]
) -> None:
    """Given the line cut at some of these messages, then the log is whole all the same."""
    node = Node(world, limits=Limits(_FINALITY_DEPTH), calls={})
    with (
        serving(node_answer(node)) as url,
        proxied(database_url, times(cut, *at)) as proxy,
        capture_logs(),
    ):
        index_to_head(settings_for(url, world.contracts), proxy.url)
    assert len(proxy.cuts) == len(at)
    assert_whole(database_url, world)


@pytest.mark.slow
def test_a_cut_at_any_message_is_made_good(
    world: GeneratedChain, make_database: Callable[[], str]
) -> None:
    """Given the line cut at the nth message of a run, for every n, then each log is whole."""
    node = Node(world, limits=Limits(_FINALITY_DEPTH), calls={})
    with serving(node_answer(node)) as url, capture_logs():
        settings = settings_for(url, world.contracts)

        def cuts_of(cut: Match) -> Proxy:
            database_url = make_database()
            with proxied(database_url, cut) as proxy:
                index_to_head(settings, proxy.url)
            assert_whole(database_url, world)
            return proxy

        messages = cuts_of(never).passed
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            at_each = [times(of_a_client, number) for number in range(1, messages + 1)]
            cuts = [len(proxy.cuts) for proxy in pool.map(cuts_of, at_each)]
    # A run may need a few messages less than the first one did.
    assert sum(cuts) > 0.9 * messages > 30
