"""Where the next blocks go: after the last indexed one, or after the fork that a branch left."""

from typing import NamedTuple

from indexer.endpoint import Endpoint
from indexer.errors import BranchChangedError
from indexer.heads import Heads, find_orphaned, read_heads
from indexer.proof import Header
from schema.log.chain import BlocksOrphaned, Chain
from schema.settings import ChainSettings


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


def find_branch(endpoint: Endpoint, settings: ChainSettings, chain: Chain) -> Branch:
    """The branch to continue, all of it as one endpoint has it.

    Raises:
        EndpointError: the endpoint failed, or contradicts a final block.
        BranchChangedError: the chain moved while it was read.
        ConfigurationError: the endpoint does not know the tag that `finality` names.
    """
    heads = read_heads(endpoint, settings, chain)
    orphaned = find_orphaned(endpoint, settings, chain, heads)
    if orphaned is not None:
        return Branch(orphaned.fork_number + 1, orphaned.fork_hash, heads, orphaned)
    return Branch(chain.next_block, chain.next_parent, heads, None)
