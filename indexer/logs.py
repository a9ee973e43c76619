"""The logs of some contracts in some blocks, asked for in the way that proves them.

By receipts: all receipts of a block, which its header commits to. By bloom: a filter, whose
answer the blooms promise; a promise that is not kept is settled by receipts. Or by filter alone.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import structlog

from indexer.endpoint import Endpoint, lacks_method
from indexer.errors import AnswerTooLargeError, NotYetError, RpcError
from indexer.proof import (
    Header,
    by_block,
    logs_of,
    promised,
    verify_bloom,
    verify_logs,
    verify_receipts,
)
from indexer.wire import Log, Receipt
from schema.log.chain import Proof

_log = structlog.get_logger()

_ADDRESSES_A_QUERY = 500  # providers refuse from 1,000 on

BlockLogs = dict[int, list[Log]]
Verified = dict[str, list[Log]]


class LogSource:
    """Asks one endpoint for logs, for one unit of work.

    Attributes:
        verified: all logs, by block hash, of the blocks whose receipts were verified; these
            blocks are not asked for again.
    """

    def __init__(self, endpoint: Endpoint, verified: Mapping[str, list[Log]]) -> None:
        self._endpoint = endpoint
        self.verified = dict(verified)

    def logs(
        self, headers: Sequence[Header], addresses: AbstractSet[str], proof: Proof
    ) -> BlockLogs:
        """The logs of these addresses in these contiguous blocks, by block number.

        Raises:
            EndpointError: the endpoint failed, or its answer is not proved.
        """
        if proof == "receipts":
            return self._by_receipts([h for h in headers if promised(h, addresses)], addresses)
        if proof == "bloom":
            return self._by_bloom(headers, addresses)
        return self._by_filter(headers, addresses)

    def _by_receipts(self, headers: Sequence[Header], addresses: AbstractSet[str]) -> BlockLogs:
        alias = self._endpoint.alias
        asked = [header for header in headers if header.hash not in self.verified]
        blocks = self._receipts(asked)
        for header, receipts in zip(asked, blocks, strict=True):
            if receipts is None:
                raise NotYetError(alias, block=header.hash)
            self.verified[header.hash] = verify_receipts(alias, header, receipts)
        return {h.number: logs_of(self.verified[h.hash], addresses) for h in headers}

    def _receipts(self, headers: Sequence[Header]) -> list[list[Receipt] | None]:
        """By hash; by number from an endpoint that knows blocks by number only.

        Either way the header's root binds them to that one block.
        """
        try:
            blocks = self._endpoint.receipts([header.hash for header in headers])
        except RpcError as error:
            if lacks_method(error):
                raise
            blocks = [None]
        if None in blocks:
            return self._endpoint.receipts([hex(header.number) for header in headers])
        return blocks

    def _by_bloom(self, headers: Sequence[Header], addresses: AbstractSet[str]) -> BlockLogs:
        promises = {header.number: promised(header, addresses) for header in headers}
        touched = [at for at, header in enumerate(headers) if promises[header.number]]
        if not touched:
            return {}
        asked = headers[touched[0] : touched[-1] + 1]
        logs = self._by_filter(asked, addresses)
        doubtful = []
        for header in asked:
            came = logs.get(header.number, [])
            verify_bloom(self._endpoint.alias, header, came)
            if promises[header.number] - {log.address for log in came}:
                doubtful.append(header)
        return logs | self._settle(doubtful, addresses, logs)

    def _settle(
        self, headers: Sequence[Header], addresses: AbstractSet[str], logs: BlockLogs
    ) -> BlockLogs:
        """What these blocks really hold; without receipts, what is said of each by its hash."""
        try:
            settled = self._by_receipts(headers, addresses)
        except RpcError as error:
            if not lacks_method(error):
                raise
            return {h.number: self._by_filter([h], addresses).get(h.number, []) for h in headers}
        omitted = [number for number, truth in settled.items() if truth != logs.get(number, [])]
        if omitted:
            _log.warning("logs_omitted", endpoint=self._endpoint.alias, blocks=omitted)
        return settled

    def _by_filter(self, headers: Sequence[Header], addresses: AbstractSet[str]) -> BlockLogs:
        """Logs in pieces as wide as the endpoint allows; a refused piece is halved."""
        endpoint, logs, at = self._endpoint, list[Log](), 0
        while at < len(headers):
            piece = headers[at : at + endpoint.width]
            try:
                logs += self._query(piece, list(addresses))
            except (RpcError, AnswerTooLargeError) as error:
                _log.info("range_refused", blocks=len(piece), reason=str(error))
                if len(piece) > 1:
                    endpoint.narrow(len(piece))
                    continue
                logs += self._by_receipts(piece, addresses)[piece[0].number]
            endpoint.widen(len(piece))
            at += len(piece)
        numbers = {header.number for header in headers}
        blocks = by_block(endpoint.alias, logs, numbers=numbers, addresses=addresses)
        for header in headers:
            verify_logs(endpoint.alias, header, blocks.get(header.number, ()))
        return blocks

    def _query(self, headers: Sequence[Header], addresses: list[str]) -> list[Log]:
        """The logs of contiguous blocks; one block is asked for by its hash."""
        where: dict[str, Any] = {"blockHash": headers[0].hash}
        if len(headers) > 1:
            where = {"fromBlock": hex(headers[0].number), "toBlock": hex(headers[-1].number)}
        logs: list[Log] = []
        for at in range(0, len(addresses), _ADDRESSES_A_QUERY):
            some = addresses[at : at + _ADDRESSES_A_QUERY]
            logs += self._endpoint.logs({**where, "address": some})
        if len(addresses) > _ADDRESSES_A_QUERY:
            logs.sort(key=lambda log: (int(log.block_number, 16), int(log.log_index, 16)))
        return logs
