"""The logs of some contracts in some blocks, asked for in the way that proves them.

By receipts: all receipts of a block, which its header commits to. By bloom: a filter, whose
answer the blooms promise; a promise that is not kept is settled by receipts. Or by filter alone.
"""

import random
from bisect import bisect_left
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import structlog

from indexer.blooms import Blooms, false_promises
from indexer.endpoint import Endpoint, lacks_method
from indexer.errors import (
    EndpointError,
    FilterRefusedError,
    NotYetError,
    RangeTooLargeError,
    RpcError,
)
from indexer.proof import (
    Header,
    by_block,
    logs_of,
    verify_bloom,
    verify_receipts,
)
from indexer.spare import BlockLogs, Spare, split
from indexer.spare import digits as digits_of
from indexer.wire import Log, Receipt
from schema.log.chain import Proof

_log = structlog.get_logger()

# What the logs of one unit of work may take, in hex digits of their data: with several units in
# flight, this bounds memory. A single block is taken whatever it has.
_DIGITS_MAX = 4 << 20
# False promises of a block, on average, from which on its bloom is vague.
_DOUBTS_A_BLOCK_MAX = 0.3
# All logs are asked for where they are mostly those of so many contracts, which is more than most
# providers take in one filter.
_FOREIGN_SHARE_MAX, _MANY_ADDRESSES = 0.5, 500
_SMOOTHING = 0.2  # how much the newest share counts


