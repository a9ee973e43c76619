"""The aggregate of a chain's stream: its cursor, its contracts and its reorganisations."""

from schema.database import connect
from schema.log.chain import (
    BlocksOrphaned,
    Chain,
    ChainFact,
    ChainOpened,
    ContractDiscovered,
    OrphanedBlock,
    RangeIndexed,
)
from schema.log.store import (
    LogDatastore,
    LogRecorder,
    chain_digest,
    load_chain,
    store_chain_facts,
)

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


def test_a_chain_is_loaded_as_it_was_applied(database_url: str) -> None:
    """Given more facts than one page, when loaded, then the state is that of applying all."""
    datastore = LogDatastore(database_url, role="daybook_indexer", application_name="test")
    recorder = LogRecorder(datastore)
    chain = Chain(1)
    facts: list[ChainFact] = [_OPENED, ContractDiscovered(1, "so", "raffle", "0xf0", 0)]
    facts += [_range(n, n, finalized=n - 1200) for n in range(2500)]
    recorder.insert_events(store_chain_facts(chain, facts))
    chain.apply(facts)
    orphaned: list[ChainFact] = [chain.orphan_above(2480), _range(2481, 2481, branch="b")]
    recorder.insert_events(store_chain_facts(chain, orphaned))
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


def test_the_digest_depends_on_every_row_and_on_its_place() -> None:
    """Given rows, when one is changed or two are swapped, then the digest differs."""
    rows = store_chain_facts(Chain(1), [_range(0, 0), _range(1, 1)])
    digest = chain_digest("00" * 32, rows)

    assert digest != chain_digest("00" * 32, rows[::-1])
    assert digest != chain_digest("00" * 32, rows[:1])
    assert digest != chain_digest("01" * 32, rows)


def test_orphaned_blocks_are_listed_by_the_view(database_url: str) -> None:
    """Given a BlocksOrphaned fact, then log.orphaned_block has a row for each block."""
    datastore = LogDatastore(database_url, role="daybook_indexer", application_name="test")
    fact = BlocksOrphaned(1, 4, "0x4", (OrphanedBlock(5, "0x5", 0), OrphanedBlock(6, "0x6", 2)))
    LogRecorder(datastore).insert_events(store_chain_facts(Chain(1), [fact]))

    with connect(database_url, role="daybook_api", application_name="test") as session:
        rows = session.execute("SELECT number, hash, attempt FROM log.orphaned_block").fetchall()

    assert [tuple(row.values()) for row in rows] == [(5, "0x5", 0), (6, "0x6", 2)]
    datastore.close()
