"""The chain of a generated world: its commitments, its determinism, its reorgs."""

import pytest

from indexer.commitments import bloom_of, header_hash, items_of, receipts_root
from scripts.simulate.chain import GeneratedChain, Setting, generate
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
        assert int(header.logs_bloom, 16) == bloom_of(items_of(logs))
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


@pytest.mark.parametrize(("length", "is_empty"), [(2, False), (15, False), (7, True), (0, False)])
def test_a_branch_is_as_long_and_as_full_as_asked_for(length: int, is_empty: bool) -> None:  # noqa: FBT001  parameters of pytest
    """Given a length, then the branch has it; transactions without a block are mined later."""
    chain = world(trades=300)
    fork = len(chain.blocks) - 7
    left = {name for name, (number, _) in _fates(chain).items() if number >= fork}
    chain.reorg(7, length=length, is_empty=is_empty)
    assert len(chain.blocks) == fork + length
    _verify(chain)
    mined = {name for name, (number, _) in _fates(chain).items() if number >= fork}
    assert bool(mined) == (length > 0 and not is_empty)
    chain.advance()
    back = _fates(chain).keys() & left
    assert len(back) > len(left) / 2
    _verify(chain)


def test_going_back_gives_the_very_same_blocks() -> None:
    """Given A→B→A→B, then each is the branch that it was, and nothing that was mined is lost."""
    chain = world(trades=300)
    first = [block.hash for block in chain.blocks]
    truth = chain.truth()
    chain.reorg(9, length=4)
    chain.advance()
    second = [block.hash for block in chain.blocks]
    chain.go_back()
    assert [block.hash for block in chain.blocks] == first
    assert chain.truth() == truth
    chain.go_back()
    assert [block.hash for block in chain.blocks] == second
    chain.advance()
    _verify(chain)


def test_what_only_one_branch_mined_is_mined_again_on_the_other() -> None:
    """Given blocks mined on B, when going back to A, then their transactions come next there."""
    chain = generate(Setting(seed=5, seasons=3, players=12, trades=300))
    for _ in range(40):
        chain.advance()
    chain.reorg(3)
    for _ in range(4):
        chain.advance()
    mined = _fates(chain).keys()
    chain.go_back()
    chain.advance()
    assert mined <= _fates(chain).keys()
    _verify(chain)


def test_there_is_no_way_back_before_the_first_reorg() -> None:
    """Given a chain that never forked, then going back is refused."""
    with pytest.raises(ValueError, match="no reorg"):
        world(trades=300).go_back()


def _fates(chain: GeneratedChain) -> dict[str, tuple[int, str | None]]:
    return {
        receipt.transaction_hash: (block.number, receipt.status)
        for block in chain.blocks
        for receipt in receipts_of(block)
    }
