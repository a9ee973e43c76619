"""The aggregate of a chain's stream: its cursor, its contracts and its reorganisations."""

import pytest

from schema.database import connect
from schema.log.chain import (
    BlocksOrphaned,
    Chain,
    ChainFact,
    ChainOpened,
    ContractDiscovered,
    ContractsBackfilled,
    IndexedBlock,
    OrphanedBlock,
    RangeIndexed,
)
from schema.log.store import LogDatastore, LogRecorder, load_chain, store_chain_facts

_OPENED = ChainOpened(1, 0, "local", 0, "0x" + "00" * 32)


def _range(first: int, last: int, *, branch: str = "a", finalized: int = -1) -> RangeIndexed:
    return RangeIndexed(
        chain_id=1,
        first=first,
        last=last,
        last_hash=f"0x{branch}{last}",
        last_time=last * 2,
        events=0,
        digest=f"{last:064x}",
        proof="receipts",
        finalized=finalized,
    )


def _chain(*facts: ChainFact) -> Chain:
    chain = Chain(1)
    chain.apply(facts)
    return chain


def test_a_new_chain_begins_at_its_start_block() -> None:
    """Given an opened chain, then its first block must fit the start hash."""
    chain = _chain(_OPENED)

    assert (chain.next_block, chain.next_parent, chain.head) == (0, _OPENED.start_hash, None)


def test_the_cursor_follows_the_ranges() -> None:
    """Given indexed ranges, then the next block is the one after the last of them."""
    chain = _chain(_OPENED, _range(0, 99), _range(100, 100))

    assert (chain.next_block, chain.next_parent, chain.version) == (101, "0xa100", 3)


def test_contracts_are_followed_once_discovered() -> None:
    """Given a discovery, then the address is known with its deployment, kind and block."""
    chain = _chain(_OPENED, ContractDiscovered(1, "so", "curve", "0xc1", 42))

    assert chain.contracts["0xc1"].kind == "curve"
    assert chain.contracts["0xc1"].block == 42


def test_orphaning_names_every_block_above_the_fork() -> None:
    """Given unfinal blocks, when the chain forks below two of them, then both are named."""
    chain = _chain(_OPENED, _range(0, 9), _range(10, 10), _range(11, 11))

    fact = chain.orphan_above(9)

    assert (fact.fork_number, fact.fork_hash) == (9, "0xa9")
    assert fact.blocks == (OrphanedBlock(10, "0xa10", 0), OrphanedBlock(11, "0xa11", 0))


def test_orphaning_everything_goes_back_to_the_start_hash() -> None:
    """Given a chain that forks at its start block, then the fork is the block before it."""
    chain = _chain(_OPENED, _range(0, 0))

    fact = chain.orphan_above(-1)
    chain.apply([fact])

    assert fact.fork_hash == _OPENED.start_hash
    assert (chain.next_block, chain.head) == (0, None)


def test_a_block_that_comes_back_is_a_second_attempt() -> None:
    """Given A, then B instead, then A again, then A's events get versions of their own."""
    chain = _chain(_OPENED, _range(0, 9), _range(10, 10, branch="a"))
    chain.apply([chain.orphan_above(9), _range(10, 10, branch="b")])
    chain.apply([chain.orphan_above(9), _range(10, 10, branch="a")])

    assert chain.attempt("0xa10") == 1
    assert chain.orphan_above(9).blocks == (OrphanedBlock(10, "0xa10", 1),)


def test_the_tail_keeps_the_last_final_block() -> None:
    """Given finality moving on, then only what may still be orphaned, and its base, is kept."""
    chain = _chain(_OPENED, *(_range(n, n, finalized=n - 3) for n in range(10)))

    assert [block.number for block in chain.tail] == [6, 7, 8, 9]


def _late(address: str, block: int = 0) -> ContractDiscovered:
    return ContractDiscovered(1, "so", "market_manager", address, block, late=True)


def _backfilled(first: int, last: int, *, joined: bool = False) -> ContractsBackfilled:
    return ContractsBackfilled(
        1, first, last, f"0xa{last}", last * 2, 0, f"{last:064x}", "receipts", joined=joined
    )


def test_a_late_contract_is_followed_once_it_is_back_filled_to_the_head() -> None:
    """Given a late contract, then it is followed from where its back-fill joined the head."""
    chain = _chain(_OPENED, _range(0, 99), _late("0xc1"))
    growth = chain.growth
    assert growth is not None
    assert (growth.covered, chain.contracts) == (chain.start, {})

    chain.apply([_backfilled(0, 49), _late("0xc2", 20)])
    assert (growth.covered.number, list(growth.contracts)) == (49, ["0xc1", "0xc2"])

    chain.apply([_backfilled(50, 99, joined=True)])
    assert (list(chain.contracts), chain.next_block) == (["0xc1", "0xc2"], 100)
    assert chain.growth is None


