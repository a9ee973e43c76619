"""Where the next blocks go: after the last indexed one, or after the fork that a branch left."""

from typing import NamedTuple

from indexer.errors import BranchChangedError
from indexer.heads import Heads
from indexer.proof import Header
from schema.log.chain import BlocksOrphaned, Chain


class Branch(NamedTuple):
    """The branch to continue.

    Attributes:
        first: number of its next block.
        parent_hash: what that block must follow.
        heads: where the chain stands.
        orphaned: what the chain left before, to be appended with the first new blocks.
    """

    first: int
    parent_hash: str
    heads: Heads
    orphaned: BlocksOrphaned | None

    def check(self, header: Header) -> None:
        """Check that a header follows.

        Raises:
            BranchChangedError: it does not.
        """
        if header.parent_hash != self.parent_hash:
            raise BranchChangedError(header.number)

    def after(self, header: Header) -> "Branch":
        """The same branch once blocks up to this one are appended."""
        return Branch(header.number + 1, header.hash, self.heads, None)


def branch(chain: Chain, heads: Heads, orphaned: BlocksOrphaned | None) -> Branch:
    """The branch to continue, given what the chain left."""
    if orphaned is not None:
        return Branch(orphaned.fork_number + 1, orphaned.fork_hash, heads, orphaned)
    return Branch(chain.next_block, chain.next_parent, heads, None)
