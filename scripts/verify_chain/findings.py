"""What comparing read models with the chain finds."""

import msgspec

KEPT_MAX = 1_000


class About(msgspec.Struct, frozen=True):
    """What a figure is of; what does not apply is None."""

    deployment: str
    season_id: int | None = None
    player: str | None = None


class EventBehind(msgspec.Struct, frozen=True):
    """An event from which a figure was made.

    Attributes:
        position: in the log.
        event: the name of its class.
    """

    position: int
    block_number: int
    log_index: int
    event: str


class Difference(msgspec.Struct, frozen=True):
    """A figure that the read models have, and the chain otherwise.

    Attributes:
        about: whose it is.
        figure: read model and column, as `position.tickets`.
        served: what the read models say.
        chain: what the chain says.
        said_by: where it says so: a view function and the endpoints, or what of the log.
        events: from which it was made, the newest ones.
        events_in_all: how many they are.
        explained_by: the command that tells more; empty where there is none.
    """

    about: About
    figure: str
    served: str
    chain: str
    said_by: str
    events: list[EventBehind] = []
    events_in_all: int = 0
    explained_by: str = ""


class Dissent(msgspec.Struct, frozen=True):
    """An endpoint that answered otherwise than another one, which agrees with the read models.

    Attributes:
        endpoint: its alias.
        calls: how many it answered so.
        call: one of them.
        answer: of this endpoint to it.
        contradicted_by: aliases of those that answered otherwise.
    """

    endpoint: str
    calls: int
    call: str
    answer: str
    contradicted_by: list[str]


class NotCompared(msgspec.Struct, frozen=True):
    """Figures that could not be compared: how many, and why."""

    what: str
    count: int
    reason: str


class ChainCheck(msgspec.Struct, frozen=True):
    """What checking a chain came to.

    Attributes:
        generation: that served.
        position: in the log, up to which it was posted.
        block_number: that it reflected, and at which contracts were read.
        calls: how many calls of view functions were compared, by function.
        endpoints: how many of them each endpoint answered.
        players: how many positions were compared, of `players_in_all`, chosen by `seed`.
        repeated: how many positions the raffle's own updates were compared with.
        snapshots: how many announced hashes were computed again.
        differences: how many were found; `found` holds no more than a thousand of them.
    """

    chain: str
    generation: int
    position: int
    block_number: int
    block_hash: str
    calls: dict[str, int]
    endpoints: dict[str, int]
    players: int
    players_in_all: int
    seed: int
    repeated: int
    snapshots: int
    differences: int
    found: list[Difference]
    dissents: list[Dissent]
    not_compared: list[NotCompared]
