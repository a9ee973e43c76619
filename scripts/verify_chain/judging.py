"""Judges readings by what endpoints answered.

The read models are wrong where more endpoints contradict them than agree with them. Otherwise it is
the endpoints that contradict each other, which is told by alias.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from scripts.verify_chain.findings import KEPT_MAX, Difference, Dissent, NotCompared
from scripts.verify_chain.readings import Reading

_ANSWER_CHARACTERS_MAX = 200


class Answer(NamedTuple):
    """What one endpoint answered to a reading.

    Attributes:
        outputs: by name; None where the contract does not answer, which `refusal` tells.
    """

    endpoint: str
    outputs: dict[str, Any] | None
    refusal: str = ""

    def __str__(self) -> str:
        if self.outputs is None:
            return self.refusal
        text = ", ".join(f"{name} {value}" for name, value in self.outputs.items())
        return text[:_ANSWER_CHARACTERS_MAX]


def agrees(reading: Reading, answer: Answer) -> bool:
    """Whether an answer is what the read models say."""
    return answer.outputs is not None and not reading.mismatches(answer.outputs)


class Judgement:
    """What comparing with contracts came to, added up over all readings.

    Attributes:
        calls: how many were compared, by function.
        endpoints: how many of them each endpoint answered first.
        differences: how many were found, of which `found` holds the first ones.
    """

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.endpoints: Counter[str] = Counter()
        self.differences = 0
        self.found: list[Difference] = []
        self._dissents: dict[str, Dissent] = {}
        self._refused: Counter[tuple[str, str]] = Counter()

    @property
    def dissents(self) -> list[Dissent]:
        """Endpoints that were contradicted, each once."""
        return [self._dissents[alias] for alias in sorted(self._dissents)]

    @property
    def not_compared(self) -> list[NotCompared]:
        """Functions that contracts did not answer."""
        refused = sorted(self._refused.items())
        return [NotCompared(what, count, reason) for (what, reason), count in refused]

    def add(self, reading: Reading, answers: Sequence[Answer]) -> None:
        """Judge one reading.

        Args:
            reading: what was asked.
            answers: the one that agrees; or else that one, and then those of all endpoints.
        """
        self.endpoints[answers[0].endpoint] += 1
        name = reading.view.name
        votes = {each.endpoint: each for each in answers if each.outputs is not None}
        if not votes:
            self._refused[name, answers[-1].refusal] += 1
            return
        self.calls[name] += 1
        agreeing = [alias for alias, vote in votes.items() if agrees(reading, vote)]
        if 2 * len(agreeing) < len(votes):
            self._differ(reading, list(votes.values()))
            return
        contradicted = {each.endpoint: each for each in answers if not agrees(reading, each)}
        for each in contradicted.values():
            self._dissent(reading, each, agreeing)

    def add_meaningless(self, reading: Reading) -> None:
        """Judge one that no contract can be asked, since it names a player that can be none."""
        for figure in reading.figures.values():
            told = (figure.name, str(figure.value), "not an address", reading.view.name)
            self._keep(Difference(reading.about, *told))

    def _differ(self, reading: Reading, votes: Sequence[Answer]) -> None:
        ((common, _),) = Counter(map(str, votes)).most_common(1)
        aliases = ", ".join(vote.endpoint for vote in votes if str(vote) == common)
        others = "".join(f"; {vote.endpoint}: {vote}" for vote in votes if str(vote) != common)
        outputs = next(vote.outputs for vote in votes if str(vote) == common)
        assert outputs is not None
        for mismatch in reading.mismatches(outputs):
            said_by = f"{reading.view.name} at {aliases}{others}"
            self._keep(Difference(*mismatch, said_by=said_by))

    def _keep(self, difference: Difference) -> None:
        self.differences += 1
        if len(self.found) < KEPT_MAX:
            self.found.append(difference)

    def _dissent(self, reading: Reading, answer: Answer, agreeing: Sequence[str]) -> None:
        told = Dissent(answer.endpoint, 0, str(reading), str(answer), list(agreeing))
        known = self._dissents.get(answer.endpoint, told)
        self._dissents[answer.endpoint] = msgspec.structs.replace(known, calls=known.calls + 1)
