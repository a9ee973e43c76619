"""How players are ranked: pages of a board, and anybody's rank among a million in milliseconds.

A rank is one more than how many have more. The buckets tell how many: players by the first two
digits of the figure; among those with the same two, by the first five. In the bucket that the
player is in, the figure's index counts. Where there are no buckets, it counts them all: buckets are
kept for more than 10,000 players only, and once the read models have caught up.
"""

from datetime import date
from typing import Annotated, Any, NamedTuple

from litestar.params import QueryParameter
from msgspec import Struct

from api.cursors import Integer, SignedDigits, decode_cursor, foreign_cursor
from api.paths import address
from api.problems import Problem
from schema.read_models.figures import FIGURES

By = Annotated[str, QueryParameter(description=f"What is ranked: {', '.join(FIGURES)}.")]
RankedPlayer = Annotated[
    str | None,
    QueryParameter(description="Begin at this player, by wallet or smart account; else at rank 1."),
]

# What a figure is called in an answer, where that is not the name of its ranking.
_FIELDS = {"spent": "spent_wei", "received": "received_wei", "net": "net_wei"}


class Board(NamedTuple):
    """A table of players' figures, and the columns that say which board a row stands on.

    `<table>_bucket` has the counts, with the same columns.
    """

    table: str
    key: tuple[str, ...]

    def shared_with(self, row: str) -> str:
        """SQL: on the same board as `row`."""
        return " AND ".join(f"{name} = {row}.{name}" for name in self.key)


SEASON_BOARD = Board("position", ("season_key",))
OVERALL_BOARD = Board("score", ("span", "start"))


class Place(Struct, tag="leaderboard", array_like=True, frozen=True):
    """A place on a board: the ranking, the figure by which it is there, and where they got there.

    Attributes:
        since: the first day of the window, where the board is of one.
    """

    ranking: str
    figure: SignedDigits
    reached: Integer
    since: date | None = None


def check_by(by: str) -> None:
    """Check the name of a ranking.

    Raises:
        Problem: there is none of this name.
    """
    if by not in FIGURES:
        raise Problem(
            400,
            "unknown-ranking",
            title="No such ranking",
            detail=f"by: players are ranked by {', '.join(FIGURES)}.",
        )


def beginning(after: Place | None, player: str | None) -> dict[str, Any]:
    """Where a page begins, as the parameters of `ranked`: after a place, or at a player.

    Raises:
        Problem: the player's address is none.
    """
    if after is not None:
        return {"figure": after.figure, "reached": after.reached, "address": None}
    begin = None if player is None else address(player, "player")
    return {"figure": "Infinity", "reached": 0, "address": begin}


def decode_place(cursor: str | None, ranking: str) -> Place | None:
    """The place that a cursor stands for; None without a cursor.

    Raises:
        Problem: it is another ranking's, or nobody's.
    """
    if cursor is None:
        return None
    place = decode_cursor(cursor, Place)
    if place.ranking != ranking:
        raise foreign_cursor()
    return place


def figure_of(row: Any, by: str) -> str:
    """The ranked figure of a row of an answer."""
    return str(getattr(row, _FIELDS.get(by, by)))


def rank(board: Board, by: str, row: str) -> str:
    """SQL: the rank of `row`, a relation with the board's key and the player's figure as `value`.

    Indexes: the primary key of the buckets, and `<table>_by_<figure>`.
    """
    value, _, listed = FIGURES[by]
    shared = board.shared_with(row)
    buckets = f"{{read}}.{board.table}_bucket WHERE {shared} AND figure = '{by}'"
    return f"""(
        SELECT
            1
            + (
                SELECT count(*) FROM {{read}}.{board.table}
                WHERE {shared} AND {listed} AND {value} > {row}.value
                AND {value} < CASE WHEN beyond.is_counted THEN beyond.fine ELSE 'Infinity' END
            )
            + (
                SELECT coalesce(sum(players), 0) FROM {buckets}
                AND digits = 5 AND bucket >= beyond.fine AND bucket < beyond.coarse
            )
            + (
                SELECT coalesce(sum(players), 0) FROM {buckets}
                AND digits = 2 AND bucket >= beyond.coarse
            )
        FROM (
            SELECT {_beyond(5, row)} AS fine, {_beyond(2, row)} AS coarse,
                EXISTS (SELECT FROM {buckets}) AS is_counted
        ) AS beyond
    )::bigint"""


def _beyond(digits: int, row: str) -> str:
    """SQL: the least figure that is beyond the bucket which `row` is in.

    Figures are rounded towards zero, so from a positive bucket on, and up to a negative one.
    """
    zeros = f"greatest(length(abs({row}.value)::text) - {digits}, 0)"
    width = f"CASE WHEN {row}.value > 0 THEN ('1e' || {zeros})::numeric ELSE 1 END"
    return f"trunc({row}.value, -{zeros}) + {width}"


def ranked(board: Board, by: str, *, where: str, linked: str) -> str:
    """SQL: `WITH … ranked AS (…)`: a page of a board's rows, with their `rank` and `reached`.

    It begins after a place, or at the best of a player's own addresses. Ranks are looked up for
    the first figure of the page and the second; from there on they follow from the rows' places.

    Args:
        board: what is ranked.
        by: a figure.
        where: SQL: which rows stand on the board.
        linked: SQL: the player's own addresses; none where `address` is null.
    """
    value, reached, listed = FIGURES[by]
    return f"""
    WITH begin AS MATERIALIZED (
        SELECT %(figure)s::numeric AS value, -%(reached)s::bigint AS place
        WHERE %(address)s::text IS NULL
        UNION ALL
        (
            SELECT {value}, 1 - {reached} FROM {{read}}.{board.table}
            WHERE {where} AND {listed} AND player IN ({linked})
            ORDER BY {value} DESC, -{reached} DESC LIMIT 1
        )
    ),
    page AS MATERIALIZED (
        SELECT *, {value} AS value, {reached} AS reached FROM {{read}}.{board.table}
        WHERE {where} AND {listed}
          AND ({value}, -{reached}) < ((SELECT value FROM begin), (SELECT place FROM begin))
        ORDER BY {value} DESC, -{reached} DESC
        LIMIT %(limit)s::int + 1
    ),
    placed AS (SELECT *, rank() OVER (ORDER BY value DESC) AS place FROM page),
    known AS MATERIALIZED (
        SELECT asked.place, {rank(board, by, "asked")} AS rank
        FROM (
            SELECT DISTINCT {", ".join(board.key)}, value, place FROM placed
            ORDER BY place LIMIT 2
        ) AS asked
    ),
    ranked AS (
        SELECT placed.*, known.rank + placed.place - known.place AS rank
        FROM placed CROSS JOIN LATERAL (
            SELECT * FROM known WHERE known.place <= placed.place
            ORDER BY known.place DESC LIMIT 1
        ) AS known
    )"""
