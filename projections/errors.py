"""What can go wrong in posting, and what to do about it."""

from collections.abc import Sequence

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


class ReadModelsStoppedError(DaybookError):
    """Everything is posted but for read models that stopped."""

    def __init__(self, *, read_models: Sequence[str], position: int, reason: str) -> None:
        super().__init__(
            f"stopped at position {position}: {', '.join(read_models)}. {reason} These are served "
            f"as they stood then, and the others go on. Look at the log from position "
            f"{position + 1} on, mend what failed, and post all of them anew: daybook replay."
        )
        self.read_models = read_models
        self.position = position


class CannotGoOnError(DaybookError):
    """A generation cannot be posted any further; another one is posted in its place."""


class DefinitionMissingError(CannotGoOnError):
    """A generation without the folds that posted it."""

    def __init__(self, generation: int) -> None:
        super().__init__(
            f"generation {generation} was posted by a version of daybook that kept no folds; the "
            "read models are posted anew from the log's beginning"
        )
        self.generation = generation


class PriorImagesMissingError(CannotGoOnError):
    """A reorganisation reaches below the images that were kept."""

    def __init__(self, *, chain_id: int, fork_number: int) -> None:
        super().__init__(
            f"chain {chain_id} forked at block {fork_number}, below what can be restored; "
            "the read models are posted anew from the log's beginning"
        )
        self.chain_id = chain_id
        self.fork_number = fork_number


class NothingServesError(DaybookError):
    """There are no read models yet."""

    def __init__(self) -> None:
        super().__init__(
            "no read models serve yet, so there is nothing to post others beside: daybook project "
            "(or daybook run) posts the first ones"
        )


class ReplayRunningError(DaybookError):
    """Another generation is being posted to take the place of the one that serves."""

    retryable = True

    def __init__(self, holder: str | None) -> None:
        super().__init__(
            f"a replay is running already, by {holder or 'a session that is just ending'}. "
            "daybook status shows how far it is; wait until it is over, or stop it."
        )
        self.holder = holder


class GenerationTakenError(DaybookError):
    """Another session posts a generation."""

    retryable = True

    def __init__(self, generation: int, holder: str | None) -> None:
        super().__init__(
            f"generation {generation} is being posted by "
            f"{holder or 'a session that is just ending'}; try again when that is over"
        )


class NothingToRollBackToError(DaybookError):
    """No generation served before this one, or it is gone."""

    def __init__(self, serving: int) -> None:
        super().__init__(
            f"there is nothing to roll back to: generation {serving} serves, and none before it is "
            "kept. daybook replay posts another one by the folds of this version."
        )


class RollbackFailedError(DaybookError):
    """The generation before cannot be brought up to the log's end."""

    def __init__(self, generation: int, cause: CannotGoOnError) -> None:
        super().__init__(
            f"generation {generation} cannot serve again, and nothing was changed: {cause}. "
            "Start the version of daybook that posted it: it posts all of them anew."
        )


class ReplayDiffersError(DaybookError):
    """What serves is not what the log says by the same folds; the replay does not serve."""

    def __init__(self, *, before: int, after: int) -> None:
        super().__init__(
            f"generation {before} differs from generation {after}, a replay by the same folds: "
            f"rows that serve are not what the log says. Generation {before} serves on, and "
            f"schema read_{after} stays for you to look at. To let what the log says serve: "
            "daybook replay --accept-differences"
        )


class ReplayedReadModelsStoppedError(DaybookError):
    """Read models stopped in a replay that do not stand still where they are served."""

    def __init__(self, *, before: int, after: int, read_models: Sequence[str]) -> None:
        super().__init__(
            f"in the replay, generation {after}, these read models stopped: "
            f"{', '.join(read_models)}. Generation {before} serves on. Mend what failed (daybook "
            "status says what), and replay again; or let it serve as it is: daybook replay "
            "--accept-differences"
        )


class LogCutOffError(DaybookError):
    """Read models reflect more of the log than there is."""

    def __init__(self, *, position: int, log_position: int) -> None:
        super().__init__(
            f"the read models that serve stand at position {position}, and the log ends at "
            f"{log_position}: its end was cut off. daybook verify --log tells more."
        )


class BesideStoppedError(DaybookError):
    """We were told to stop."""

    def __init__(self) -> None:
        super().__init__("stopped; what was posted is dropped, and what served serves on")
