"""Compares the read models with what contracts answer at the block that they reflect.

Endpoints that serve well share the work. Where one answers otherwise than the read models, all of
them are asked, so that one that errs does not make the read models look wrong.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from indexer.contract_reads import BlockName, ContractCall, read_contracts
from indexer.endpoint import Endpoint
from indexer.node import Node
from indexer.reverts import Reverted
from schema.progress import Progress, Report
from scripts.verify_chain.judging import Answer, Judgement, agrees
from scripts.verify_chain.readings import Reading, Row, Subject
from scripts.verify_chain.served import Served

# A row makes up to three calls, so a job fills about one batch of them.
_ROWS_A_JOB = 40
_JOBS_AN_ENDPOINT, _JOBS_MAX = 2, 8

# What a node answers without looking at more than whether it has the state.
_NO_CONTRACT = ContractCall("0x" + "00" * 20, "0x")

Job = tuple[Subject, Sequence[Row]]
Asked = tuple[Reading, ContractCall]


def check_readable(node: Node, served: Served) -> None:
    """Check that some endpoint can read contracts at that block, each being asked once.

    Raises:
        EndpointError: none can; as `compare_with_contracts` does.
    """
    node.ask_each(lambda endpoint: read_contracts(endpoint, [_NO_CONTRACT], served.block))


def compare_with_contracts(node: Node, served: Served, report: Report) -> Judgement:
    """Read the contracts, and judge the read models by it.

    Raises:
        NotYetError, OtherBlockError: no endpoint has that block.
        StateUnavailableError: none keeps what contracts held then.
        EndpointError: no endpoint answers.
    """
    jobs = list(_jobs(served))
    comparison = _Comparison(node, served.block, report, sum(len(rows) for _, rows in jobs))
    with ThreadPoolExecutor(min(_JOBS_AN_ENDPOINT * node.size, _JOBS_MAX)) as pool:
        try:
            for _ in pool.map(comparison.work, jobs):
                pass
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return comparison.judgement


def _jobs(served: Served) -> Iterator[Job]:
    for subject, rows in served.rows.items():
        for first in range(0, len(rows), _ROWS_A_JOB):
            yield subject, rows[first : first + _ROWS_A_JOB]


class _Comparison:
    """Work on jobs by several threads, judged as they are done."""

    def __init__(self, node: Node, block: BlockName, report: Report, rows: int) -> None:
        self.judgement = Judgement()
        self._node = node
        self._block = block
        self._report = report
        self._rows = rows
        self._rows_done = 0
        self._lock = threading.Lock()

    def work(self, job: Job) -> None:
        subject, rows = job
        readings = [reading for row in rows for reading in subject.readings(row)]
        calls = [reading.call for reading in readings]
        asked = [(r, call) for r, call in zip(readings, calls, strict=True) if call is not None]
        answered = self._ask(asked) if asked else []
        with self._lock:
            for (reading, _), answers in zip(asked, answered, strict=True):
                self.judgement.add(reading, answers)
            for reading, call in zip(readings, calls, strict=True):
                if call is None:
                    self.judgement.add_meaningless(reading)
            self._rows_done += len(rows)
            self._tell()

    def _ask(self, asked: Sequence[Asked]) -> list[list[Answer]]:
        """What one endpoint answers to each, and all of them where it does not agree."""
        answered = [[answer] for answer in self._node.ask(self._reading(asked), another=True)]
        pairs = zip(asked, answered, strict=True)
        doubtful = [(each, answers) for each, answers in pairs if not agrees(each[0], *answers)]
        if doubtful:
            again = self._reading([each for each, _ in doubtful])
            for _, said in self._node.ask_each(again):
                for (_, answers), answer in zip(doubtful, said, strict=True):
                    answers.append(answer)
        return answered

    def _reading(self, asked: Sequence[Asked]) -> Callable[[Endpoint], list[Answer]]:
        """The unit of work that reads all of these at one endpoint."""
        readings, calls = [reading for reading, _ in asked], [call for _, call in asked]

        def unit(endpoint: Endpoint) -> list[Answer]:
            returned = read_contracts(endpoint, calls, self._block)
            pairs = zip(readings, returned, strict=True)
            return [_answer(endpoint.alias, *each) for each in pairs]

        return unit

    def _tell(self) -> None:
        calls = self.judgement.calls.total()
        name = f"verify {self._node.settings.name}"
        self._report(Progress(name, "rows", self._rows_done, self._rows, calls, "reads"))


def _answer(alias: str, reading: Reading, returned: str | Reverted) -> Answer:
    if isinstance(returned, Reverted):
        return Answer(alias, None, f"the contract refuses ({returned})")
    outputs = reading.view.decode(returned)
    if outputs is None:
        return Answer(alias, None, "what is returned there is nothing of its type")
    return Answer(alias, outputs)
