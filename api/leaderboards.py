"""`/v1/leaderboards`: players ranked over all seasons, ever or within a day or week."""

from datetime import date
from typing import Annotated, Literal

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from msgspec import Struct

from api.amounts import Sof, Wei, Whole
from api.answers import PAGE_DEFAULT, Cursor, Limit, Page, answer, make_page
from api.database import Database, Statement
from api.players import LINKED
from api.problems import PROBLEMS, Problem
from api.ranking import (
    OVERALL_BOARD,
    By,
    Place,
    RankedPlayer,
    beginning,
    check_by,
    decode_place,
    figure_of,
    ranked,
)
from schema.read_models.figures import FIGURES

Window = Annotated[
    Literal["day", "week", "all"],
    QueryParameter(description="The day or the week (from Monday) in UTC by block time, or all."),
]
DateInWindow = Annotated[
    date | None,
    QueryParameter(description="The window that this date is in; else that of the newest block."),
]


class Score(Struct):
    """What a player did in all seasons of all deployments, within the window.

    Attributes:
        rank: 1, 2, 2, 4: one more than how many have more.
        tickets: held now, of all seasons; of a day or a week, how many more than before it.
        net_wei: received less spent; may be negative.
        reached: position in the log of the trade that made the ranked figure what it is: of
            equals, who got there first stands above.
    """

    rank: int
    player: str
    tickets: Whole
    trades: int
    bought: Whole
    sold: Whole
    spent_wei: Wei
    spent: Sof
    received_wei: Wei
    received: Sof
    net_wei: Wei
    net: Sof
    reached: int


class Scores(Page[Score], frozen=True, kw_only=True):
    """A page of a leaderboard, and of which window.

    Attributes:
        window_start: its first day; null where it is all.
    """

    window: str
    window_start: date | None


class Asked(Struct, frozen=True):
    """Which window was asked for, and whether there are any yet.

    Attributes:
        first_day: of the window; null before the first block.
        is_settled: the boards are made once the read models have caught up with the log.
    """

    first_day: date | None
    is_settled: bool


_START = """(
        SELECT CASE %(window)s::text
            WHEN 'day' THEN known.day
            WHEN 'week' THEN date_trunc('week', known.day::timestamp)::date
            ELSE DATE '1970-01-01'
        END
        FROM (
            SELECT coalesce(
                %(date)s::date,
                (SELECT (max(block_time) AT TIME ZONE 'UTC')::date FROM {read}.chain)
            ) AS day
        ) AS known
    )"""
_IN_WINDOW = f"span = %(window)s::text AND start = {_START}"
SELECT_ASKED = Statement(
    Asked,
    f"""
    SELECT {_START} AS first_day, generation.settled AS is_settled
    FROM daybook.serving JOIN daybook.generation ON generation.number = serving.generation
    """,
)

# Index: score_by_<figure>.
SELECT_SCORES = {
    by: Statement(
        Score,
        f"""
        {ranked(OVERALL_BOARD, by, where=_IN_WINDOW, linked=LINKED)}
        SELECT
            rank, player, tickets, buys + sells AS trades, bought, sold,
            spent_wei::text AS spent_wei, spent_wei * 1e-18 AS spent,
            received_wei::text AS received_wei, received_wei * 1e-18 AS received,
            (received_wei - spent_wei)::text AS net_wei,
            (received_wei - spent_wei) * 1e-18 AS net,
            reached
        FROM ranked
        ORDER BY value DESC, reached
        """,
    )
    for by in FIGURES
}


@get("/leaderboards", responses=PROBLEMS)
async def list_scores(  # noqa: PLR0913, PLR0917  one a parameter
    database: NamedDependency[Database],
    by: By = "tickets",
    window: Window = "all",
    date: DateInWindow = None,
    player: RankedPlayer = None,
    limit: Limit = PAGE_DEFAULT,
    cursor: Cursor = None,
) -> Response[Scores]:
    """The players with the most of a figure over all seasons of all deployments."""
    check_by(by)
    ranking = f"{window} {by}"
    after = decode_place(cursor, ranking)
    reading = await database.read(
        SELECT_ASKED,
        SELECT_SCORES[by],
        window=window,
        date=after.since if after else date,
        limit=limit,
        **beginning(after, player),
    )
    (asked,) = reading.rows(SELECT_ASKED)
    if not asked.is_settled:
        raise _not_yet()
    page = make_page(
        reading,
        reading.rows(SELECT_SCORES[by]),
        limit=limit,
        key=lambda row: Place(ranking, figure_of(row, by), row.reached, asked.first_day),
    )
    since = None if window == "all" else asked.first_day
    content = Scores(**msgspec.structs.asdict(page), window=window, window_start=since)
    return answer(reading, content)


def _not_yet() -> Problem:
    return Problem(
        503,
        "catching-up",
        title="Not made yet",
        detail="Leaderboards over all seasons are made once the read models have caught up with "
        "the log; /v1/status tells how far they are. Those of each season are there already.",
    )
