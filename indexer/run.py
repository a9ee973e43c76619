"""Runs the indexer: each chain in a thread of its own, from what its log says to the head.

Everything that is to be remembered stands in the log, so a chain may be stopped or killed at any
moment and begun again.
"""

import threading
from collections.abc import Sequence
from functools import partial

import structlog

from indexer.backfill import backfill
from indexer.branch import branch
from indexer.errors import EndpointError, StoppedError
from indexer.follow import follow
from indexer.heads import Heads, find_orphaned, read_heads
from indexer.node import Node
from indexer.opening import begin
from indexer.proof import Header
from indexer.writer import Writer
from schema.errors import ChainTakenError, DaybookError
from schema.log.chain import BlocksOrphaned
from schema.progress import Progress, Report
from schema.settings import ChainSettings, Deployment, Settings

_log = structlog.get_logger()

# A block is seen half of this after the node has it, on average; five small requests a second are
# little even for a metered endpoint.
_POLL_SECONDS = 0.2
# A standby takes over within 2 s of the writer's death.
_STANDBY_SECONDS = 0.5


def index(
    settings: Settings,
    database_url: str,
    *,
    until_head: bool,
    stop: threading.Event,
    report: Report,
) -> None:
    """Write the chains' logs into the event log until `stop` is set, each chain in a thread.

    A chain that fails says so and stops; the others go on.

    Args:
        settings: which chains, and which contracts on them.
        database_url: of a database whose log is installed.
        until_head: return once every chain is indexed up to its head as it is now.
        stop: ends everything soon after it is set.
        report: told how far each chain is; called from several threads.

    Raises:
        DaybookError: what the first chain that failed failed with, after the others ended.
    """
    errors: list[BaseException] = []

    def run(chain: ChainSettings) -> None:
        deployments = settings.deployments_of(chain.id)
        try:
            with Writer(database_url, chain.id) as writer:
                one = _ChainRun(Node(chain, stop), writer, deployments, report)
                one.run(until_head=until_head)
        except BaseException as error:  # noqa: BLE001  raised again when the others ended
            errors.append(error)
            is_known = isinstance(error, DaybookError)
            _log.error("chain_stopped", chain=chain.name, reason=str(error), exc_info=not is_known)

    threads = [
        threading.Thread(target=run, args=[chain], name=f"index {chain.name}")
        for chain in settings.chain
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


class _ChainRun:
    """One chain being indexed."""

    def __init__(
        self, node: Node, writer: Writer, deployments: Sequence[Deployment], report: Report
    ) -> None:
        self._node = node
        self._writer = writer
        self._deployments = deployments
        self._report = report
        self._is_begun = False
        self._target: int | None = None
        self._latest: Header | None = None
        self._events = 0
        self._holder = ""

    def run(self, *, until_head: bool) -> None:
        """Step until done; what may go away by itself is told and tried again."""
        failures = 0
        while not self._node.stop.is_set():
            try:
                is_idle = self._step()
                failures = 0
                if until_head and self._has_reached_target():
                    return
                if is_idle:
                    self._node.stop.wait(_POLL_SECONDS)
            except StoppedError:
                return
            except ChainTakenError as error:
                self._stand_by(error)
            except DaybookError as error:
                if not error.retryable:
                    raise
                failures += 1
                self._wait(failures, error)

    def _stand_by(self, error: ChainTakenError) -> None:
        if error.holder != self._holder:
            self._holder = error.holder
            _log.warning("standing_by", chain=self._node.settings.name, reason=str(error))
        self._node.stop.wait(_STANDBY_SECONDS)

    def _wait(self, failures: int, error: DaybookError) -> None:
        name = self._node.settings.name
        _log.warning("chain_waiting", chain=name, attempt=failures, reason=str(error))
        self._node.wait(failures, error if isinstance(error, EndpointError) else None)

    def _step(self) -> bool:
        """Append what is new, some of it if there is much; whether nothing was."""
        self._writer.ready()
        if not self._is_begun:
            begin(self._node, self._writer, self._deployments)
            self._is_begun = True
        chain, settings = self._writer.chain, self._node.settings
        heads = self._node.ask(partial(read_heads, settings=settings, chain=chain))
        orphaned = self._node.ask(
            partial(find_orphaned, settings=settings, chain=chain, heads=heads)
        )
        return self._advance(heads, orphaned)

    def _advance(self, heads: Heads, orphaned: BlocksOrphaned | None) -> bool:
        self._latest = heads.latest
        if self._target is None:
            self._target = heads.latest.number
        next_ = branch(self._writer.chain, heads, orphaned)
        if next_.first <= heads.finalized:
            backfill(self._node, self._writer, next_, self._appended)
        elif next_.first <= heads.latest.number:
            follow(self._node, self._writer, next_, self._appended)
        else:
            return True
        return False

    def _has_reached_target(self) -> bool:
        """Whether the head as it was at the start, or a lower one of now, is indexed."""
        head, latest = self._writer.chain.head, self._latest
        assert latest is not None
        assert self._target is not None
        return head is not None and (head.number >= self._target or head.hash == latest.hash)

    def _appended(self, last: Header, events: int) -> None:
        self._events += events
        assert self._latest is not None
        settings = self._node.settings
        self._report(
            Progress(
                task=f"index {settings.name}",
                unit="blocks",
                done=last.number - settings.start_block + 1,
                total=max(self._latest.number, last.number) - settings.start_block + 1,
                events=self._events,
            )
        )
