-- Players, numbered 1, 2, 3 … in the order of their first position update in the log.

INSERT INTO player (player, player_id)
SELECT
    seen.player,
    (SELECT coalesce(max(player.player_id), 0) FROM player)
        + row_number() OVER (ORDER BY seen.first_position)
FROM (
    SELECT
        player,
        min(position) AS first_position
    FROM batch.position_update
    GROUP BY player
) AS seen
WHERE NOT EXISTS (SELECT FROM player WHERE player.player = seen.player);
