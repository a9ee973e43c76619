"""One chain that holds the logs of two worlds, whose deployments share their token."""

from collections.abc import Iterable, Mapping

import msgspec

from indexer.commitments import bloom_of, header_hash, items_of, receipts_root
from indexer.wire import Block, Receipt
from scripts.simulate.blocks import Blocks, SealedBlock
from scripts.simulate.chain import NO_PARENT, GeneratedChain

_BLOCK, _RECEIPTS = msgspec.json.Decoder(Block), msgspec.json.Decoder(list[Receipt])


class TwinChain:
    """The blocks of two worlds, one on top of the other; nothing more comes.

    Attributes:
        blocks: each with the transactions of both, those of the first world first.
        contracts: of the first world's deployment.
        other_contracts: of the second one's, with the first one's token.
    """

    is_over = True

    def __init__(self, first: GeneratedChain, second: GeneratedChain) -> None:
        self.blocks = Blocks()
        self.contracts = dict(first.contracts)
        self.other_contracts = {**second.contracts, "token": first.contracts["token"]}
        # An address stands in topics and data without its 0x.
        own, shared = (c["token"][2:].encode() for c in (second.contracts, self.contracts))
        parent_hash = NO_PARENT
        for one, other in zip(first.blocks, second.blocks, strict=False):
            json = [one.receipts_json(), other.receipts_json().replace(own, shared)]
            receipts = [receipt for part in json for receipt in _RECEIPTS.decode(part)]
            block = _sealed(_BLOCK.decode(one.json), parent_hash, receipts)
            self.blocks.append(block)
            parent_hash = block.hash

    @property
    def all_contracts(self) -> Mapping[str, str]:
        """The singletons of both deployments, under whatever names."""
        others = {f"other {kind}": address for kind, address in self.other_contracts.items()}
        return {**self.contracts, **others}

    def advance(self) -> bool:
        """There is no next block."""
        return False


def _sealed(header: Block, parent_hash: str, receipts: list[Receipt]) -> SealedBlock:
    """The block of these receipts, every commitment of which is real."""
    _place(receipts)
    header.parent_hash = parent_hash
    header.logs_bloom = (
        f"0x{bloom_of(items_of(log for each in receipts for log in each.logs)):0512x}"
    )
    header.receipts_root = receipts_root(receipts)
    header.hash = header_hash(header)
    block = SealedBlock(int(header.number, 16), header.hash, msgspec.json.encode(header))
    for receipt in receipts:
        receipt.block_hash = header.hash
        for log in receipt.logs:
            log.block_hash = header.hash
        _add(block, receipt)
    return block


def _place(receipts: Iterable[Receipt]) -> None:
    """Number transactions and logs as they stand in the block now."""
    log_index = 0
    for tx_index, receipt in enumerate(receipts):
        receipt.transaction_index = hex(tx_index)
        for log in receipt.logs:
            log.transaction_index, log.log_index = hex(tx_index), hex(log_index)
            log_index += 1


def _add(block: SealedBlock, receipt: Receipt) -> None:
    fields = msgspec.to_builtins(receipt)
    logs = [msgspec.json.encode(log) for log in fields.pop("logs")]
    head = msgspec.json.encode(fields)[:-1] + b',"logs":['
    block.add((receipt.transaction_hash, head), logs, [log.address for log in receipt.logs])
