-- How many of a season's players have a figure of about each size. Counting up to 10,000 along an
-- index takes as long as summing these, so they are kept once there are more players than that.

-- Whoever traded leaves the size that they had before the batch, and comes to that of now.
INSERT INTO position_bucket AS held (season_key, figure, digits, bucket, players)
SELECT
    change.season_key,
    figure.name,
    level.digits,
    trunc(counted.value, least(level.digits - length(abs(counted.value)::text), 0)) AS bucket,
    sum(counted.players)
FROM (
    SELECT
        season.season_key,
        updated.player,
        sum(updated.new_tickets - updated.old_tickets) AS tickets,
        count(trade.kind) AS trades,
        coalesce(sum(trade.tickets) FILTER (WHERE trade.kind = 'BUY'), 0) AS bought,
        coalesce(sum(trade.tickets) FILTER (WHERE trade.kind = 'SELL'), 0) AS sold,
        coalesce(sum(trade.sof_wei) FILTER (WHERE trade.kind = 'BUY'), 0) AS spent_wei,
        coalesce(sum(trade.sof_wei) FILTER (WHERE trade.kind = 'SELL'), 0) AS received_wei
    FROM batch.position_update AS updated
    INNER JOIN season
        ON season.chain_id = updated.chain_id AND season.curve = updated.contract
    LEFT JOIN batch.paired_trade AS trade ON trade.position = updated.position
    GROUP BY season.season_key, updated.player
) AS change
-- One look-up a player, whatever the planner thinks of how many there are.
CROSS JOIN LATERAL (
    SELECT * FROM position
    WHERE season_key = change.season_key AND player = change.player
    LIMIT 1
) AS now
CROSS JOIN LATERAL (
    VALUES
    ('tickets', now.tickets, change.tickets),
    ('bought', now.bought, change.bought),
    ('sold', now.sold, change.sold),
    ('spent', now.spent_wei, change.spent_wei),
    ('received', now.received_wei, change.received_wei),
    ('net', now.received_wei - now.spent_wei, change.received_wei - change.spent_wei),
    ('trades', now.buys + now.sells, change.trades)
) AS figure (name, value, change)
CROSS JOIN LATERAL (
    VALUES (figure.value - figure.change, -1), (figure.value, 1)
) AS counted (value, players)
CROSS JOIN (VALUES (2), (5)) AS level (digits)
WHERE
    figure.change <> 0
    AND counted.value <> 0
    AND EXISTS (SELECT FROM position_bucket)
GROUP BY change.season_key, figure.name, level.digits, bucket
HAVING sum(counted.players) <> 0
ON CONFLICT (season_key, figure, digits, bucket) DO UPDATE
SET players = held.players + excluded.players;

-- Index: position_bucket_empty.
DELETE FROM position_bucket
WHERE players = 0 AND EXISTS (SELECT FROM batch.position_update);

-- All of them, when there come to be that many.
INSERT INTO position_bucket (season_key, figure, digits, bucket, players)
SELECT
    position.season_key,
    figure.name,
    level.digits,
    trunc(figure.value, least(level.digits - length(abs(figure.value)::text), 0)) AS bucket,
    count(*)
FROM position
CROSS JOIN LATERAL (
    VALUES
    ('tickets', position.tickets),
    ('bought', position.bought),
    ('sold', position.sold),
    ('spent', position.spent_wei),
    ('received', position.received_wei),
    ('net', position.received_wei - position.spent_wei),
    ('trades', position.buys + position.sells)
) AS figure (name, value)
CROSS JOIN (VALUES (2), (5)) AS level (digits)
WHERE
    figure.value <> 0
    AND (SELECT max(player_id) FROM player) > 10000
    AND NOT EXISTS (SELECT FROM position_bucket)
    AND EXISTS (SELECT FROM batch.position_update)
GROUP BY position.season_key, figure.name, level.digits, bucket;
