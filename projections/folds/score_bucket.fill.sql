-- How many players of each board have a figure of about each size, once there are
-- more than 10,000 players.

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
WHERE figure.value <> 0 AND (SELECT max(player_id) FROM player) > 10000
GROUP BY score.span, score.start, figure.name, level.digits, bucket;