class LogSource:
    """Asks one endpoint for logs, for one unit of work."""

    def __init__(self, endpoint: Endpoint, spare: Spare) -> None:
        """Ask `endpoint` for what is not in `spare`."""
        self._endpoint = endpoint
        self._verified = dict(spare.blocks)
        self._spare = spare

    @property
    def spare(self) -> Spare:
        """What came and was not wanted yet."""
        return self._spare._replace(blocks=self._verified)

    def logs(
        self, headers: Sequence[Header], addresses: AbstractSet[str], proof: Proof
    ) -> BlockLogs:
        """The logs of these addresses in these blocks, in their order, by block number.

        Raises:
            EndpointError: the endpoint failed, or its answer is not proved.
        """
        if not headers:
            return {}
        if self._spare.has(addresses, headers[0].number):
            verified = [header for header in headers if header.hash in self._verified]
            kept, _ = split(self._spare.logs, addresses)
            return kept | self._by_receipts(verified, addresses)
        if proof == "none":
            return self._by_filter(headers, addresses)
        if proof == "bloom" and self._is_worth_all(len(addresses)):
            try:
                return self._whole(headers, addresses)
            except RpcError as error:
                # Whatever it is: by addresses, another error will say so again.
                _log.info("filter_refused", endpoint=self._endpoint.alias, reason=str(error))
                self._endpoint.needs_addresses = True
        promises = Blooms([header.bloom for header in headers]).promises(addresses)
        places = sorted(promises)
        promising = [headers[at] for at in places]
        if proof == "receipts" or all(header.hash in self._verified for header in promising):
            return self._by_receipts(promising, addresses)
        return self._by_bloom(promising, [promises[at] for at in places], len(addresses))

    def _by_receipts(
        self, headers: Sequence[Header], addresses: AbstractSet[str] | None
    ) -> BlockLogs:
        alias, digits = self._endpoint.alias, 0
        asked = [header for header in headers if header.hash not in self._verified]
        while asked:
            some = asked[: self._endpoint.receipts_at_once]
            asked = asked[len(some) :]
            for header, receipts in zip(some, self._receipts(some), strict=True):
                if receipts is None:
                    raise NotYetError(alias, block=header.hash)
                logs = self._verified[header.hash] = verify_receipts(alias, header, receipts)
                digits += digits_of(logs)
            _check_size(headers, digits)
        return {h.number: logs_of(self._verified[h.hash], addresses) for h in headers}

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

    def _by_bloom(
        self,
        headers: Sequence[Header],
        promises: Sequence[AbstractSet[str]],
        asked: int,
    ) -> BlockLogs:
        """What a filter finds of promised addresses in these blocks, their blooms being kept.

        A promise that is not kept is settled by receipts. Where thousands of addresses are asked
        for, some are promised falsely in nearly every block: where blooms are so vague, one that
        the logs that came account for to the last bit is kept as well.
        """
        are_vague = _are_vague(headers, asked)
        addresses = frozenset().union(*promises)
        logs = self._by_filter(headers, addresses)
        doubtful = []
        for header, promised in zip(headers, promises, strict=True):
            came = logs.get(header.number, [])
            bloom = verify_bloom(self._endpoint.alias, header, came)
            is_kept = promised <= {log.address for log in came}
            is_kept = is_kept or (are_vague and bloom == header.bloom)
            if not is_kept or self._is_sampled():
                doubtful.append(header)
        settled = self._settled(headers, logs, doubtful, addresses)
        if asked >= _MANY_ADDRESSES:
            every = [self._verified.get(header.hash, []) for header in doubtful]
            self._share(sum(map(len, every)), sum(map(len, settled.values())))
        return logs | settled

    def _whole(self, headers: Sequence[Header], addresses: AbstractSet[str]) -> BlockLogs:
        """What a filter finds that names no addresses, so that it accounts for all of each bloom.

        Where it does not, receipts settle the block. Among logs that are mostly those of thousands
        of contracts, this is less work than to look each of these up.
        """
        alias, every = self._endpoint.alias, self._by_filter(headers, None)
        doubtful = []
        for header in headers:
            bloom = verify_bloom(alias, header, every.get(header.number, []))
            if bloom != header.bloom or self._is_sampled():
                doubtful.append(header)
        logs, others = split(every, addresses)
        self._share(sum(map(len, every.values())), sum(map(len, logs.values())))
        settled = self._settled(headers, logs, doubtful, addresses)
        if all(header.hash in self._verified for header in doubtful):
            self._spare = Spare({}, headers[0].number, others, given=addresses)
        return logs | settled

    def _is_worth_all(self, addresses: int) -> bool:
        """Whether all logs may be asked for, and are mostly those of so many contracts."""
        endpoint = self._endpoint
        is_own = endpoint.foreign_share <= _FOREIGN_SHARE_MAX
        return is_own and addresses >= _MANY_ADDRESSES and not endpoint.needs_addresses

    def _settled(
        self,
        headers: Sequence[Header],
        logs: BlockLogs,
        doubtful: Sequence[Header],
        addresses: AbstractSet[str],
    ) -> BlockLogs:
        """What the doubtful ones of these blocks hold; where logs were left out, what all hold."""
        settled = self._truth(doubtful, addresses)
        omitted = [number for number, truth in settled.items() if truth != logs.get(number, [])]
        if omitted:
            _log.warning("logs_omitted", endpoint=self._endpoint.alias, blocks=omitted)
            self._endpoint.conviction = f"left out logs of {len(omitted)} blocks of its receipts"
            # What else it left out in part, blooms do not show.
            settled = self._truth(headers, addresses)
        return settled

    def _share(self, every: int, own: int) -> None:
        """Learn how many logs of blocks are of contracts that are not followed."""
        if every:
            endpoint, share = self._endpoint, 1 - own / every
            endpoint.foreign_share += _SMOOTHING * (share - endpoint.foreign_share)

    def _is_sampled(self) -> bool:
        """Whether a block is one of those whose receipts are looked at in any case."""
        endpoint = self._endpoint
        is_drawn = random.random() < endpoint.receipts_sample  # noqa: S311  a sample, no secret
        return is_drawn and endpoint.has_receipts

    def _truth(self, headers: Sequence[Header], addresses: AbstractSet[str]) -> BlockLogs:
        """What these blocks hold by their receipts, or without those by a filter on each's hash."""
        try:
            return self._by_receipts(headers, addresses)
        except RpcError as error:
            if not lacks_method(error):
                raise
            self._endpoint.has_receipts = False
            return {h.number: self._by_filter([h], addresses).get(h.number, []) for h in headers}

    def _by_filter(
        self, headers: Sequence[Header], addresses: AbstractSet[str] | None
    ) -> BlockLogs:
        """Logs of these blocks, in pieces as wide as the endpoint allows; a refused one is halved.

        Between them blocks may be missing, which hold no logs as their blooms prove.

        Args:
            headers: of the blocks.
            addresses: whose logs; None for those of all.
        """
        endpoint, logs, digits, at, halvings = self._endpoint, list[Log](), 0, 0, 0
        while at < len(headers):
            width = endpoint.width
            piece = self._piece(headers, at, width)
            span = piece[-1].number - piece[0].number + 1
            try:
                came = self._query(piece, addresses)
            except EndpointError as error:
                if error.is_about_size and span > 1:
                    endpoint.narrow(span, error)
                if not error.may_halve(halvings):
                    raise
                _log.info("range_refused", blocks=span, reason=str(error))
                if span > 1:
                    halvings += 1
                    continue
                came = self._by_receipts(piece, addresses)[piece[0].number]
            logs += came
            digits += digits_of(came)
            _check_size(headers, digits)
            if 2 * span > width:  # else it does not show that so many are given
                endpoint.widen(width)
            at, halvings = at + len(piece), 0
        return by_block(endpoint.alias, logs, headers, addresses)

    def _piece(self, headers: Sequence[Header], at: int, width: int) -> Sequence[Header]:
        """The headers from that place on that lie within so many blocks."""
        end = headers[at].number + width
        return headers[at : bisect_left(headers, end, lo=at, key=lambda header: header.number)]

    def _query(self, headers: Sequence[Header], wanted: AbstractSet[str] | None) -> list[Log]:
        """The logs from the first to the last block; one block is asked for by its hash."""
        where: dict[str, Any] = {"blockHash": headers[0].hash}
        if len(headers) > 1:
            where = {"fromBlock": hex(headers[0].number), "toBlock": hex(headers[-1].number)}
        if wanted is None:
            return self._endpoint.logs(where)
        addresses = list(wanted)
        logs, at, queries = list[Log](), 0, 0
        while at < len(addresses):
            some = addresses[at : at + self._endpoint.addresses_max]
            try:
                logs += self._endpoint.logs({**where, "address": some})
            except FilterRefusedError as error:
                if len(some) == 1:
                    raise
                self._endpoint.allow_fewer_addresses(len(some), error)
            else:
                self._endpoint.allow_more_addresses(len(some))
                at, queries = at + len(some), queries + 1
        if queries > 1:
            logs.sort(key=lambda log: (int(log.block_number, 16), int(log.log_index, 16)))
        return logs


def _are_vague(headers: Sequence[Header], addresses: int) -> bool:
    """Whether the blooms of these blocks promise logs of so many addresses falsely and often."""
    doubts = sum([false_promises(header.bloom, addresses) for header in headers])
    return doubts > _DOUBTS_A_BLOCK_MAX * len(headers)


def _check_size(headers: Sequence[Header], digits: int) -> None:
    if digits > _DIGITS_MAX and len(headers) > 1:
        raise RangeTooLargeError(headers[0].number, headers[-1].number)
