"""Runs the indexer: each chain in a thread of its own, from what its log says to the head.

Everything that is to be remembered stands in the log, so a chain may be stopped or killed at any
moment and begun again.
"""

import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from functools import partial

import structlog

from indexer.backfill import backfill
from indexer.branch import Branch, find_branch
from indexer.errors import EndpointError, FinalityViolationError, StoppedError
from indexer.finality import ask_agreeing
from indexer.follow import follow
from indexer.growth import Grower
from indexer.hints import Hints
from indexer.interpreter import tuned
from indexer.node import Node
from indexer.opening import begin
from indexer.proof import Header
from indexer.resume import agreed_fork
from indexer.watch import ForkWatch, HeadWatch
from indexer.writer import Writer
from schema.errors import ChainTakenError, DaybookError
from schema.families import Deployment
from schema.progress import ChainTally, Progress, Report
from schema.settings import ChainSettings, Settings

_log = structlog.get_logger()

# A standby takes over within 2 s of the writer's death.
_STANDBY_SECONDS = 0.5


def index(  # noqa: PLR0913  all of it is what an operator asks for
    settings: Settings,
    database_url: str,
    *,
    until_head: bool,
    stop: threading.Event,
    report: Report,
    resume: bool = False,
    tallies: Mapping[str, ChainTally] | None = None,
) -> None:
    """Write the chains' logs into the event log until `stop` is set, each chain in a thread.

    A chain that fails says so and stops; the others go on.

    Args:
        settings: which chains, and which contracts on them.
        database_url: of a database whose log is installed.
        until_head: return once every chain is indexed up to its head as it is now.
        stop: ends everything soon after it is set.
        report: told how far each chain is; called from several threads.
        resume: where nodes left final blocks before this began, take the branch they agree on.
        tallies: by chains' names, where it is counted what becomes of them.

    Raises:
        DaybookError: what the first chain that failed failed with, after the others ended.
    """
    errors: list[BaseException] = []
    counted = tallies or {chain.name: ChainTally() for chain in settings.chain}

    def run(chain: ChainSettings) -> None:
        deployments = settings.deployments_of(chain.id)
        try:
            with Writer(database_url, chain.id, counted[chain.name]) as writer:
                node = Node(chain, stop)
                resume_from = database_url if resume else None
                one = _ChainRun(node, writer, deployments, report, resume_from=resume_from)
                one.run(until_head=until_head)
        except StoppedError:
            pass  # while it waited for its nodes
        except BaseException as error:  # noqa: BLE001  raised again when the others ended
            errors.append(error)
            counted[chain.name].halted = str(error) or type(error).__name__
            _tell_stopped(chain.name, error)

    threads = [
        threading.Thread(target=run, args=[chain], name=f"index {chain.name}")
        for chain in settings.chain
    ]
    with tuned():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if errors:
        raise errors[0]


def _tell_stopped(chain: str, error: BaseException) -> None:
    if isinstance(error, FinalityViolationError):
        dispute = error.dispute
        where = {"number": dispute.number, "ours": dispute.ours, "theirs": dispute.theirs}
        _log.error("finality_violation", chain=chain, endpoint=dispute.alias, **where)
    is_known = isinstance(error, DaybookError)
    _log.error("chain_stopped", chain=chain, reason=str(error), exc_info=not is_known)


class _ChainRun:
    """One chain being indexed."""

    def __init__(
        self,
        node: Node,
        writer: Writer,
        deployments: Sequence[Deployment],
        report: Report,
        *,
        resume_from: str | None,
    ) -> None:
        """Run what `run` is told; `resume_from`: the database's URL if it may resume."""
        self._node = node
        self._writer = writer
        self._deployments = deployments
        self._report = report
        self._resume_from = resume_from
        self._grower = Grower(node, writer, deployments, report)
        self._hints = Hints(node.settings, node.stop)
        self._head_watch = HeadWatch(node.settings.name)
        self._fork_watch = ForkWatch(node.settings.name)
        self._branch: Branch | None = None
        self._is_begun = False
        self._is_idle = False
        self._looks = 0
        self._target = -1
        self._events = 0
        self._holder = ""

    def run(self, *, until_head: bool) -> None:
        """Step until done; what may go away by itself is told and tried again."""
        failures = 0
        # Whoever only catches up waits for no new head.
        with nullcontext() if until_head else self._hints:
            while not self._node.stop.is_set():
                try:
                    is_idle = self._step()
                    failures = 0
                    if until_head and self._has_reached_target():
                        return
                    if is_idle:
                        self._hints.wait(self._latest)
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
            self._begin()
        self._branch = branch = self._find_branch()
        self._see(self._latest)
        self._is_idle = False
        if branch.first <= branch.heads.finalized:
            backfill(self._node, self._writer, branch, self._appended)
        elif branch.first <= self._latest.number:
            follow(self._node, self._writer, branch, self._appended)
        else:
            self._is_idle = True
        return not self._grower.step(self._latest.number) and self._is_idle

    def _begin(self) -> None:
        try:
            begin(self._node, self._writer, self._deployments)
        except FinalityViolationError as violation:
            self._leave_final(violation)
        self._is_begun = True

    def _find_branch(self) -> Branch:
        settings, chain = self._node.settings, self._writer.chain
        find = partial(find_branch, settings=settings, chain=chain)
        try:
            # One may be late without a word: while nothing is new there, the others are asked too.
            another = self._is_idle or not self._has_looked
            branch = ask_agreeing(self._node, find, another=another)
        except FinalityViolationError as violation:
            self._leave_final(violation)
            branch = ask_agreeing(self._node, find)
        self._resume_from = None  # what contradicts the log from now on is not accepted
        return branch

    def _leave_final(self, violation: FinalityViolationError) -> None:
        """Orphan what was final, or raise the violation if nobody said that we may."""
        if self._resume_from is None:
            raise violation
        self._writer.orphan(agreed_fork(self._node, self._writer.chain, self._resume_from))

    @property
    def _latest(self) -> Header:
        assert self._branch is not None
        return self._branch.heads.latest

    def _see(self, latest: Header) -> None:
        now = time.monotonic()
        self._head_watch.see(latest, now)
        self._fork_watch.see(now)
        if not self._has_looked:
            self._looks += 1
            self._target = max(self._target, latest.number)

    @property
    def _has_looked(self) -> bool:
        """Whether as many heads were looked at as there are endpoints."""
        return self._looks >= self._node.size

    def _has_reached_target(self) -> bool:
        """Whether the head as it was at the start, or a lower one of now, is indexed.

        As it was at the start: the highest one that an endpoint had.
        """
        head = self._writer.chain.head
        if head is None or not self._has_looked or not self._grower.is_done:
            return False
        return head.number >= self._target or head.hash == self._latest.hash

    def _appended(self, last: Header, events: int) -> None:
        assert self._branch is not None
        if self._branch.orphaned is not None:
            pause = self._fork_watch.orphaned(self._branch.orphaned, time.monotonic())
            self._branch = self._branch._replace(orphaned=None)
            self._node.stop.wait(pause)
        self._events += events
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
