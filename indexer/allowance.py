"""How much of something an endpoint gives at once: found out by asking."""

_STEPS = 32  # from nothing to the most
# Once the most that is given is found, more is tried after this many full answers: what was
# refused may have been of those blocks, as where logs are limited, or of that moment.
_ANSWERS_BEFORE_A_TRIAL = 8


class Allowance:
    """Grows by a step at each full answer; refused, it halves, or goes back to what was given.

    Threads that ask at once may overwrite each other's step, which costs one step.

    Attributes:
        value: how much to ask for.
    """

    def __init__(self, value: int, most: int) -> None:
        self.value = value
        self._most = most
        self._step = max(1, most // _STEPS)
        self._given = 0  # the most that was given, as far as that still counts
        self._refused = most + 1  # the least that was refused, likewise
        self._before_trial: int | None = None  # what was the least refused, while more is tried
        self._answers = 0

    def given(self, asked: int) -> None:
        """This much was given at once."""
        if asked != self.value:
            return
        self._given, self._before_trial = asked, None
        room = self._refused - 1 - asked
        if room > 0:
            halfway = (room + 1) // 2
            self.value += min(self._step, room) if self._refused > self._most else halfway
        elif asked < self._most:
            self._answers += 1
            if self._answers == _ANSWERS_BEFORE_A_TRIAL:
                self._answers = 0
                self._before_trial, self._refused = self._refused, self._most + 1
                self.value = min(asked + self._step, self._most)

    def refused(self, asked: int, *, better: int | None = None, limit: int | None = None) -> None:
        """This much was refused.

        Args:
            asked: how much was asked for.
            better: what the endpoint proposes now; counts only if it is less.
            limit: what it says it never goes beyond; counts only if it is less.
        """
        if asked <= self._given:
            self._given = 0
        self._refused = min(self._refused, asked, self._before_trial or asked)
        self._before_trial = None
        if limit is not None and 0 < limit < asked:
            self._most = min(limit, self._most)
            self._refused = min(self._refused, self._most + 1)
            better = better or limit
        if better is None or not 0 < better < asked:
            better = self._given or asked // 2
        self.value = max(min(self.value, better), 1)
        self._answers = 0
