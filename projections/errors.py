"""What can go wrong in posting, and what to do about it."""

from schema.errors import DaybookError


class UnpairedTradeError(DaybookError):
    """A purchase or sale without the position update that must follow it."""

    def __init__(self, *, chain_id: int, block_number: int, tx_hash: str, log_index: int) -> None:
        super().__init__(
            f"chain {chain_id}, block {block_number}, transaction {tx_hash}: the purchase or sale "
            f"at log {log_index} has no position update after it. The log lacks a fact, or the "
            "curve is of another kind: compare this transaction with the node's."
        )
        self.chain_id = chain_id
        self.block_number = block_number
        self.tx_hash = tx_hash
        self.log_index = log_index


class FoldFailedError(DaybookError):
    """A fold could not post a batch, which was rolled back."""

    def __init__(self, *, fold: str, first: int, last: int, reason: str) -> None:
        super().__init__(f"the fold {fold} failed on positions {first} to {last}: {reason}")
        self.fold = fold
        self.first = first
        self.last = last
        self.reason = reason


class ProjectionStoppedError(DaybookError):
    """Posting stopped before a batch that a fold cannot take."""

    def __init__(self, failure: FoldFailedError) -> None:
        what = str(failure).rstrip(".")
        super().__init__(
            f"{what}. Everything up to position {failure.first - 1} is posted and served; "
            f"look at the log from position {failure.first} on, mend the fold, and start again."
        )
        self.fold = failure.fold
        self.position = failure.first - 1


class PriorImagesMissingError(DaybookError):
    """A reorganisation reaches below the images that were kept."""

    def __init__(self, *, chain_id: int, fork_number: int) -> None:
        super().__init__(
            f"chain {chain_id} forked at block {fork_number}, below what can be restored; "
            "the read models are posted anew from the log's beginning"
        )
        self.chain_id = chain_id
        self.fork_number = fork_number
