"""The tables of the past: a statement about now becomes one about an earlier moment.

A moment is a block (`at_block`), a position in the log (`as_known_at`), or both: the state after
that block, as it was believed when the log ended at that position. In a statement made by `then`
the tables `position`, `season` and `curve` are made anew with their very columns, of the trades
and season steps up to the moment; the trades that were orphaned later among them.

What was known at a position is what whole ranges up to it say: nobody ever believed half of one.
"""

import re
from functools import cache
from typing import TypeVar

from msgspec import Struct

from api.database import Statement
from schema.log.chain import BlocksOrphaned, ContractsBackfilled, RangeIndexed

Row = TypeVar("Row", bound=Struct)

_MARKS = ", ".join(
    f"'{fact.__name__}/{fact.version}'"
    for fact in (RangeIndexed, ContractsBackfilled, BlocksOrphaned)
)
# The end of the last whole range up to the position that is asked for; null where none is asked
# for, or none is there. Index: stored_event_notification_id, backwards over one range.
KNOWN_POSITION = f"""(
        SELECT notification_id FROM log.stored_event
        WHERE notification_id <= %(as_known_at)s::bigint AND topic IN ({_MARKS})
        ORDER BY notification_id DESC LIMIT 1
    )"""
_LAST = 2**63 - 1  # beyond every block and position

