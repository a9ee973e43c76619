"""Which ranges of the log are compared with the chain: all that are final, or some by chance."""

from collections.abc import Iterator, Sequence
from math import ceil
from typing import NamedTuple

import msgspec
from psycopg import Connection
from psycopg.rows import DictRow

from schema.errors import DaybookError
from schema.log.chain import Chain


class Sample(msgspec.Struct, frozen=True):
    """Which ranges are compared; `all` of them unless one of the two is given.

    Attributes:
        count: so many, chosen by `seed`.
        percent: so many of a hundred, chosen by `seed`, rounded up.
        seed: the same one chooses the same ranges of the same log.
    """

    count: int | None = None
    percent: float | None = None
    seed: int = 0


class FinalRange(NamedTuple):
    """A range of the log that is final, so that the chain must still say the same of it."""

    position: int
    first: int
    last: int
    last_hash: str


class NothingFinalError(DaybookError):
    """There is nothing that the chain could not change its mind about."""

    def __init__(self, chain: str) -> None:
        super().__init__(
            f"chain {chain}: the log holds no final range to compare with the chain. "
            "Index it first, and try again once blocks are final."
        )


class Chosen:
    """The ranges to compare, those that a reorganisation left out.

    Attributes:
        total: how many there are at most.
    """

    def __init__(self, session: Connection[DictRow], chain: Chain, sample: Sample) -> None:
        self._session = session
        self._chain = chain
        self._sample = sample
        self._moves = [chain.id, chain.finalized]
        row = session.execute(_COUNT, self._moves).fetchone()
        assert row is not None
        self.total: int = row["ranges"]
        if sample.percent is not None:
            self.total = ceil(self.total * sample.percent / 100)
        if sample.count is not None:
            self.total = min(self.total, sample.count)

    def __iter__(self) -> Iterator[FinalRange]:
        """The ranges, by chance or in the order of the log."""
        is_all = self._sample.count is None and self._sample.percent is None
        for row in self._in_order() if is_all else self._by_chance():
            each = FinalRange(**row)
            left = [self._chain.chain_id, each.position, each.last]
            if self._session.execute(_IS_LEFT, left).fetchone() is None:
                yield each

    def _by_chance(self) -> Sequence[DictRow]:
        parameters = [*self._moves, str(self._sample.seed), self.total]
        return self._session.execute(_SHUFFLED, parameters).fetchall()

    def _in_order(self) -> Iterator[DictRow]:
        after = 0
        while rows := self._session.execute(_PAGE, [*self._moves, after]).fetchall():
            yield from rows
            after = rows[-1]["position"]


_FINAL = """
    FROM log.stored_event
    WHERE originator_id = %s
        AND topic = 'RangeIndexed/1'
        AND (state -> 'last')::bigint <= %s
"""
_RANGE = f"""
    SELECT
        notification_id AS position,
        (state -> 'first')::bigint AS first,
        (state -> 'last')::bigint AS last,
        state ->> 'last_hash' AS last_hash
    {_FINAL}
"""
# Index of these: primary key. All final ranges are read, so a sample of many costs seconds too.
_COUNT = f"SELECT count(*) AS ranges {_FINAL}"
_SHUFFLED = (
    f"{_RANGE} ORDER BY md5(%s::text || originator_version::text), originator_version LIMIT %s"
)
_PAGE = f"{_RANGE} AND notification_id > %s ORDER BY notification_id LIMIT 1000"
# Whether the chain left blocks of a range after it was indexed. Index: stored_event_rare_facts.
_IS_LEFT = """
    SELECT FROM log.blocks_orphaned
    WHERE chain_id = %s AND position > %s AND fork_number < %s
    LIMIT 1
"""
