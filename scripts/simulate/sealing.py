"""From the logs of a block's transactions to a block with every commitment real."""

import sys
from typing import NamedTuple

import msgspec

from indexer.commitments import bloom_of, header_hash, items_of, receipts_root
from indexer.wire import Block, Log, Receipt
from schema.events import CODECS, Event, UndecodedLog
from scripts.simulate.blocks import SealedBlock
from scripts.simulate.deployment import NOBODY, hash_of
from scripts.simulate.transaction import Transaction

EMPTY_ROOT = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
EMPTY_UNCLES = "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347"
NO_REQUESTS = "0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
GAS_LIMIT = 100_000_000
GAS_PRICE = 1_000_000_000
_GAS_BASE, _GAS_PER_LOG = 21_000, 30_000

Executed = tuple[Transaction, list[Event | UndecodedLog] | None]


class Place(NamedTuple):
    """Where a block stands; branches of one number differ by their salt."""

    number: int
    parent_hash: str
    time: int
    seed: int
    salt: int


def seal(place: Place, executed: list[Executed]) -> SealedBlock:
    """The block of these transactions, with its JSON."""
    receipts = _receipts(place.number, executed)
    header = _header(place, receipts)
    header.hash = header_hash(header)
    hashes = [transaction.hash for transaction, _ in executed]
    block = SealedBlock(place.number, header.hash, _block_json(header, hashes))
    gas_before = 0
    for receipt, (transaction, _) in zip(receipts, executed, strict=True):
        receipt.block_hash = header.hash
        for log in receipt.logs:
            log.block_hash = header.hash
        gas = int(receipt.cumulative_gas_used, 16)
        head = _receipt_head(receipt, transaction.sender, gas - gas_before)
        gas_before = gas
        logs = [msgspec.json.encode(log) for log in receipt.logs]
        block.add((transaction.hash, head), logs, [log.address for log in receipt.logs])
    return block


def _receipts(number: int, executed: list[Executed]) -> list[Receipt]:
    receipts, gas_used, log_index = [], 0, 0
    for index, (transaction, events) in enumerate(executed):
        place = (hex(number), "", transaction.hash, hex(index))
        logs = [_log(event, place, log_index + at) for at, event in enumerate(events or ())]
        log_index += len(logs)
        gas_used += _GAS_BASE + _GAS_PER_LOG * len(logs)
        receipts.append(
            Receipt(
                transaction_hash=transaction.hash,
                transaction_index=hex(index),
                block_hash="",
                block_number=hex(number),
                cumulative_gas_used=hex(gas_used),
                logs_bloom=f"0x{bloom_of(items_of(logs)):0512x}",
                logs=logs,
                type="0x2",
                status="0x0" if events is None else "0x1",
            )
        )
    return receipts


def _log(event: Event | UndecodedLog, place: tuple[str, str, str, str], log_index: int) -> Log:
    if isinstance(event, UndecodedLog):
        topics, data = list(event.topics), event.data
    else:
        topics, data = CODECS[type(event)].encode(event)
    return Log(sys.intern(event.contract), topics, data, *place, hex(log_index))


def _header(place: Place, receipts: list[Receipt]) -> Block:
    bloom = 0
    for receipt in receipts:
        bloom |= int(receipt.logs_bloom, 16)
    label = (place.number, place.salt)
    return Block(
        hash="",
        number=hex(place.number),
        parent_hash=place.parent_hash,
        sha3_uncles=EMPTY_UNCLES,
        miner=NOBODY,
        state_root=hash_of(place.seed, "state", *label),
        transactions_root=hash_of(place.seed, "transactions", *label) if receipts else EMPTY_ROOT,
        receipts_root=receipts_root(receipts),
        logs_bloom=f"0x{bloom:0512x}",
        difficulty="0x0",
        gas_limit=hex(GAS_LIMIT),
        gas_used=receipts[-1].cumulative_gas_used if receipts else "0x0",
        timestamp=hex(place.time),
        extra_data="0x",
        mix_hash=hash_of(place.seed, "randomness", *label),
        nonce="0x0000000000000000",
        base_fee_per_gas=hex(GAS_PRICE),
        withdrawals_root=EMPTY_ROOT,
        blob_gas_used="0x0",
        excess_blob_gas="0x0",
        parent_beacon_block_root="0x" + "00" * 32,
        requests_hash=NO_REQUESTS,
    )


def _block_json(header: Block, hashes: list[str]) -> bytes:
    others = {
        "totalDifficulty": "0x0",
        "size": hex(600 + 200 * len(hashes)),
        "uncles": [],
        "transactions": hashes,
        "withdrawals": [],
    }
    return msgspec.json.encode(header)[:-1] + b"," + msgspec.json.encode(others)[1:]


def _receipt_head(receipt: Receipt, sender: str, gas_used: int) -> bytes:
    """The receipt's JSON up to its logs."""
    fields = {
        "type": receipt.type,
        "status": receipt.status,
        "transactionHash": receipt.transaction_hash,
        "transactionIndex": receipt.transaction_index,
        "blockHash": receipt.block_hash,
        "blockNumber": receipt.block_number,
        "from": sender,
        "to": _recipient(receipt),
        "contractAddress": None,
        "cumulativeGasUsed": receipt.cumulative_gas_used,
        "gasUsed": hex(gas_used),
        "effectiveGasPrice": hex(GAS_PRICE),
        "logsBloom": receipt.logs_bloom,
    }
    return msgspec.json.encode(fields)[:-1] + b',"logs":['


def _recipient(receipt: Receipt) -> str:
    return receipt.logs[-1].address if receipt.logs else NOBODY
