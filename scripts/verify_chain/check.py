"""Checks the read models of every chain: contracts, the raffle's own account, snapshots."""

import threading
from contextlib import closing

from psycopg import Connection
from psycopg.rows import DictRow

from indexer.errors import EndpointError, NotYetError, OtherBlockError, StateUnavailableError
from indexer.node import Node
from schema.database import connect
from schema.errors import DaybookError
from schema.progress import Report
from schema.settings import ChainSettings, Settings
from scripts.verify_chain.contracts import check_readable, compare_with_contracts
from scripts.verify_chain.evidence import with_events
from scripts.verify_chain.findings import KEPT_MAX, ChainCheck
from scripts.verify_chain.judging import Judgement
from scripts.verify_chain.repetition import compare_with_repetition
from scripts.verify_chain.sampled import Sampled
from scripts.verify_chain.served import Served, read_served
from scripts.verify_chain.snapshots import compare_with_snapshots

# While blocks come or are replaced the read models follow within seconds.
_ROUNDS = 4


class StateGoneError(DaybookError):
    """No endpoint can say what contracts held at the block that the read models reflect."""

    def __init__(self, chain: str, block: int, error: EndpointError) -> None:
        super().__init__(
            f"chain {chain}: the read models reflect block {block}, and no endpoint tells what "
            f"contracts held then: {error}. Nodes keep that for their newest blocks: bring the "
            "read models to the head (daybook run --until-head) and verify at once, or name a "
            f"node that keeps all (an archive node) in chain {chain}: rpc."
        )


class BlockGoneError(DaybookError):
    """The read models reflect a block that no endpoint has on its branch."""

    def __init__(self, chain: str, block: int, error: EndpointError) -> None:
        super().__init__(
            f"chain {chain}: the read models reflect block {block}, but {error}. Let them follow "
            "the chain (daybook run --until-head), then verify again; where they do, that endpoint "
            "is behind or of another branch: name another one in chain "
            f"{chain}: rpc."
        )


def check_chains(
    settings: Settings, database_url: str, sampled: Sampled, report: Report
) -> list[ChainCheck]:
    """Check what is served of every chain.

    Args:
        settings: which chains, and their endpoints.
        database_url: where log and read models are.
        sampled: how many players and holders are looked up.
        report: told how many rows of the read models are done.

    Raises:
        NothingServedError: there are no read models of a chain.
        StateGoneError, BlockGoneError: its contracts cannot be read at the block reflected.
        EndpointError: no endpoint of a chain answers.
        ConfigurationError: all of them are of another chain.
        DatabaseUnavailableError: nothing answers.
    """
    return [_check(chain, database_url, sampled, report) for chain in settings.chain]


def _check(chain: ChainSettings, database_url: str, sampled: Sampled, report: Report) -> ChainCheck:
    node = Node(chain, threading.Event())
    node.check()
    name = "daybook-verify"
    with closing(connect(database_url, role="daybook_api", application_name=name)) as session:
        served, judged = _judge(node, session, sampled, report)
        repetition = compare_with_repetition(session, chain, served)
        snapshots = compare_with_snapshots(served.snapshots)
        found = [*judged.found, *repetition.found, *snapshots][:KEPT_MAX]
        return ChainCheck(
            chain=chain.name,
            generation=served.generation,
            position=served.position,
            block_number=served.block.number,
            block_hash=served.block.hash,
            calls=dict(sorted(judged.calls.items())),
            endpoints=dict(sorted(judged.endpoints.items())),
            players=served.players.looked_up,
            players_in_all=served.players.in_all,
            seed=sampled.seed,
            repeated=repetition.players,
            snapshots=len(served.snapshots),
            differences=judged.differences + repetition.differences + len(snapshots),
            found=with_events(session, chain, served, found),
            dissents=judged.dissents,
            not_compared=[*served.not_compared, *judged.not_compared],
        )


def _judge(
    node: Node, session: Connection[DictRow], sampled: Sampled, report: Report
) -> tuple[Served, Judgement]:
    """Compare with contracts; where they cannot be read at that block, at a newer one."""
    chain = node.settings
    for attempt in range(1, _ROUNDS + 1):
        served = read_served(session, chain, sampled)
        try:
            check_readable(node, served)
            return served, compare_with_contracts(node, served, report)
        except (NotYetError, OtherBlockError, StateUnavailableError) as error:
            if attempt == _ROUNDS:
                is_block_there = isinstance(error, StateUnavailableError)
                gone = StateGoneError if is_block_there else BlockGoneError
                raise gone(chain.name, served.block.number, error) from error
        node.wait(attempt)
    raise AssertionError  # the last attempt returns or raises
