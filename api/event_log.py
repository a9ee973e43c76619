"""How the log is read: in its order, up to the position that is served, a bounded part a page.

A page examines no more than so many events, so that it costs the same however rare what is asked
for is, and the next one goes on behind what was examined. An index by type or by argument would
cost every append.
"""

from msgspec import Struct

from api.database import Statement
from api.paths import SEASON_KEY
from api.players import LINKED

# Examined at most for a page, in positions, or in events of the blocks asked for: about 0.3 s.
EXAMINED_MAX = 100_000


class StoredRow(Struct, frozen=True):
    """A row of the log."""

    position: int
    topic: str
    state: str
    orphaned: bool


class Examined(Struct, frozen=True):
    """Up to which position a page looked."""

    until: int


def names(addresses: str) -> str:
    """SQL: whether any argument of `event` is one of these addresses, an array of text."""
    return (
        "jsonb_path_exists(event.state - 'contract', '$.*[*] ? (@ == $names[*])',"
        f" jsonb_build_object('names', to_jsonb({addresses})))"
    )


# SQL: whether `event` is of `of_season`, a row with the season's contracts.
IS_OF_SEASON = f"""(
        (event.state -> 'chain_id')::bigint = of_season.chain_id
        AND (
            event.state ->> 'contract' = ANY (of_season.own)
            OR {names("of_season.own")}
            OR (
                (event.state -> 'season_id')::numeric = of_season.season_id
                AND event.state ->> 'contract' = ANY (of_season.contracts)
            )
        )
    )"""


def of_season(season_key: str) -> str:
    """SQL: the season as `IS_OF_SEASON` needs it; `own` are its curve and its token."""
    return f"""
    SELECT
        season.chain_id, season.season_id, ARRAY[season.curve, season.raffle_token] AS own,
        ARRAY(
            SELECT address FROM {{read}}.contract
            WHERE contract.chain_id = season.chain_id
              AND contract.deployment = season.deployment
        ) AS contracts
    FROM {{read}}.season WHERE season.season_key = {season_key}
    """


# What a page examines: all events of the blocks asked for, where they are few, else the next
# stretch of the log. Index: the log's primary key, whose streams begin with the block number.
_EXAMINED = f"""
    SELECT
        few.is_all,
        CASE WHEN few.is_all THEN serving.position
            ELSE least(serving.position, %(after)s::bigint + {EXAMINED_MAX}) END AS until
    FROM
        daybook.serving
        CROSS JOIN (
            SELECT %(first_stream)s::uuid IS NOT NULL AND count(*) <= {EXAMINED_MAX} AS is_all
            FROM (
                SELECT FROM log.stored_event
                WHERE originator_id >= %(first_stream)s::uuid
                  AND originator_id < %(end_stream)s::uuid
                LIMIT {EXAMINED_MAX} + 1
            ) AS counted
        ) AS few
"""
_GONE = """
    gone AS MATERIALIZED (
        SELECT chain_id, hash, attempt FROM log.orphaned_block
        WHERE position <= (SELECT position FROM daybook.serving)
    )
"""
_IS_GONE = """EXISTS (
        SELECT FROM gone
        WHERE gone.chain_id = (event.state -> 'chain_id')::bigint
          AND gone.hash = event.state ->> 'block_hash'
          AND gone.attempt = event.originator_version >> 32
    )"""
_ROW = f"""
        event.notification_id AS position, event.topic, (event.state - 'checks')::text AS state,
        {_IS_GONE} AS orphaned
"""
_IS_ASKED_FOR = f"""
        (%(type)s::text IS NULL OR split_part(event.topic, '/', 1) = %(type)s::text)
        AND (%(contract)s::text IS NULL OR event.state ->> 'contract' = %(contract)s::text)
        AND (
            %(from_block)s::bigint IS NULL
            OR (event.state -> 'block_number')::bigint >= %(from_block)s::bigint
        )
        AND (
            %(to_block)s::bigint IS NULL
            OR (event.state -> 'block_number')::bigint <= %(to_block)s::bigint
        )
        AND (%(orphaned)s::boolean IS NULL OR %(orphaned)s::boolean = {_IS_GONE})
        AND (%(address)s::text IS NULL OR {names("(SELECT addresses FROM named)")})
        AND (
            %(season_id)s::text IS NULL
            OR EXISTS (SELECT FROM of_season WHERE {IS_OF_SEASON})
        )
        ORDER BY event.notification_id
        LIMIT %(limit)s::int + 1
"""

SELECT_EXAMINED = Statement(Examined, f"SELECT until FROM ({_EXAMINED}) AS examined")

# In the log's order. Indexes: the log's primary key for few blocks, else
# stored_event_notification_id from `after` on.
SELECT_EVENTS = Statement(
    StoredRow,
    f"""
    WITH examined AS MATERIALIZED ({_EXAMINED}),
    of_season AS MATERIALIZED ({of_season(SEASON_KEY)}),
    named AS MATERIALIZED (SELECT ARRAY({LINKED}) AS addresses),
    {_GONE}
    (
        SELECT {_ROW} FROM log.stored_event AS event
        WHERE (SELECT is_all FROM examined)
          AND event.originator_id >= %(first_stream)s::uuid
          AND event.originator_id < %(end_stream)s::uuid
          -- Not by the index of positions: that would examine the log from `after` on.
          AND event.notification_id + 0 > %(after)s::bigint
          AND event.notification_id + 0 <= (SELECT until FROM examined)
          AND {_IS_ASKED_FOR}
    )
    UNION ALL
    (
        SELECT {_ROW} FROM log.stored_event AS event
        WHERE NOT (SELECT is_all FROM examined)
          AND event.notification_id > %(after)s::bigint
          AND event.notification_id <= (SELECT until FROM examined)
          AND {_IS_ASKED_FOR}
    )
    """,
)

# Index: stored_event_notification_id.
SELECT_EVENT = Statement(
    StoredRow,
    f"""
    WITH {_GONE}
    SELECT {_ROW} FROM log.stored_event AS event
    WHERE event.notification_id = %(position)s::bigint
      AND event.notification_id <= (SELECT position FROM daybook.serving)
    """,
)
