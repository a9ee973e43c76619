"""The log against the chain, asked again: what both have is the same, or it is told."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from indexer import logs
from indexer.audit import Audited, Discrepancy, audit
from indexer.errors import EndpointError
from indexer.node import Node as Endpoints
from indexer.sample import NothingFinalError, Sample
from schema.settings import Database, Settings
from scripts.simulate.chain import GeneratedChain
from scripts.simulate.node import METHOD_NOT_FOUND, Limits, Node, RpcError
from scripts.verify import DifferenceFoundError, verify
from tests.indexer.indexing import index_to_head, query, settings_for
from tests.indexer.nodes import Spoil, honest, node_answer, serving
from tests.scripts.logs import unguarded

_ALL = Sample()


def without_receipts(method: str, _parameters: list[Any], result: Any) -> Any:
    """A node that does not have them."""
    if method == "eth_getBlockReceipts":
        raise RpcError(METHOD_NOT_FOUND, "the method does not exist")
    return result


def without_logs(method: str, _parameters: list[Any], result: Any) -> Any:
    """A node that leaves every receipt's logs out."""
    if method == "eth_getBlockReceipts":
        return [{**receipt, "logs": []} for receipt in result]
    return result


@pytest.fixture
def settings(world: GeneratedChain, database_url: str) -> Iterator[Settings]:
    """A world whose final blocks are in the log; its node is up."""
    with serving(node_answer(Node(world, limits=Limits(30), calls={}))) as url:
        settings = settings_for(url, world.contracts, proof="bloom")
        index_to_head(settings, database_url)
        yield settings


def audited(
    settings: Settings, database_url: str, sample: Sample = _ALL, **chain: Any
) -> list[Audited]:
    """What an audit comes to."""
    node = Endpoints(msgspec.structs.replace(settings.chain[0], **chain), threading.Event())
    return list(audit(node, database_url, sample, lambda _: None))


def discrepancies(settings: Settings, database_url: str) -> list[Discrepancy]:
    """What does not agree."""
    return [found for each in audited(settings, database_url) for found in each.discrepancies]


def tamper(database_url: str, statement: str) -> dict[str, Any]:
    """Do something to an event of a final block; where it stands."""
    (event,) = query(
        database_url,
        "SELECT position, block_number, log_index FROM log.tokens_purchased "
        "ORDER BY position OFFSET 5 LIMIT 1",
    )
    with unguarded(database_url) as owner:
        owner.execute(statement.encode(), event)
    return event


