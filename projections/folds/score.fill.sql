-- What a player did in all seasons of all deployments, from all trades there are.

INSERT INTO score (
    span, start, player, tickets, buys, sells, bought, sold, spent_wei, received_wei,
    bought_at, sold_at
)
SELECT
    span.name,
    span.start,
    daily.player,
    sum(daily.tickets),
    sum(daily.buys),
    sum(daily.sells),
    sum(daily.bought),
    sum(daily.sold),
    sum(daily.spent_wei),
    sum(daily.received_wei),
    max(daily.bought_at),
    max(daily.sold_at)
FROM (
    SELECT
        (block_time AT TIME ZONE 'UTC')::date AS day,
        player,
        sum(tickets_after - tickets_before) AS tickets,
        count(*) FILTER (WHERE kind = 'BUY') AS buys,
        count(*) FILTER (WHERE kind = 'SELL') AS sells,
        coalesce(sum(tickets) FILTER (WHERE kind = 'BUY'), 0) AS bought,
        coalesce(sum(tickets) FILTER (WHERE kind = 'SELL'), 0) AS sold,
        coalesce(sum(sof_wei) FILTER (WHERE kind = 'BUY'), 0) AS spent_wei,
        coalesce(sum(sof_wei) FILTER (WHERE kind = 'SELL'), 0) AS received_wei,
        coalesce(max(position) FILTER (WHERE kind = 'BUY'), 0) AS bought_at,
        coalesce(max(position) FILTER (WHERE kind = 'SELL'), 0) AS sold_at
    FROM trade
    GROUP BY day, player
) AS daily
CROSS JOIN LATERAL (
    VALUES
    ('day', daily.day),
    ('week', date_trunc('week', daily.day::timestamp)::date),
    ('all', DATE '1970-01-01')
) AS span (name, start)
GROUP BY span.name, span.start, daily.player;
