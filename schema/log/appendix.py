"""What one transaction appends to a chain: rows in the order of the log, and what seals them.

`schema.log.digest` says what a seal covers.
"""

import zlib
from collections.abc import Iterable, Sequence

import msgspec

from schema.log.chain import Chain, ChainFact, Seal
from schema.log.digest import CheckedRow, chain_digest, pack_checks
from schema.log.store import store_fact


class Appendix:
    """Rows to be appended to a chain in one transaction.

    Attributes:
        rows: all of them, canonical, in order.
        facts: those among them that are facts of the chain's own stream.
    """

    def __init__(self, chain: Chain) -> None:
        self.rows: list[bytes] = []
        self.facts: list[ChainFact] = []
        self._stream = chain.id
        self._version = chain.version
        self._digest = chain.digest
        # Some facts stand in the log already, but no digest covers them yet.
        first = chain.version - len(chain.unsealed) + 1
        self._unsealed = [
            store_fact(chain.id, version, fact)
            for version, fact in enumerate(chain.unsealed, first)
        ]
        self._checks = [zlib.crc32(row) for row in self._unsealed]

    def add_facts(self, facts: Iterable[ChainFact]) -> None:
        """Append facts that are no seals."""
        for fact in facts:
            row = self._append_fact(fact)
            self._unsealed.append(row)
            self._checks.append(zlib.crc32(row))

    def add_events(self, rows: Sequence[CheckedRow]) -> None:
        """Append rows of blocks' events."""
        contents = [row for row, _ in rows]
        self.rows += contents
        self._unsealed += contents
        self._checks += [check for _, check in rows]

    def seal(self, fact: Seal) -> None:
        """Append a seal, with its `checks` and `digest` made here."""
        checked = msgspec.structs.replace(fact, checks=pack_checks(self._checks), digest="")
        itself = store_fact(self._stream, self._version + 1, checked)
        self._digest = chain_digest(self._digest, [*self._unsealed, itself])
        self._unsealed, self._checks = [], []
        self._append_fact(msgspec.structs.replace(checked, digest=self._digest))

    def _append_fact(self, fact: ChainFact) -> bytes:
        self._version += 1
        row = store_fact(self._stream, self._version, fact)
        self.rows.append(row)
        self.facts.append(fact)
        return row
