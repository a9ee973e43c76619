"""The raffle's own account of every position, which nothing is folded from, against the curve's.

For each trade the raffle repeats the curve's position update. So for each season and player both
must say the same, equally often, and the last one must be what the read models serve.
"""

from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import DictRow

from schema.settings import ChainSettings
from scripts.verify_chain.findings import KEPT_MAX, About, Difference
from scripts.verify_chain.served import Served, over_the_log


class Repetition(NamedTuple):
    """What comparing with the raffle's own account came to.

    Attributes:
        players: how many positions were compared.
        differences: how many were found, each of another position; `found` holds the first ones.
    """

    players: int
    differences: int
    found: list[Difference]


def compare_with_repetition(
    connection: Connection[DictRow], chain: ChainSettings, served: Served
) -> Repetition:
    """Compare every position that was served, in the session that read `served`."""
    known = {"chain_id": chain.id, "position": served.position, "most": KEPT_MAX}
    with over_the_log(connection):
        rows = connection.execute(_SELECT_DIFFERING, known).fetchall()
    differences = rows[0]["in_all"] if rows else 0
    return Repetition(served.players.in_all, differences, [_difference(row) for row in rows])


def _difference(row: DictRow) -> Difference:
    about = About(row["deployment"], int(row["season_id"]), row["player"])
    if row["tickets"] != row["last_tickets"]:
        told = (_told(row["tickets"]), _told(row["last_tickets"]))
        return Difference(about, "position.tickets", *told, "the raffle's last PositionUpdate")
    figure, said_by = "PositionUpdates of the curve", "PositionUpdates of the raffle"
    if row["updates"] != row["repeated"]:
        return Difference(about, figure, f"{row['updates']}", f"{row['repeated']}", said_by)
    told = (f"{row['updates']} updates", "as many, but others")
    return Difference(about, figure, *told, said_by)


def _told(tickets: object) -> str:
    return "nothing" if tickets is None else str(tickets)


# The newest of them is found as the greatest: arrays compare member by member. Whether they say the
# same is told by sums over hashes of what each says.
_ACCOUNT = """
    SELECT
        {columns},
        count(*) AS updates,
        (max(ARRAY[updated.block_number, updated.log_index, updated.new_tickets]))[3] AS tickets,
        sum(
            hashtextextended(
                concat_ws(
                    '/', updated.tx_hash, updated.old_tickets, updated.new_tickets,
                    updated.total_tickets
                ),
                0
            )
        ) AS digest
    FROM log.{view} AS updated
    INNER JOIN compared_season AS season ON {of_season}
    WHERE
        updated.chain_id = %(chain_id)s
        AND updated.position <= %(position)s
        AND NOT EXISTS (
            SELECT FROM left_block
            WHERE left_block.hash = updated.block_hash AND left_block.position > updated.position
        )
    GROUP BY season.season_key, updated.player
"""
_COLUMNS = "season.season_key, updated.player"
_OF_CURVE = _ACCOUNT.format(
    columns=_COLUMNS, view="position_update", of_season="season.curve = updated.contract"
)
_OF_RAFFLE = _ACCOUNT.format(
    columns=_COLUMNS,
    view="raffle_position_update",
    of_season="season.raffle = updated.contract AND season.season_id = updated.season_id",
)
_SELECT_DIFFERING = f"""
    WITH told AS ({_OF_CURVE}),
    repeated AS ({_OF_RAFFLE})
    SELECT
        season.deployment,
        season.season_id,
        player,
        held.tickets,
        repeated.tickets AS last_tickets,
        coalesce(told.updates, 0) AS updates,
        coalesce(repeated.updates, 0) AS repeated,
        count(*) OVER () AS in_all
    FROM served_position AS held
    FULL JOIN told USING (season_key, player)
    FULL JOIN repeated USING (season_key, player)
    INNER JOIN compared_season AS season USING (season_key)
    WHERE
        held.tickets IS DISTINCT FROM repeated.tickets
        OR told.updates IS DISTINCT FROM repeated.updates
        OR told.digest IS DISTINCT FROM repeated.digest
    ORDER BY season_key, player
    LIMIT %(most)s
"""
