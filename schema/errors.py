"""The errors that people see: each names the thing, whose fault it is, and the next step."""


class DaybookError(Exception):
    """Something went wrong that a person can do something about.

    Attributes:
        exit_code: what a command exits with: 1 found a difference or failed, 2 wrong usage or
            configuration.
        retryable: whether the same thing may succeed later without anybody changing anything.
    """

    exit_code = 1
    retryable = False


class ConfigurationError(DaybookError):
    """The configuration is wrong: names the key and the fix."""

    exit_code = 2

    def __init__(self, key: str, problem: str, fix: str) -> None:
        super().__init__(f"{key}: {problem}. {fix}")
        self.key = key
        self.fix = fix


class InterruptedWorkError(DaybookError):
    """We were told to stop before the head was reached."""

    def __init__(self) -> None:
        super().__init__("stopped before the head was reached; start again to go on from there")


class DatabaseUnavailableError(DaybookError):
    """PostgreSQL does not answer."""

    exit_code = 2
    retryable = True

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"the database does not answer: {reason}. "
            "Check that PostgreSQL runs and that database.url (or DAYBOOK_DATABASE_URL) is right."
        )


class ChainTakenError(DaybookError):
    """Another indexer writes this chain."""

    retryable = True

    def __init__(self, *, chain_id: int, holder: str) -> None:
        super().__init__(f"chain {chain_id} is being written by {holder}; waiting to take over")
        self.chain_id = chain_id
        self.holder = holder
