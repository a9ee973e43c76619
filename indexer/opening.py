"""The beginning of a run: endpoints of the right chain, and a log that fits the configuration."""

from collections.abc import Sequence

from indexer.endpoint import Endpoint
from indexer.errors import NotYetError
from indexer.fetch import fetch_headers
from indexer.heads import check_history, read_heads
from indexer.node import Node
from indexer.proof import Header
from indexer.writer import Writer
from schema.errors import ConfigurationError
from schema.log.chain import Chain, ContractDiscovered
from schema.settings import ChainSettings, Deployment


def begin(node: Node, writer: Writer, deployments: Sequence[Deployment]) -> None:
    """Open the chain in the log, or check that what the log holds fits.

    Raises:
        ConfigurationError: the configuration contradicts a node or the log.
        FinalityViolationError: a node contradicts a final block of the log.
        EndpointError, DatabaseUnavailableError, LogChangedError: not possible just now.
    """
    node.check()
    settings, chain = node.settings, writer.chain
    contracts = _configured(settings, deployments)
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
    _follow_configured(writer, contracts)
    node.ask(lambda endpoint: check_history(endpoint, settings, chain))


def _configured(
    settings: ChainSettings, deployments: Sequence[Deployment]
) -> list[ContractDiscovered]:
    return [
        ContractDiscovered(settings.id, deployment.name, kind, address, settings.start_block)
        for deployment in deployments
        for address, kind in deployment.contracts.by_address().items()
    ]


def _start(endpoint: Endpoint, settings: ChainSettings, chain: Chain) -> Header:
    """The header of the first block, whose parent must be final: the log can never change it."""
    heads = read_heads(endpoint, settings, chain)
    if settings.start_block - 1 > heads.finalized:
        raise NotYetError(endpoint.alias, block=f"{settings.start_block - 1} as a final one")
    number = settings.start_block
    return fetch_headers(endpoint, number, number, proof=settings.proof)[0]


def _follow_configured(writer: Writer, contracts: Sequence[ContractDiscovered]) -> None:
    """Check that the log follows these contracts; before its first range it still can begin to."""
    chain = writer.chain
    missing = []
    for contract in contracts:
        known = chain.contracts.get(contract.address)
        if known is None:
            missing.append(contract)
        elif (known.deployment, known.kind) != (contract.deployment, contract.kind):
            raise _contradiction(contract, f"is {known.kind} of {known.deployment} in the log")
    if missing and chain.head is not None:
        problem = f"was not followed when the log was written up to block {chain.head.number}"
        raise _contradiction(missing[0], problem)
    if missing:
        writer.discover(missing)


def _contradiction(contract: ContractDiscovered, problem: str) -> ConfigurationError:
    return ConfigurationError(
        f"deployment {contract.deployment}: contracts.{contract.kind}",
        f"{contract.address} {problem}",
        "Set it back to what the log was begun with, or use a fresh database.",
    )
