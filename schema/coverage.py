"""How much of its blocks a contract has in the log."""


def covered_percent(first: int, covered: int | None, head: int | None) -> float:
    """Percent of the blocks `first` to `head` that are covered, rounded down to tenths.

    So 100 means all of them. `covered` is the last one that is; None where none is yet.
    """
    if head is None or covered is None or covered < first:
        return 0.0
    return 1000 * (covered - first + 1) // (head - first + 1) / 10
