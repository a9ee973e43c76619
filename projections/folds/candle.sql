-- Candles of every width, from one pass over the batch's trades: minutes are added up to the
-- wider ones. What opens and closes is first and last in the log, whatever the times say. Trades
-- of no tickets have no price.

WITH minute AS MATERIALIZED (
    SELECT
        chain_id,
        curve,
        date_bin('1 minute', block_time, 'epoch') AS start,
        min(position) AS first_position,
        max(position) AS last_position,
        max(price_per_ticket_wei) AS high_wei,
        min(price_per_ticket_wei) AS low_wei,
        sum(tickets) AS volume_tickets,
        sum(sof_wei) AS volume_wei,
        count(*) AS trades
    FROM batch.paired_trade
    WHERE tickets > 0
    GROUP BY chain_id, curve, start
),

traded AS (
    SELECT
        minute.chain_id,
        minute.curve,
        width.seconds,
        date_bin(make_interval(secs => width.seconds), minute.start, 'epoch') AS start,
        min(minute.first_position) AS first_position,
        max(minute.last_position) AS last_position,
        max(minute.high_wei) AS high_wei,
        min(minute.low_wei) AS low_wei,
        sum(minute.volume_tickets) AS volume_tickets,
        sum(minute.volume_wei) AS volume_wei,
        sum(minute.trades) AS trades
    FROM minute
    CROSS JOIN (VALUES (60), (300), (3600), (86400)) AS width (seconds)
    GROUP BY 1, 2, 3, 4
)

INSERT INTO candle AS known (
    season_key, interval_seconds, start, open_wei, high_wei, low_wei, close_wei,
    volume_tickets, volume_wei, trades, total_tickets, position
)
SELECT
    season.season_key,
    traded.seconds,
    traded.start,
    oldest.price_per_ticket_wei,
    traded.high_wei,
    traded.low_wei,
    newest.price_per_ticket_wei,
    traded.volume_tickets,
    traded.volume_wei,
    traded.trades,
    newest.total_tickets,
    newest.position
FROM traded
INNER JOIN batch.paired_trade AS oldest ON oldest.position = traded.first_position
INNER JOIN batch.paired_trade AS newest ON newest.position = traded.last_position
-- A curve without a season would leave the key empty, and PostgreSQL refuse the row.
LEFT JOIN season ON season.chain_id = traded.chain_id AND season.curve = traded.curve
ON CONFLICT (season_key, interval_seconds, start) DO UPDATE
SET
    high_wei = greatest(known.high_wei, excluded.high_wei),
    low_wei = least(known.low_wei, excluded.low_wei),
    close_wei = excluded.close_wei,
    volume_tickets = known.volume_tickets + excluded.volume_tickets,
    volume_wei = known.volume_wei + excluded.volume_wei,
    trades = known.trades + excluded.trades,
    total_tickets = excluded.total_tickets,
    position = excluded.position;
