-- How many of each season's players have a figure of about each size, once there are
-- more than 10,000 players.

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
WHERE figure.value <> 0 AND (SELECT max(player_id) FROM player) > 10000
GROUP BY position.season_key, figure.name, level.digits, bucket;
