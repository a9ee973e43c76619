"""The logs of some contracts in some blocks, asked for in the way that proves them.

By receipts: all receipts of a block, which its header commits to. By bloom: a filter, whose
answer the blooms promise; a promise that is not kept is settled by receipts. Or by filter alone.
"""

import random
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import chain
from types import MappingProxyType
from typing import Any, NamedTuple

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
from indexer.wire import Log, Receipt
from schema.log.chain import Proof

_log = structlog.get_logger()

# What the logs of one unit of work may take, in hex digits of their data: with several units in
# flight, this bounds memory. A single block is taken whatever it has.
_DIGITS_MAX = 4 << 20
# Likewise, what of them is kept until the range's turn.
_SPARE_DIGITS_MAX = 2 << 20
# False promises of a block, on average, from which on its bloom is vague.
_DOUBTS_A_BLOCK_MAX = 0.3

Topics = Sequence[Sequence[str]]
BlockLogs = dict[int, list[Log]]


class Spare(NamedTuple):
    """Logs that came beyond those that were wanted, so that they need not be asked for again.

    Attributes:
        blocks: all logs, by block hash, of the blocks whose receipts were verified.
        addresses: those whose logs in the other blocks are here as well.
        first: the block from which on they are.
        logs: of these addresses, by block number.
    """

    blocks: Mapping[str, list[Log]] = MappingProxyType({})
    addresses: AbstractSet[str] = frozenset()
    first: int = 0
    logs: Mapping[int, list[Log]] = MappingProxyType({})

    def bounded(self) -> "Spare":
        """The same, or nothing if it takes much memory."""
        digits = sum([_digits(logs) for logs in chain(self.blocks.values(), self.logs.values())])
        return self if digits <= _SPARE_DIGITS_MAX else Spare()


