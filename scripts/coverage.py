"""Which contracts the log covers, from where to where, as the log itself says."""

from collections.abc import Iterable
from itertools import groupby
from typing import Literal

import msgspec

from schema.coverage import covered_percent
from schema.events import ContractKind
from schema.families import SINGLETON_KINDS, Deployment, configured_contracts
from schema.log.chain import Chain, Followed

State = Literal["complete", "back-filling", "waiting"]


class ContractCoverage(msgspec.Struct, frozen=True, kw_only=True):
    """How far the log covers one contract.

    Attributes:
        address: None where several are told of at once.
        contracts: how many are told of.
        configured: whether the configuration names it; None of a discovered one.
        from_block: the first block that may hold a log of it.
        covered_block: the last one whose logs of it stand in the log; None where none is yet.
        state: `complete` up to the chain's head, `back-filling`, or `waiting` for the indexer.
        percent: of its blocks that are covered, rounded down to tenths.
    """

    deployment: str
    kind: ContractKind
    address: str | None
    contracts: int = 1
    configured: bool | None
    from_block: int
    covered_block: int | None
    state: State
    percent: float


def coverage_of(chain: Chain, deployments: Iterable[Deployment]) -> list[ContractCoverage]:
    """Every contract that is followed, is back-filled or waits for it, in this order."""
    configured = configured_contracts(deployments)
    head = chain.head.number if chain.head else None
    growth = chain.growth
    covered = growth.covered.number if growth else None

    def told(
        address: str, followed: Followed, state: State, covered: int | None
    ) -> ContractCoverage:
        first, kind = followed.block, followed.kind
        return ContractCoverage(
            deployment=followed.deployment,
            kind=kind,
            address=address,
            configured=address in configured if kind in SINGLETON_KINDS else None,
            from_block=first,
            covered_block=covered if covered is not None and covered >= first else None,
            state=state,
            percent=covered_percent(first, covered, head),
        )

    late = growth.contracts if growth else {}
    start = chain.opened.start_block if chain.opened else 0
    waiting = {
        address: Followed(deployment, kind, start)
        for address, (deployment, kind) in configured.items()
        if address not in chain.contracts and address not in late
    }
    return [
        *(told(address, each, "complete", head) for address, each in chain.contracts.items()),
        *(told(address, each, "back-filling", covered) for address, each in late.items()),
        *(told(address, each, "waiting", None) for address, each in waiting.items()),
    ]


def summed_up(coverage: Iterable[ContractCoverage]) -> list[ContractCoverage]:
    """The same by deployment and kind, for thousands of contracts are not to be read one by one."""

    def key(each: ContractCoverage) -> tuple[str, str, str, bool]:
        return each.deployment, each.kind, each.state, bool(each.configured)

    groups = [list(group) for _, group in groupby(sorted(coverage, key=key), key)]
    return [_sum(group) for group in groups]


def _sum(group: list[ContractCoverage]) -> ContractCoverage:
    if len(group) == 1:
        return group[0]
    earliest = min(group, key=lambda each: each.from_block)
    return msgspec.structs.replace(earliest, address=None, contracts=len(group))
