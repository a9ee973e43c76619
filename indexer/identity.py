"""Which chain an endpoint is of: by the id it says, and by how its chain begins.

Two chains may have one id, as development chains do. So the hash of block 0 must be the same at
every endpoint; and so must the parent of the block that the log begins with, for endpoints that
keep no older blocks.
"""

from collections.abc import Iterator

from indexer.endpoint import Endpoint
from indexer.errors import OtherChainError, RpcError
from indexer.wire import Block
from schema.settings import ChainSettings


class Identity:
    """A chain's, as the first endpoint has it that is asked."""

    def __init__(self, settings: ChainSettings) -> None:
        self._settings = settings
        self._hashes: dict[int, str] = {}

    def check(self, endpoint: Endpoint) -> None:
        """Check that an endpoint is of this chain.

        Raises:
            OtherChainError: it is not.
            EndpointError: it cannot be asked.
        """
        chain_id = endpoint.chain_id()
        if chain_id != self._settings.id:
            problem = f"is of chain {chain_id}, not {self._settings.id}"
            raise OtherChainError(endpoint.alias, problem)
        for number, theirs in self._beginning(endpoint):
            ours = self._hashes.setdefault(number, theirs)
            if theirs != ours:
                problem = f"has block {number} as {theirs}, but the chain's is {ours}"
                raise OtherChainError(endpoint.alias, problem)

    def _beginning(self, endpoint: Endpoint) -> Iterator[tuple[int, str]]:
        """Numbers and hashes of the chain's first blocks, as far as the endpoint has them."""
        start = self._settings.start_block
        if genesis := _block(endpoint, 0):
            yield 0, genesis.hash
        if start > 0 and (first := _block(endpoint, start)):
            yield start - 1, first.parent_hash


def _block(endpoint: Endpoint, number: int) -> Block | None:
    try:
        return endpoint.blocks([number])[0]
    except RpcError:
        return None
