"""Families share one log: what one of them is called by, no other may be called by."""

from collections import Counter
from typing import get_args

import msgspec
import pytest

from schema.events import CODECS, ContractKind, Event, Header, UndecodedLog, decode
from schema.events.box_raffle import BoxPurchased, RaffleCancelled, RaffleFull
from schema.events.raffle import SeasonLocked
from schema.families import FAMILIES, SHARED_KINDS, SINGLETON_KINDS, contracts_of

_HEADER: Header = (1, 9, "0x" + "aa" * 32, 1_700_000_000, "0x" + "bb" * 32, 3, 7, "0x" + "22" * 20)


def test_events_are_told_apart_by_name_view_and_shape() -> None:
    """Given the events of all families, then no two share a stored name, a view or a shape."""
    codecs = CODECS.values()
    shapes = [(codec.event.emitted_by, codec.topic0, codec.topic_count) for codec in codecs]

    for names in ([c.stored_as for c in codecs], [c.view for c in codecs], shapes):
        assert [name for name, times in Counter(names).items() if times > 1] == []


def test_a_kind_of_contract_belongs_to_one_family() -> None:
    """Given the families' configured kinds, then each is known, and of one family alone."""
    assert set(SINGLETON_KINDS) <= set(get_args(ContractKind))
    assert set(SHARED_KINDS) <= set(SINGLETON_KINDS)
    assert len(SINGLETON_KINDS) == len(set(SINGLETON_KINDS))


@pytest.mark.parametrize("family", FAMILIES)
def test_what_numbers_a_familys_things_must_be_configured(family: str) -> None:
    """Given a family, then the contract that counts its seasons or raffles is a required key."""
    deployment = FAMILIES[family]
    fields = {field.name: field for field in msgspec.structs.fields(contracts_of(deployment))}

    assert fields[deployment.numbered_by].required


@pytest.mark.parametrize("event", [RaffleFull(*_HEADER, 3), RaffleCancelled(*_HEADER, 3)])
def test_a_box_raffles_log_is_of_its_family_only(event: Event) -> None:
    """Given a log that fits two families' shapes by chance, then its contract's kind decides."""
    topics, data = CODECS[type(event)].encode(event)

    assert decode("box_raffle", _HEADER, topics, data) == event
    assert decode("raffle", _HEADER, topics, data) == UndecodedLog(*_HEADER, tuple(topics), data)


def test_a_seasons_log_from_a_box_raffle_is_kept_as_it_is() -> None:
    """Given an event of the other family, when a box raffle emits it, then it stays undecoded."""
    topics, data = CODECS[SeasonLocked].encode(SeasonLocked(*_HEADER, 3))

    assert isinstance(decode("box_raffle", _HEADER, topics, data), UndecodedLog)


def test_a_purchase_cut_short_is_kept_as_it_is() -> None:
    """Given a purchase with a word too few, then it is recorded byte for byte, undecoded."""
    event = BoxPurchased(*_HEADER, 1, "0x" + "11" * 20, 2**256 - 1, 10**18)
    topics, data = CODECS[BoxPurchased].encode(event)

    assert decode("box_raffle", _HEADER, topics, data) == event
    assert isinstance(decode("box_raffle", _HEADER, topics, data[:-64]), UndecodedLog)
