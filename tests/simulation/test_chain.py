"""The chain of a generated world: its commitments, its determinism, its reorgs."""

import pytest

from indexer.commitments import bloom_of, header_hash, receipts_root
from scripts.simulate.chain import GeneratedChain
from tests.simulation.reading import header_of, receipts_of, world


@pytest.fixture(scope="module")
def chain() -> GeneratedChain:
    """A world of six seasons."""
    return world()


def _verify(chain: GeneratedChain) -> None:
    parent = "0x" + "00" * 32
    for block in chain.blocks:
        header, receipts = header_of(block), receipts_of(block)
        logs = [log for receipt in receipts for log in receipt.logs]
        assert header.parent_hash == parent
        assert header.hash == block.hash == header_hash(header)
        assert int(header.logs_bloom, 16) == bloom_of(logs)
        assert header.receipts_root == receipts_root(receipts)
        assert [int(log.log_index, 16) for log in logs] == list(range(len(logs)))
        assert {log.block_hash for log in logs} <= {block.hash}
        parent = block.hash


def test_every_block_keeps_what_its_header_commits_to(chain: GeneratedChain) -> None:
    """Given a whole world, then hashes, blooms and receipts roots are real and parents linked."""
    _verify(chain)


def test_a_seed_always_gives_the_same_chain(chain: GeneratedChain) -> None:
    """Given the same seed, then the same head; given another one, then another."""
    assert world().blocks.head.hash == chain.blocks.head.hash
    assert world(seed=8).blocks.head.hash != chain.blocks.head.hash


def test_a_block_holds_about_twenty_logs(chain: GeneratedChain) -> None:
    """Given a world, then its density is that of the recorded run, with some empty blocks."""
    sizes = [len(block.logs) for block in chain.blocks]
    assert 12 < sum(sizes) / len(sizes) < 28
    assert 0.03 < sizes.count(0) / len(sizes) < 0.3


@pytest.mark.parametrize("depth", [1, 3, 6, 60])
def test_a_reorg_replaces_the_last_blocks_by_a_real_branch(depth: int) -> None:
    """Given a chain, when reorganised, then exactly that many blocks differ, all of them valid."""
    chain = world(trades=300)
    before = [block.hash for block in chain.blocks]
    chain.reorg(depth)
    after = [block.hash for block in chain.blocks]
    fork = len(before) - depth
    assert after[:fork] == before[:fork]
    assert not set(after[fork:]) & set(before[fork:])
    assert len(after) - len(before) in (0, 1)
    _verify(chain)


def test_reorgs_are_part_of_the_seed() -> None:
    """Given one seed and the same requests, then every branch is the same."""
    first, second = world(trades=300), world(trades=300)
    for chain in (first, second):
        chain.reorg(5)
        chain.advance()
        chain.reorg(9)
    assert first.blocks.head.hash == second.blocks.head.hash


def test_a_reorg_moves_drops_and_fails_transactions() -> None:
    """Given a deep reorg, then transactions stand elsewhere, are gone, or fail now."""
    chain = world(trades=600)
    before = _fates(chain)
    chain.reorg(80)
    after = _fates(chain)
    common = before.keys() & after.keys()
    assert any(before[name][0] != after[name][0] for name in common)
    assert before.keys() - after.keys()
    assert any(before[name][1] == "0x1" and after[name][1] == "0x0" for name in common)


def test_an_orphaned_block_is_unknown() -> None:
    """Given a reorg, then the node no longer knows the blocks it replaced."""
    chain = world(trades=300)
    orphaned = chain.blocks.head.hash
    chain.reorg(2)
    assert chain.blocks.with_hash(orphaned) is None


def _fates(chain: GeneratedChain) -> dict[str, tuple[int, str | None]]:
    return {
        receipt.transaction_hash: (block.number, receipt.status)
        for block in chain.blocks
        for receipt in receipts_of(block)
    }