def test_ranges_with_more_logs_than_fit_are_audited_in_parts(
    settings: Settings, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given ranges whose receipts are too large at once, when audited, then nothing is left out."""
    whole = audited(settings, database_url)
    monkeypatch.setattr(logs, "_DIGITS_MAX", 5_000)
    assert audited(settings, database_url) == whole


def test_a_log_agrees_with_the_chain_that_it_is_of(settings: Settings, database_url: str) -> None:
    """Given an indexed world, when all of it is audited, then every final block is compared."""
    results = audited(settings, database_url)

    assert [each.discrepancies for each in results] == [[]] * len(results)
    assert {each.proof for each in results} == {"receipts"}
    final = query(
        database_url,
        "SELECT max(last) AS last, sum(events)::int AS events FROM log.range_indexed "
        "WHERE last <= (SELECT max(finalized) FROM log.range_indexed)",
    )
    assert [{"last": results[-1].last, "events": sum(each.events for each in results)}] == final


def test_a_changed_event_is_told_with_both_versions(settings: Settings, database_url: str) -> None:
    """Given one amount changed in the log, then block, log and position are told, and both."""
    event = tamper(
        database_url,
        "UPDATE log.stored_event SET state = jsonb_set(state, '{fee_amount}', '123456789') "
        "WHERE notification_id = %(position)s",
    )

    (found,) = discrepancies(settings, database_url)

    assert found.what == "changed"
    assert {name: getattr(found, name) for name in event} == event
    assert found.log == 'TokensPurchased/1 {"fee_amount":123456789}'
    assert found.chain.startswith('TokensPurchased/1 {"fee_amount":')
    assert found.chain != found.log
    assert found.endpoint == "local-1"


def test_an_event_that_the_log_lacks_is_told(settings: Settings, database_url: str) -> None:
    """Given an event deleted from the log, then block and log are told."""
    event = tamper(
        database_url, "DELETE FROM log.stored_event WHERE notification_id = %(position)s"
    )

    (found,) = discrepancies(settings, database_url)

    assert (found.what, found.log) == ("missing", "no such event")
    assert (found.block_number, found.log_index) == (event["block_number"], event["log_index"])


def test_an_event_that_the_chain_lacks_is_told(settings: Settings, database_url: str) -> None:
    """Given a forged event in the log, then its position is told."""
    tamper(
        database_url,
        "INSERT INTO log.stored_event SELECT originator_id, originator_version + 900, topic, "
        "state || jsonb_build_object('log_index', originator_version + 900), 1000000 "
        "FROM log.stored_event WHERE notification_id = %(position)s",
    )

    (found,) = discrepancies(settings, database_url)

    assert (found.what, found.position, found.chain) == ("added", 1_000_000, "no such event")


def test_another_block_is_told(settings: Settings, database_url: str) -> None:
    """Given a range that says to end with another block, then that is told."""
    with unguarded(database_url) as owner:
        owner.execute(
            "UPDATE log.stored_event SET state = jsonb_set(state, '{last_hash}', '\"0xab\"') "
            "WHERE notification_id = (SELECT min(position) FROM log.range_indexed)"
        )

    (found,) = discrepancies(settings, database_url)

    assert (found.what, found.log, found.log_index) == ("block", "0xab", None)


def test_a_sample_is_chosen_by_its_seed(settings: Settings, database_url: str) -> None:
    """Given a seed, then as many ranges are compared as wanted, and the same ones again."""

    def ranges(**sample: int) -> list[int]:
        return [each.first for each in audited(settings, database_url, Sample(**sample))]

    everything = ranges()
    assert ranges(count=2, seed=7) == ranges(count=2, seed=7)
    assert len(set(ranges(count=2, seed=7))) == min(2, len(everything))
    assert len(ranges(percent=1)) == 1
    assert sorted(ranges(percent=100)) == everything


def test_every_endpoint_is_asked_by_the_best_proof_it_gives(
    world: GeneratedChain, settings: Settings, database_url: str
) -> None:
    """Given endpoints with, without and with wrong receipts, then only the honest two are used."""
    spoils: list[Spoil] = [honest, without_receipts, without_logs]
    with ExitStack() as stack, capture_logs() as logs:
        urls = [
            stack.enter_context(
                serving(node_answer(Node(world, limits=Limits(30), calls={}), spoil))
            )
            for spoil in spoils
        ]
        results = audited(settings, database_url, rpc=urls)

    assert {(each.endpoint, each.proof) for each in results} == {
        ("local-1", "receipts"),
        ("local-2", "bloom"),
    }
    assert all(not each.discrepancies for each in results)
    assert any("local-3" in str(entry) for entry in logs)


def test_no_endpoint_to_ask_is_an_error(settings: Settings, database_url: str) -> None:
    """Given no node, then the audit fails and says which endpoint did not answer."""
    with capture_logs(), pytest.raises(EndpointError, match="local-1"):
        audited(settings, database_url, rpc=["http://127.0.0.1:1"])


def test_a_chain_without_final_blocks_cannot_be_audited(
    world: GeneratedChain, database_url: str
) -> None:
    """Given an empty log, then that is told with the next step."""
    settings = settings_for("http://127.0.0.1:1", world.contracts)

    with capture_logs(), pytest.raises(NothingFinalError, match="Index it first"):
        audited(settings, database_url)


def test_what_a_reorganisation_left_is_not_compared(settings: Settings, database_url: str) -> None:
    """Given a final range that the chain left by an operator's word, then it is left out."""
    before = audited(settings, database_url)
    with unguarded(database_url) as owner:
        owner.execute(
            "INSERT INTO log.stored_event SELECT originator_id, originator_version + 1, "
            "'BlocksOrphaned/1', jsonb_build_object('chain_id', state -> 'chain_id', "
            "'fork_number', %s::int, 'fork_hash', '0x', 'blocks', '[]'::jsonb), "
            "notification_id + 1 FROM log.stored_event ORDER BY notification_id DESC LIMIT 1",
            [before[0].last],
        )

    after = audited(settings, database_url)

    assert [each.last for each in after] == [before[0].last]


def test_contracts_that_came_late_are_compared_too(
    world: GeneratedChain, database_url: str
) -> None:
    """Given contracts that were back-filled, when audited, then their events are expected."""
    late = {"prize_distributor", "market_factory"}
    early = {kind: address for kind, address in world.contracts.items() if kind not in late}
    with serving(node_answer(Node(world, limits=Limits(30), calls={}))) as url:
        index_to_head(settings_for(url, early), database_url)
        before = sum(each.events for each in audited(settings_for(url, early), database_url))
        settings = settings_for(url, world.contracts)
        index_to_head(settings, database_url)

        results = audited(settings, database_url)

    assert [each.discrepancies for each in results] == [[]] * len(results)
    assert sum(each.events for each in results) > before


def test_the_command_shows_what_does_not_agree(
    settings: Settings, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Given a forged log whose digests nobody looked at, then the chain's word is shown beside."""
    settings = msgspec.structs.replace(settings, database=Database(database_url))
    verify(settings, sample=Sample(count=3, seed=5), as_json=False)
    shown = capsys.readouterr().out
    assert "ok: local (seed 5), ranges: local-1" in shown

    tamper(
        database_url,
        "UPDATE log.stored_event SET state = jsonb_set(state, '{fee_amount}', '123456789') "
        "WHERE notification_id = %(position)s",
    )
    with pytest.raises(DifferenceFoundError, match="2 differences"):
        verify(settings, sample=_ALL, as_json=False)

    shown = capsys.readouterr().out
    assert "rows of the log: 1" in shown
    assert "Differences between log and chain: 1" in shown
    assert "fee_amount" in shown
