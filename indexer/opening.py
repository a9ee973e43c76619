"""The beginning of a run: endpoints of the right chain, and a log that fits the configuration."""

from collections.abc import Sequence

import structlog

from indexer.endpoint import Endpoint
from indexer.errors import NotYetError
from indexer.fetch import fetch_headers
from indexer.finality import ask_agreeing
from indexer.heads import check_history, read_heads
from indexer.node import Node
from indexer.proof import Header
from indexer.writer import Writer
from schema.errors import ConfigurationError
from schema.families import (
    NUMBERING_KINDS,
    SHARED_KINDS,
    SINGLETON_KINDS,
    Deployment,
    configured_contracts,
)
from schema.log.chain import Chain, ContractDiscovered, Followed
from schema.settings import ChainSettings

_log = structlog.get_logger()


def begin(node: Node, writer: Writer, deployments: Sequence[Deployment]) -> None:
    """Open the chain in the log, or check that what the log holds fits.

    Raises:
        ConfigurationError: the configuration contradicts a node or the log.
        FinalityViolationError: a node contradicts a final block of the log.
        EndpointError, DatabaseUnavailableError, LogChangedError: not possible just now.
    """
    node.check()
    settings, chain = node.settings, writer.chain
    contracts = configured(settings, deployments)
    if chain.opened is None:
        start = node.ask(lambda endpoint: _start(endpoint, settings, chain))
        writer.open(name=settings.name, start=start, contracts=contracts)
        return
    if chain.opened.start_block != settings.start_block:
        raise ConfigurationError(
            f"chain {settings.name}: start_block",
            f"is {settings.start_block}, but the log begins at {chain.opened.start_block}",
            "Set it back, or use a fresh database.",
        )
    _check_contracts(chain, contracts)
    _warn_of_removed(settings, chain, contracts)
    if chain.head is None and (missing := unknown(chain, contracts)):
        writer.discover(missing)
    ask_agreeing(node, lambda endpoint: check_history(endpoint, settings, chain))


def configured(
    settings: ChainSettings, deployments: Sequence[Deployment]
) -> list[ContractDiscovered]:
    """The facts that the configured contracts of a chain are followed from its start."""
    return [
        ContractDiscovered(settings.id, deployment, kind, address, settings.start_block)
        for address, (deployment, kind) in configured_contracts(deployments).items()
    ]


def unknown(chain: Chain, contracts: Sequence[ContractDiscovered]) -> list[ContractDiscovered]:
    """Those that the log neither follows nor back-fills."""
    followed = _followed(chain)
    return [contract for contract in contracts if contract.address not in followed]


def _start(endpoint: Endpoint, settings: ChainSettings, chain: Chain) -> Header:
    """The header of the first block, whose parent must be final: the log can never change it."""
    heads = read_heads(endpoint, settings, chain)
    if settings.start_block - 1 > heads.finalized:
        raise NotYetError(endpoint.alias, block=f"{settings.start_block - 1} as a final one")
    number = settings.start_block
    return fetch_headers(endpoint, number, number, proof=settings.proof)[0]


def _followed(chain: Chain) -> dict[str, Followed]:
    return {**chain.contracts, **(chain.growth.contracts if chain.growth else {})}


def _check_contracts(chain: Chain, contracts: Sequence[ContractDiscovered]) -> None:
    """Check that the log knows these contracts as what they are configured as, or not at all."""
    followed = _followed(chain)
    numbering = {
        each.deployment: address
        for address, each in followed.items()
        if each.kind in NUMBERING_KINDS
    }
    for contract in contracts:
        known = followed.get(contract.address)
        if known is None:
            replaced = numbering.get(contract.deployment)
            if contract.kind in NUMBERING_KINDS and replaced is not None:
                raise _contradiction(contract, f"takes the place of {replaced}", _REDEPLOYED)
            continue
        is_shared = known.kind == contract.kind and known.kind in SHARED_KINDS
        if not is_shared and (known.deployment, known.kind) != (contract.deployment, contract.kind):
            problem = f"is {known.kind} of {known.deployment} in the log"
            raise _contradiction(contract, problem, _SET_BACK)


_SET_BACK = "Set it back to what the log was begun with, or use a fresh database."
_REDEPLOYED = (
    "A new raffle numbers its seasons, or raffles, from 1 again: give it a [[deployment]] of its "
    "own beside this one."
)


def _contradiction(contract: ContractDiscovered, problem: str, fix: str) -> ConfigurationError:
    return ConfigurationError(
        f"deployment {contract.deployment}: contracts.{contract.kind}",
        f"{contract.address} {problem}",
        fix,
    )


def _warn_of_removed(
    settings: ChainSettings, chain: Chain, contracts: Sequence[ContractDiscovered]
) -> None:
    """Say which contracts are followed although the configuration names them no more."""
    named = {contract.address for contract in contracts}
    for address, followed in _followed(chain).items():
        if followed.kind in SINGLETON_KINDS and address not in named:
            _log.warning(
                "contract_not_configured",
                chain=settings.name,
                deployment=followed.deployment,
                kind=followed.kind,
                address=address,
                reason="it stays followed: the log covers what it once covered",
            )
