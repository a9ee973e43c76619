"""What can be wrong with a question for an explanation."""

from collections.abc import Iterable

from sqlalchemy import Table

from schema.errors import DaybookError


class UnknownReadModelError(DaybookError):
    """There is no such read model."""

    exit_code = 2

    def __init__(self, name: str, read_models: Iterable[str]) -> None:
        super().__init__(
            f"{name}: no read model is called so. There is {', '.join(sorted(read_models))}."
        )


class WrongKeyError(DaybookError):
    """What was given is not a key of the read model."""

    exit_code = 2

    def __init__(self, table: Table, problem: str) -> None:
        super().__init__(f"{problem}. Ask: daybook explain {table.name} {key_of(table)}")


class NoSuchRowError(DaybookError):
    """The read model has no row with this key."""

    def __init__(self, table: Table, key: Iterable[str]) -> None:
        super().__init__(
            f"{table.name} {' '.join(key)}: there is no such row in the generation that serves. "
            "Check the key; daybook status says how far the read models are."
        )


def key_of(table: Table) -> str:
    """What a row is asked for by, as the command's usage has it."""
    return " ".join(_ASKED_AS.get(column.name, column.name.upper()) for column in table.primary_key)


# A number, or deployment:number where there are several deployments.
_ASKED_AS = {"season_key": "SEASON", "raffle_key": "BOX_RAFFLE"}
