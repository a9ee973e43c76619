-- The participants of a season and their tickets at the very place in the log where the raffle
-- said their hash. It happens once a season, so all of it comes from the season's trades: a check
-- on the list that is kept step by step.

INSERT INTO snapshot (
    season_key, block_number, log_index, block_time, snapshot_hash, participants, tickets
)
SELECT
    season.season_key,
    taken.block_number,
    taken.log_index,
    taken.block_time,
    taken.snapshot_hash,
    listed.participants,
    listed.tickets
FROM batch.season_snapshotted AS taken
LEFT JOIN season
    ON
        season.chain_id = taken.chain_id
        AND season.raffle = taken.contract
        AND season.season_id = taken.season_id
CROSS JOIN LATERAL (
    SELECT
        coalesce(array_agg(held.player ORDER BY held.place), '{}') AS participants,
        coalesce(array_agg(held.tickets ORDER BY held.place), '{}') AS tickets
    FROM (
        SELECT
            array_agg(player ORDER BY number) FILTER (WHERE is_last) AS players,
            array_agg(tickets_after ORDER BY number) FILTER (WHERE is_last) AS tickets,
            array_fill(NULL::integer, ARRAY[count(*) FILTER (WHERE is_last)::integer]) AS places,
            array_agg(CASE tickets_before WHEN 0 THEN number ELSE -number END ORDER BY position)
                FILTER (WHERE (tickets_before = 0) <> (tickets_after = 0)) AS steps
        FROM (
            SELECT
                trade.position,
                trade.player,
                trade.tickets_before,
                trade.tickets_after,
                dense_rank() OVER (ORDER BY trade.player)::integer AS number,
                trade.position = max(trade.position) OVER (PARTITION BY trade.player) AS is_last
            FROM trade
            WHERE trade.season_key = season.season_key AND trade.position < taken.position
        ) AS past
    ) AS known
    CROSS JOIN unnest(
        known.players, known.tickets, places_after(known.steps, known.places, 0)
    ) AS held (player, tickets, place)
    WHERE held.place IS NOT NULL
) AS listed;