def test_what_was_back_filled_above_a_fork_is_to_be_done_again() -> None:
    """Given a back-fill of unfinal blocks, when they are orphaned, then it goes on at the fork."""
    chain = _chain(_OPENED, _range(0, 9), _range(10, 10), _range(11, 11), _late("0xc1"))
    chain.apply([_backfilled(0, 10)])

    chain.apply([chain.orphan_above(10)])
    assert chain.growth is not None
    assert chain.growth.covered == IndexedBlock(10, "0xa10")

    chain.apply([chain.orphan_above(9)])
    assert chain.growth.covered == IndexedBlock(9, "0xa9")


@pytest.mark.parametrize("is_joined", [False, True])
def test_a_growing_chain_is_loaded_as_it_was_applied(
    database_url: str,
    is_joined: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    """Given late contracts far back in a long stream, when loaded, then nothing is forgotten."""
    datastore = LogDatastore(database_url, role="daybook_indexer", application_name="test")
    chain = Chain(1)
    facts: list[ChainFact] = [_OPENED, ContractDiscovered(1, "so", "raffle", "0xf0", 0)]
    facts += [_range(n, n, finalized=n) for n in range(3)]
    facts += [_late("0xc1"), _backfilled(0, 1), _backfilled(2, 2, joined=True)]
    facts += [_late("0xc2"), _backfilled(0, 0), _backfilled(1, 2, joined=is_joined)]
    facts += [_range(n, n, finalized=n - 5) for n in range(3, 2200)]
    LogRecorder(datastore).insert_rows(store_chain_facts(chain, facts))
    chain.apply(facts)

    with datastore.cursor() as cursor:
        loaded = load_chain(cursor, 1)

    assert vars(loaded) == vars(chain)
    assert (loaded.growth is None) == is_joined
    datastore.close()


def test_a_chain_is_loaded_as_it_was_applied(database_url: str) -> None:
    """Given more facts than one page, when loaded, then the state is that of applying all."""
    datastore = LogDatastore(database_url, role="daybook_indexer", application_name="test")
    recorder = LogRecorder(datastore)
    chain = Chain(1)
    facts: list[ChainFact] = [_OPENED, ContractDiscovered(1, "so", "raffle", "0xf0", 0)]
    facts += [_range(n, n, finalized=n - 1200) for n in range(2500)]
    recorder.insert_rows(store_chain_facts(chain, facts))
    chain.apply(facts)
    orphaned: list[ChainFact] = [chain.orphan_above(2480), _range(2481, 2481, branch="b")]
    recorder.insert_rows(store_chain_facts(chain, orphaned))
    chain.apply(orphaned)

    with datastore.cursor() as cursor:
        loaded = load_chain(cursor, 1)

    assert vars(loaded) == vars(chain)
    datastore.close()


def test_an_unknown_chain_is_empty(database_url: str) -> None:
    """Given nothing in the log, then there is nothing to load."""
    with connect(database_url, role="daybook_indexer", application_name="test") as session:
        loaded = load_chain(session.cursor(), 5)

    assert (loaded.version, loaded.opened) == (0, None)


def test_orphaned_blocks_are_listed_by_the_view(database_url: str) -> None:
    """Given a BlocksOrphaned fact, then log.orphaned_block has a row for each block."""
    datastore = LogDatastore(database_url, role="daybook_indexer", application_name="test")
    fact = BlocksOrphaned(1, 4, "0x4", (OrphanedBlock(5, "0x5", 0), OrphanedBlock(6, "0x6", 2)))
    LogRecorder(datastore).insert_rows(store_chain_facts(Chain(1), [fact]))

    with connect(database_url, role="daybook_api", application_name="test") as session:
        rows = session.execute("SELECT number, hash, attempt FROM log.orphaned_block").fetchall()

    assert [tuple(row.values()) for row in rows] == [(5, "0x5", 0), (6, "0x6", 2)]
    datastore.close()


def test_orphaning_below_the_last_final_block_goes_back_to_the_fork() -> None:
    """Given blocks that were final, when the chain left them, then the fork is the last final."""
    chain = _chain(_OPENED, _range(0, 9), _range(10, 19), _range(20, 29, finalized=29))

    chain.apply([BlocksOrphaned(1, 9, "0xa9", (OrphanedBlock(19, "0xa19", 0),))])

    assert (chain.next_block, chain.next_parent, chain.finalized) == (10, "0xa9", 9)