# The tables of a moment: one pass over the trades of the seasons that are asked about, 3 µs each.
# Indexes: the primary keys of trade, orphaned_trade and season_step, which begin with the season.
_THEN = f"""
    asked AS MATERIALIZED (
        SELECT
            coalesce(%(at_block)s::bigint, {_LAST}) AS block_number,
            coalesce({KNOWN_POSITION}, {_LAST}) AS position,
            ARRAY({{seasons}}) AS season_keys
    ),
    trade_then AS NOT MATERIALIZED (
        SELECT
            season_key, position, block_number, block_time, kind, player, tickets, sof_wei,
            fee_wei, price_per_ticket_wei, tickets_after, total_tickets, probability_bps
        FROM {{read}}.trade
        WHERE season_key = ANY ((SELECT season_keys FROM asked)::int[])
          AND block_number <= (SELECT block_number FROM asked)
          AND position <= (SELECT position FROM asked)
        UNION ALL
        SELECT
            season_key, position, block_number, block_time, kind, player, tickets, sof_wei,
            fee_wei, price_per_ticket_wei, tickets_after, total_tickets, probability_bps
        FROM {{read}}.orphaned_trade
        WHERE season_key = ANY ((SELECT season_keys FROM asked)::int[])
          AND block_number <= (SELECT block_number FROM asked)
          AND position <= (SELECT position FROM asked)
          AND orphaned_at > (SELECT position FROM asked)
    ),
    step_then AS MATERIALIZED (
        SELECT *, status IS NULL AND snapshot_hash IS NULL AND winners IS NULL AS is_of_curve
        FROM {{read}}.season_step
        WHERE season_key = ANY ((SELECT season_keys FROM asked)::int[])
          AND block_number <= (SELECT block_number FROM asked)
          AND position <= (SELECT position FROM asked)
          AND (orphaned_at IS NULL OR orphaned_at > (SELECT position FROM asked))
    ),
    held AS MATERIALIZED (
        SELECT
            season_key, player,
            max(ARRAY[
                position, tickets_after, probability_bps, total_tickets, price_per_ticket_wei
            ]) AS last,
            max(block_number) AS block_number, max(block_time) AS block_time,
            count(*) FILTER (WHERE kind = 'BUY') AS buys,
            count(*) FILTER (WHERE kind = 'SELL') AS sells,
            coalesce(sum(tickets) FILTER (WHERE kind = 'BUY'), 0) AS bought,
            coalesce(sum(tickets) FILTER (WHERE kind = 'SELL'), 0) AS sold,
            coalesce(sum(sof_wei) FILTER (WHERE kind = 'BUY'), 0) AS spent_wei,
            coalesce(sum(sof_wei) FILTER (WHERE kind = 'SELL'), 0) AS received_wei,
            sum(fee_wei) AS fees_wei,
            coalesce(max(position) FILTER (WHERE kind = 'BUY'), 0) AS bought_at,
            coalesce(max(position) FILTER (WHERE kind = 'SELL'), 0) AS sold_at,
            min(block_number) AS first_block_number, min(block_time) AS first_block_time
        FROM trade_then
        GROUP BY season_key, player
    ),
    total AS MATERIALIZED (
        SELECT
            season_key,
            max(ARRAY[last[1], last[4], last[5]]) AS last,
            min(first_block_number) AS first_block_number,
            min(first_block_time) AS first_block_time,
            max(block_number) AS block_number, max(block_time) AS block_time,
            sum(last[2] * last[2]) AS tickets_squared,
            count(*) FILTER (WHERE last[2] > 0) AS total_participants,
            sum(buys + sells)::bigint AS trades, sum(bought) AS bought, sum(sold) AS sold,
            sum(spent_wei) AS spent_wei, sum(received_wei) AS received_wei,
            sum(fees_wei) AS fees_wei
        FROM held
        GROUP BY season_key
    ),
    life AS MATERIALIZED (
        SELECT
            season_key,
            (array_agg(status ORDER BY position DESC) FILTER (WHERE status IS NOT NULL))[1]
                AS status,
            max(block_number) FILTER (WHERE status = 1) AS started_block,
            max(block_number) FILTER (WHERE status = 3) AS end_requested_block,
            max(block_number) FILTER (WHERE status IN (5, 6)) AS closed_block,
            max(position) FILTER (WHERE status = 3) AS end_requested_at,
            (array_agg(snapshot_hash ORDER BY position DESC)
                FILTER (WHERE snapshot_hash IS NOT NULL))[1] AS snapshot_hash,
            (array_agg(trading ORDER BY position DESC) FILTER (WHERE trading IS NOT NULL))[1]
                AS trading,
            sum(extracted_wei) AS extracted_wei, sum(fees_extracted_wei) AS fees_extracted_wei,
            max(block_number) FILTER (WHERE is_of_curve) AS curve_block_number,
            max(block_time) FILTER (WHERE is_of_curve) AS curve_block_time
        FROM step_then
        GROUP BY season_key
        HAVING bool_or(status = 0)
    ),
    position AS NOT MATERIALIZED (
        SELECT
            season_key, player, last[2] AS tickets, last[3] AS probability_bps, block_number,
            (
                SELECT (state -> 'log_index')::bigint FROM log.stored_event
                WHERE notification_id = last[1]::bigint
            ) AS log_index,
            block_time, buys, sells, bought, sold, spent_wei, received_wei, fees_wei, bought_at,
            sold_at, first_block_number, first_block_time
        FROM held
    ),
    position_bucket AS NOT MATERIALIZED (SELECT * FROM {{read}}.position_bucket WHERE false),
    season AS NOT MATERIALIZED (
        SELECT
            kept.season_key, kept.chain_id, kept.deployment, kept.season_id, kept.raffle,
            kept.name, life.status, kept.start_time, kept.end_time, kept.raffle_token, kept.curve,
            kept.created_block, kept.created_time, life.started_block, life.end_requested_block,
            life.closed_block, life.snapshot_hash, coalesce(total.last[2], 0) AS total_tickets,
            coalesce(total.total_participants, 0) AS total_participants,
            coalesce(total.tickets_squared, 0) AS tickets_squared,
            coalesce(
                (
                    SELECT sum(CASE kind WHEN 'BUY' THEN sof_wei ELSE -sof_wei END - fee_wei)
                    FROM trade_then
                    WHERE season_key = life.season_key AND position < life.end_requested_at
                ),
                0
            ) - coalesce(
                (
                    SELECT sum(extracted_wei) FROM step_then
                    WHERE season_key = life.season_key AND position < life.end_requested_at
                ),
                0
            ) AS prize_pool_wei,
            coalesce(total.trades, 0) AS trades, coalesce(total.bought, 0) AS bought,
            coalesce(total.sold, 0) AS sold, coalesce(total.spent_wei, 0) AS spent_wei,
            coalesce(total.received_wei, 0) AS received_wei,
            coalesce(total.fees_wei, 0) AS fees_wei,
            total.first_block_number AS first_trade_block,
            total.first_block_time AS first_trade_time,
            total.block_number AS last_trade_block, total.block_time AS last_trade_time,
            coalesce(
                (
                    SELECT winners FROM step_then
                    WHERE season_key = life.season_key AND winners IS NOT NULL
                    ORDER BY position DESC LIMIT 1
                ),
                ARRAY[]::text[]
            ) AS winners
        FROM life
        INNER JOIN {{read}}.season AS kept USING (season_key)
        LEFT JOIN total USING (season_key)
    ),
    curve AS NOT MATERIALIZED (
        SELECT
            season.chain_id, season.curve AS address, season.season_key,
            coalesce(life.trading, 'open') AS trading,
            season.spent_wei - season.received_wei - season.fees_wei - life.extracted_wei
                AS reserves_wei,
            season.fees_wei - life.fees_extracted_wei AS fees_held_wei,
            season.total_tickets AS supply, total.last[3] AS last_price_wei,
            greatest(season.created_block, total.block_number, life.curve_block_number)
                AS block_number,
            greatest(season.created_time, total.block_time, life.curve_block_time) AS block_time
        FROM season
        INNER JOIN life USING (season_key)
        LEFT JOIN total USING (season_key)
    )
"""
# What `then` makes anew; and what is the same at every moment, or of today: whose accounts are
# whose, and the numbers of players.
MADE_ANEW = frozenset({"position", "position_bucket", "season", "curve"})
_TIMELESS = frozenset({"account", "contract", "player"})


class HasBegun(Struct, frozen=True):
    """Whether any of the seasons that are asked about was created."""

    has_begun: bool


# To be asked about a moment, as `then` makes it.
HAS_BEGUN = Statement(HasBegun, "SELECT EXISTS (SELECT FROM life) AS has_begun")

_TABLE = re.compile(r"\{read\}\.(\w+)")
_WITH = re.compile(r"\s*WITH\s")


@cache
def then(statement: Statement[Row], *, seasons: str) -> Statement[Row]:
    """The statement about a moment; its parameters are `Moment.parameters` beside its own.

    Args:
        statement: about now; names no other tables than those whose past is known.
        seasons: SQL that selects the keys of the seasons that it is about.
    """
    unknown = set(_TABLE.findall(statement.text)) - MADE_ANEW - _TIMELESS
    assert not unknown, f"no history of {', '.join(sorted(unknown))} is kept"
    asked = _TABLE.sub(_place, statement.text)
    asked = _WITH.sub(", ", asked, count=1) if _WITH.match(asked) else asked
    return Statement(statement.row, f"WITH {_THEN.replace('{seasons}', seasons)} {asked}")


def _place(match: re.Match[str]) -> str:
    return match[1] if match[1] in MADE_ANEW else match[0]
