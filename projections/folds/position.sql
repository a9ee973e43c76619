-- What a player holds in a season: the chain's own figure of the last position update, beside the
-- sums over the player's trades.

INSERT INTO position AS held (
    season_key, player, tickets, probability_bps, block_number, log_index, block_time,
    buys, sells, bought, sold, spent_wei, received_wei, fees_wei,
    bought_at, sold_at, first_block_number, first_block_time
)
SELECT
    touched.season_key,
    touched.player,
    newest.new_tickets,
    newest.probability_bps,
    newest.block_number,
    newest.log_index,
    newest.block_time,
    touched.buys,
    touched.sells,
    touched.bought,
    touched.sold,
    touched.spent_wei,
    touched.received_wei,
    touched.fees_wei,
    touched.bought_at,
    touched.sold_at,
    oldest.block_number,
    oldest.block_time
FROM (
    SELECT
        season.season_key,
        updated.player,
        min(updated.position) AS first_position,
        max(updated.position) AS last_position,
        count(*) FILTER (WHERE trade.kind = 'BUY') AS buys,
        count(*) FILTER (WHERE trade.kind = 'SELL') AS sells,
        coalesce(sum(trade.tickets) FILTER (WHERE trade.kind = 'BUY'), 0) AS bought,
        coalesce(sum(trade.tickets) FILTER (WHERE trade.kind = 'SELL'), 0) AS sold,
        coalesce(sum(trade.sof_wei) FILTER (WHERE trade.kind = 'BUY'), 0) AS spent_wei,
        coalesce(sum(trade.sof_wei) FILTER (WHERE trade.kind = 'SELL'), 0) AS received_wei,
        coalesce(sum(trade.fee_wei), 0) AS fees_wei,
        coalesce(max(trade.position) FILTER (WHERE trade.kind = 'BUY'), 0) AS bought_at,
        coalesce(max(trade.position) FILTER (WHERE trade.kind = 'SELL'), 0) AS sold_at
    FROM batch.position_update AS updated
    LEFT JOIN season
        ON season.chain_id = updated.chain_id AND season.curve = updated.contract
    LEFT JOIN batch.paired_trade AS trade ON trade.position = updated.position
    GROUP BY season.season_key, updated.player
) AS touched
INNER JOIN batch.position_update AS oldest ON oldest.position = touched.first_position
INNER JOIN batch.position_update AS newest ON newest.position = touched.last_position
ON CONFLICT (season_key, player) DO UPDATE
SET
    tickets = excluded.tickets,
    probability_bps = excluded.probability_bps,
    block_number = excluded.block_number,
    log_index = excluded.log_index,
    block_time = excluded.block_time,
    buys = held.buys + excluded.buys,
    sells = held.sells + excluded.sells,
    bought = held.bought + excluded.bought,
    sold = held.sold + excluded.sold,
    spent_wei = held.spent_wei + excluded.spent_wei,
    received_wei = held.received_wei + excluded.received_wei,
    fees_wei = held.fees_wei + excluded.fees_wei,
    bought_at = greatest(held.bought_at, excluded.bought_at),
    sold_at = greatest(held.sold_at, excluded.sold_at);