class LogSource:
    """Asks one endpoint for logs, for one unit of work."""

    def __init__(
        self, endpoint: Endpoint, spare: Spare, expected: AbstractSet[str] = frozenset()
    ) -> None:
        """Ask `endpoint`, unless there is `spare`; first for `expected` addresses too."""
        self._endpoint = endpoint
        self._verified = dict(spare.blocks)
        self._spare = spare
        self._expected = expected

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
        first, spare = headers[0].number, self._spare
        if addresses <= spare.addresses and first >= spare.first:
            return _only(spare.logs, addresses)
        expected = frozenset([each for each in self._expected if each not in addresses])
        self._expected = frozenset()
        logs = self._asked(headers, addresses, expected, proof)
        if not expected:
            return logs
        ahead = _only(logs, expected)
        self._spare = Spare({}, expected, first, ahead)
        for at in ahead:
            logs[at] = [log for log in logs[at] if log.address not in expected]
        return logs

    def unproved(
        self, headers: Sequence[Header], addresses: AbstractSet[str], topics: Topics
    ) -> BlockLogs:
        """Logs of these addresses in these blocks that have one of the topics at each place.

        Raises:
            EndpointError: the endpoint failed.
        """
        return self._by_filter(headers, addresses, topics)

    def _asked(
        self,
        headers: Sequence[Header],
        addresses: AbstractSet[str],
        expected: AbstractSet[str],
        proof: Proof,
    ) -> BlockLogs:
        if proof == "none":
            return self._by_filter(headers, addresses | expected)
        every = chain(addresses, expected)
        promises = Blooms([header.bloom for header in headers]).promises(every)
        places = sorted(promises)
        promising = [headers[at] for at in places]
        if proof == "receipts" or all(header.hash in self._verified for header in promising):
            return self._by_receipts(promising, addresses)
        doubts = sum(false_promises(header.bloom, len(addresses)) for header in promising)
        are_vague = doubts > _DOUBTS_A_BLOCK_MAX * len(promising)
        return self._by_bloom(promising, [promises[at] for at in places], are_vague=are_vague)

    def _by_receipts(self, headers: Sequence[Header], addresses: AbstractSet[str]) -> BlockLogs:
        alias, digits = self._endpoint.alias, 0
        asked = [header for header in headers if header.hash not in self._verified]
        while asked:
            some = asked[: self._endpoint.receipts_at_once]
            asked = asked[len(some) :]
            for header, receipts in zip(some, self._receipts(some), strict=True):
                if receipts is None:
                    raise NotYetError(alias, block=header.hash)
                logs = self._verified[header.hash] = verify_receipts(alias, header, receipts)
                digits += _digits(logs)
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
        *,
        are_vague: bool,
    ) -> BlockLogs:
        """What a filter finds of promised addresses in these blocks, their blooms being kept.

        A promise that is not kept is settled by receipts. Among thousands of addresses some are
        promised falsely in nearly every block: where blooms `are_vague`, one that the logs that
        came account for to the last bit is kept as well.
        """
        logs = self._by_filter(headers, frozenset().union(*promises))
        doubtful = []
        for header, promised in zip(headers, promises, strict=True):
            came = logs.get(header.number, [])
            bloom = verify_bloom(self._endpoint.alias, header, came)
            is_kept = promised <= {log.address for log in came}
            is_kept = is_kept or (are_vague and bloom == header.bloom)
            if not is_kept or self._is_sampled():
                doubtful.append(header)
        addresses = frozenset().union(*promises)
        settled = self._truth(doubtful, addresses)
        omitted = [number for number, truth in settled.items() if truth != logs.get(number, [])]
        if omitted:
            _log.warning("logs_omitted", endpoint=self._endpoint.alias, blocks=omitted)
            self._endpoint.conviction = f"left out logs of {len(omitted)} blocks of its receipts"
            # What else it left out in part, blooms do not show.
            settled = self._truth(headers, addresses)
        return logs | settled

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
        self, headers: Sequence[Header], addresses: AbstractSet[str], topics: Topics = ()
    ) -> BlockLogs:
        """Logs of these blocks, in pieces as wide as the endpoint allows; a refused one is halved.

        Between them blocks may be missing, which hold no logs as their blooms prove.
        """
        endpoint, logs, digits, at, halvings = self._endpoint, list[Log](), 0, 0, 0
        while at < len(headers):
            width = endpoint.width
            piece = self._piece(headers, at, width)
            span = piece[-1].number - piece[0].number + 1
            try:
                came = self._query(piece, list(addresses), topics)
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
            digits += _digits(came)
            _check_size(headers, digits)
            if 2 * span > width:  # else it does not show that so many are given
                endpoint.widen(width)
            at, halvings = at + len(piece), 0
        return by_block(endpoint.alias, logs, headers, addresses)

    def _piece(self, headers: Sequence[Header], at: int, width: int) -> Sequence[Header]:
        """The headers from that place on that lie within so many blocks."""
        end = headers[at].number + width
        return headers[at : bisect_left(headers, end, lo=at, key=lambda header: header.number)]

    def _query(self, headers: Sequence[Header], addresses: list[str], topics: Topics) -> list[Log]:
        """The logs from the first to the last block; one block is asked for by its hash."""
        where: dict[str, Any] = {"blockHash": headers[0].hash}
        if len(headers) > 1:
            where = {"fromBlock": hex(headers[0].number), "toBlock": hex(headers[-1].number)}
        if topics:
            where["topics"] = topics
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


def _only(blocks: Mapping[int, list[Log]], addresses: AbstractSet[str]) -> BlockLogs:
    """Those of these logs that are of these addresses, without empty blocks."""
    return {
        at: some
        for at, logs in blocks.items()
        if (some := [log for log in logs if log.address in addresses])
    }


def _digits(logs: Iterable[Log]) -> int:
    return sum([len(log.data) for log in logs])


def _check_size(headers: Sequence[Header], digits: int) -> None:
    if digits > _DIGITS_MAX and len(headers) > 1:
        raise RangeTooLargeError(headers[0].number, headers[-1].number)
