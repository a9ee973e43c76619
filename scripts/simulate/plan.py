"""When seasons begin and end, measured in trades: a schedule without a clock."""

from enum import Enum, auto

from scripts.simulate.seasons import Terms
from scripts.simulate.state import SOF, Curve


class Fate(Enum):
    """What becomes of a season."""

    COMPLETED = auto()
    CANCELLED = auto()
    NEVER_STARTED = auto()
    EMPTY = auto()


# Of every six seasons the second is cancelled, the fourth never starts, the fifth stays empty.
_CYCLE = 6
_TRADED_IN_CYCLE = 4
_OTHER_FATES = {2: Fate.CANCELLED, 4: Fate.NEVER_STARTED, 5: Fate.EMPTY}
_STEPS = 20
_CENT = SOF // 100


def fate_of(season_id: int) -> Fate:
    """What becomes of a season."""
    return _OTHER_FATES.get(season_id % _CYCLE, Fate.COMPLETED)


class Plan:
    """The schedule of a world: two or three seasons trade at a time.

    A world of up to two traded seasons completes them all; a larger one leaves its last running,
    as a real one is. An endless world goes on with further seasons by the same rule.
    """

    def __init__(self, *, seasons: int, trades: int, is_endless: bool) -> None:
        self._seasons = seasons
        self._trades = trades
        self._is_endless = is_endless
        traded = [
            season_id
            for season_id in range(1, seasons + 1)
            if fate_of(season_id) in (Fate.COMPLETED, Fate.CANCELLED)
        ]
        self._slot = max(1, trades // len(traded))
        self._last = max(id_ for id_ in traded if fate_of(id_) is Fate.COMPLETED)
        self._completes_all = len(traded) <= 2  # noqa: PLR2004  as the docstring says

    def has(self, season_id: int) -> bool:
        """Whether a season is ever created."""
        return self._is_endless or season_id <= self._seasons

    def begin(self, season_id: int) -> int:
        """After how many trades a season is created."""
        return 4 * self._place(season_id) * self._slot // 5

    def end(self, season_id: int) -> int | None:
        """After how many trades a traded season ends; None if it is left running."""
        if fate_of(season_id) is Fate.CANCELLED:
            return self.begin(season_id) + self._slot // 2
        if season_id == self._last and not self._is_endless:
            return self._trades if self._completes_all else None
        return self.begin(season_id) + 19 * self._slot // 10

    def terms(self, season_id: int) -> Terms:
        """What a season is created with: prices and supply differ from season to season."""
        curve = Curve(
            step_tickets=max(1000, 4 * self._slot),
            steps=_STEPS,
            first_price=SOF // (1 + season_id % 2),
            rise=_CENT * (5 + season_id % 4) + season_id - 1,
            fees_bps=(10, 70) if season_id % 2 else (25, 100),
        )
        return Terms(f"Season {season_id}", 3 if season_id % 2 else 1, curve)

    @staticmethod
    def _place(season_id: int) -> int:
        """How many seasons before this one are traded in."""
        cycles, rest = divmod(season_id - 1, _CYCLE)
        return _TRADED_IN_CYCLE * cycles + min(rest, _TRADED_IN_CYCLE - 1)
