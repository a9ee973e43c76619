-- The raffle's own list of who holds tickets, in the contract's order: see places_after. Only
-- joins and leaves change it; they are gone through one by one, and what moved is written once.

WITH step AS MATERIALIZED (
    SELECT
        season.season_key,
        updated.position,
        updated.player,
        updated.old_tickets = 0 AS joins
    FROM batch.position_update AS updated
    INNER JOIN season
        ON season.chain_id = updated.chain_id AND season.curve = updated.contract
    WHERE (updated.old_tickets = 0) <> (updated.new_tickets = 0)
),

list AS MATERIALIZED (
    SELECT
        step.season_key,
        count(*) FILTER (WHERE step.joins) AS joins,
        count(*) FILTER (WHERE NOT step.joins) AS leaves,
        coalesce(
            (
                SELECT max(participant.place) + 1 FROM participant
                WHERE participant.season_key = step.season_key
            ),
            0
        ) AS held
    FROM step
    GROUP BY step.season_key
),

-- The steps, and the places of whom they may move: who leaves, and who stands at the list's end.
-- Indexes: participant's unique (season_key, player), and its primary key.
named AS (
    SELECT season_key, player, position, joins, NULL AS place FROM step
    UNION ALL
    SELECT participant.season_key, participant.player, NULL, NULL, participant.place
    FROM (SELECT DISTINCT season_key, player FROM step WHERE NOT joins) AS leaver
    INNER JOIN participant USING (season_key, player)
    UNION ALL
    SELECT participant.season_key, participant.player, NULL, NULL, participant.place
    FROM list
    INNER JOIN participant
        ON
            participant.season_key = list.season_key
            AND participant.place >= list.held - list.leaves
),

numbered AS (
    SELECT
        season_key,
        player,
        position,
        joins,
        max(place) OVER of_player AS place,
        row_number() OVER of_player AS nth,
        dense_rank() OVER (PARTITION BY season_key ORDER BY player)::integer AS number
    FROM named
    WINDOW of_player AS (PARTITION BY season_key, player)
),

gone_through AS (
    SELECT
        list.season_key,
        known.players,
        known.places,
        places_after(known.steps, known.places, list.held::integer) AS places_after
    FROM list
    INNER JOIN (
        SELECT
            season_key,
            array_agg(player ORDER BY number) FILTER (WHERE nth = 1) AS players,
            array_agg(place ORDER BY number) FILTER (WHERE nth = 1) AS places,
            array_agg(CASE WHEN joins THEN number ELSE -number END ORDER BY position)
                FILTER (WHERE joins IS NOT NULL) AS steps
        FROM numbered
        GROUP BY season_key
    ) AS known USING (season_key)
),

shortened AS (
    DELETE FROM participant
    USING list
    WHERE
        participant.season_key = list.season_key
        AND participant.place >= list.held + list.joins - list.leaves
)

INSERT INTO participant (season_key, place, player)
SELECT
    gone_through.season_key,
    moved.place_after,
    moved.player
FROM gone_through
CROSS JOIN unnest(gone_through.players, gone_through.places, gone_through.places_after)
    AS moved (player, place, place_after)
WHERE moved.place_after <> coalesce(moved.place, -1)
ON CONFLICT (season_key, place) DO UPDATE
SET player = excluded.player;
