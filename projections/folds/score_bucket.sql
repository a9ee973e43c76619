-- How many players of a board have a figure of about each size. Counting up to 10,000 along an
-- index takes as long as summing these, so they are kept once there are more players than that.

-- Whoever traded leaves the size that they had before the batch, and comes to that of now.
INSERT INTO score_bucket AS held (span, start, figure, digits, bucket, players)
SELECT
    change.span,
    change.start,
    figure.name,
    level.digits,
    trunc(counted.value, least(level.digits - length(abs(counted.value)::text), 0)) AS bucket,
    sum(counted.players)
FROM (
    SELECT
        span.name AS span,
        span.start,
        trade.player,
        sum(trade.tickets_after - trade.tickets_before) AS tickets,
        count(*) AS trades,
        coalesce(sum(trade.tickets) FILTER (WHERE trade.kind = 'BUY'), 0) AS bought,
        coalesce(sum(trade.tickets) FILTER (WHERE trade.kind = 'SELL'), 0) AS sold,
        coalesce(sum(trade.sof_wei) FILTER (WHERE trade.kind = 'BUY'), 0) AS spent_wei,
        coalesce(sum(trade.sof_wei) FILTER (WHERE trade.kind = 'SELL'), 0) AS received_wei
    FROM batch.paired_trade AS trade
    CROSS JOIN LATERAL (
        VALUES
        ('day', (trade.block_time AT TIME ZONE 'UTC')::date),
        ('week', date_trunc('week', trade.block_time AT TIME ZONE 'UTC')::date),
        ('all', DATE '1970-01-01')
    ) AS span (name, start)
    GROUP BY span.name, span.start, trade.player
) AS change
-- One look-up a player, whatever the planner thinks of how many there are.
CROSS JOIN LATERAL (
    SELECT * FROM score
    WHERE span = change.span AND start = change.start AND player = change.player
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
    AND EXISTS (SELECT FROM score_bucket)
GROUP BY change.span, change.start, figure.name, level.digits, bucket
HAVING sum(counted.players) <> 0
ON CONFLICT (span, start, figure, digits, bucket) DO UPDATE
SET players = held.players + excluded.players;

-- Index: score_bucket_empty.
DELETE FROM score_bucket
WHERE players = 0 AND EXISTS (SELECT FROM batch.paired_trade);

-- All of them, when there come to be that many.
INSERT INTO score_bucket (span, start, figure, digits, bucket, players)
SELECT
    score.span,
    score.start,
    figure.name,
    level.digits,
    trunc(figure.value, least(level.digits - length(abs(figure.value)::text), 0)) AS bucket,
    count(*)
FROM score
CROSS JOIN LATERAL (
    VALUES
    ('tickets', score.tickets),
    ('bought', score.bought),
    ('sold', score.sold),
    ('spent', score.spent_wei),
    ('received', score.received_wei),
    ('net', score.received_wei - score.spent_wei),
    ('trades', score.buys + score.sells)
) AS figure (name, value)
CROSS JOIN (VALUES (2), (5)) AS level (digits)
WHERE
    figure.value <> 0
    AND (SELECT max(player_id) FROM player) > 10000
    AND NOT EXISTS (SELECT FROM score_bucket)
    AND EXISTS (SELECT FROM batch.paired_trade)
GROUP BY score.span, score.start, figure.name, level.digits, bucket;
