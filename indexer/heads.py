"""Where the chain stands: its head, its last final block, and whether it left our branch.

A lower head is no reorganisation: the node may only be late. Another block at a number that is
indexed is one, and the highest indexed block that the node still has is where it forks.
"""

from typing import NamedTuple

from indexer.endpoint import Endpoint
from indexer.errors import BranchChangedError, FinalDisputedError, NotYetError, RpcError
from indexer.proof import Header, verify_header
from indexer.wire import Block
from schema.errors import ConfigurationError
from schema.log.chain import BlocksOrphaned, Chain
from schema.settings import ChainSettings

_INVALID_PARAMETERS = -32602
_BLOCKS_A_BATCH = 32  # reorganisations are rarely deeper, so one request finds most forks


class Heads(NamedTuple):
    """What an endpoint says in one answer.

    Attributes:
        latest: header of the head.
        finalized: number of the last final block; -1 if none is.
        at_ours: hash of the block at the number of the last indexed one; None if it has none.
    """

    latest: Header
    finalized: int
    at_ours: str | None


def read_heads(endpoint: Endpoint, settings: ChainSettings, chain: Chain) -> Heads:
    """Ask for head, finality and the block at our own head at once.

    Raises:
        EndpointError: the endpoint failed.
        ConfigurationError: it does not know the tag that `finality` names.
    """
    asked: dict[str, int | str] = {"latest": "latest"}
    if isinstance(settings.finality, str):
        asked["finalized"] = settings.finality
    if chain.head is not None:
        asked["ours"] = chain.head.number
    try:
        blocks = dict(zip(asked, endpoint.blocks(list(asked.values())), strict=True))
    except RpcError as error:
        if "finalized" not in asked:
            raise
        _check_tag(error, settings)
        del asked["finalized"]  # the tag is known, but nothing is final yet
        blocks = dict(zip(asked, endpoint.blocks(list(asked.values())), strict=True))
    latest, ours = blocks["latest"], blocks.get("ours")
    if latest is None:
        raise NotYetError(endpoint.alias, block="latest")
    header = verify_header(endpoint.alias, latest, proof=settings.proof)
    finalized = _finalized(header, blocks.get("finalized"), settings)
    return Heads(header, finalized, ours.hash if ours else None)


def _finalized(latest: Header, tagged: Block | None, settings: ChainSettings) -> int:
    if isinstance(settings.finality, int):
        return max(latest.number - settings.finality, -1)
    # Two answers of one batch may be of different moments.
    return min(int(tagged.number, 16), latest.number) if tagged else -1


def _check_tag(error: RpcError, settings: ChainSettings) -> None:
    """Raise unless the error may mean that there is no final block yet."""
    if error.code == _INVALID_PARAMETERS or "unknown block tag" in error.message.lower():
        raise ConfigurationError(
            f"chain {settings.name}: finality",
            f'{error.alias} does not know the tag "{settings.finality}" ({error.message})',
            "Set finality to a depth in blocks, such as 64.",
        ) from error
    if "not found" not in error.message.lower():
        raise error


def find_orphaned(
    endpoint: Endpoint, settings: ChainSettings, chain: Chain, heads: Heads
) -> BlocksOrphaned | None:
    """What the chain left, if it left our branch.

    Raises:
        EndpointError: the endpoint failed, or contradicts a final block.
        BranchChangedError: it is back on our branch already.
    """
    if not _has_left(chain, heads):
        return None
    candidates = [block for block in reversed(chain.tail) if block.number <= heads.latest.number]
    for at in range(0, len(candidates), _BLOCKS_A_BATCH):
        batch = candidates[at : at + _BLOCKS_A_BATCH]
        for ours, theirs in zip(batch, endpoint.blocks([b.number for b in batch]), strict=True):
            if theirs is None:
                raise NotYetError(endpoint.alias, block=ours.number)
            if verify_header(endpoint.alias, theirs, proof=settings.proof).hash == ours.hash:
                if ours == chain.head:
                    raise BranchChangedError(ours.number + 1)
                return chain.orphan_above(ours.number)
    if not candidates:  # two answers of one batch were of different moments
        raise NotYetError(endpoint.alias, block=chain.tail[0].number)
    return _orphan_everything(endpoint, settings, chain)


def _has_left(chain: Chain, heads: Heads) -> bool:
    head = chain.head
    if head is None:
        return False
    if heads.at_ours is not None:
        return heads.at_ours != head.hash
    known = {block.number: block.hash for block in chain.tail}
    return known.get(heads.latest.number, heads.latest.hash) != heads.latest.hash


def _orphan_everything(endpoint: Endpoint, settings: ChainSettings, chain: Chain) -> BlocksOrphaned:
    """All of the chain was left: legitimate only while nothing of it was final."""
    assert chain.opened is not None
    oldest = chain.tail[0]
    if chain.finalized >= oldest.number:
        check_history(endpoint, settings, chain)
        raise NotYetError(endpoint.alias, block=oldest.number)  # it changed its mind meanwhile
    return chain.orphan_above(chain.opened.start_block - 1)


def check_history(endpoint: Endpoint, settings: ChainSettings, chain: Chain) -> None:
    """Check that the endpoint's chain is the one in the log, by a final block and by its start.

    Raises:
        FinalDisputedError: a final block is another one there.
        EndpointError: the endpoint failed.
        ConfigurationError: the chain begins with another block there.
    """
    assert chain.opened is not None
    start, ours = chain.opened.start_block, chain.tail[0] if chain.tail else None
    numbers = [start, ours.number] if ours else [start]
    first, *final = endpoint.blocks(numbers)
    if first is not None and first.parent_hash != chain.opened.start_hash:
        raise ConfigurationError(
            f"chain {settings.name}: rpc",
            f"block {start} of {endpoint.alias} does not begin the chain that the log holds",
            "Name an endpoint of that chain, or a fresh database.",
        )
    theirs = final[0] if final else None
    if ours is None or theirs is None or ours.number > chain.finalized:
        return
    if theirs.hash != ours.hash:
        raise FinalDisputedError(
            endpoint.alias, number=ours.number, ours=ours.hash, theirs=theirs.hash
        )
