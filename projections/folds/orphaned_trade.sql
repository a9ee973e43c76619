-- Trades of blocks that their chain left: what was believed until then.

-- Pairs as in paired_trade.sql, inside what one fact orphaned: each names a block number once. A
-- season that was created later is not the one that was traded: it is another branch's.
INSERT INTO orphaned_trade (
    season_key, position, orphaned_at, block_number, log_index, block_time, kind, player, tickets,
    sof_wei, fee_wei, price_per_ticket_wei, tickets_after, total_tickets, probability_bps
)
SELECT DISTINCT ON (traded.position)
    created.season_key,
    updated.position,
    gone.position,
    traded.block_number,
    traded.log_index,
    traded.block_time,
    traded.kind,
    traded.player,
    traded.tickets,
    traded.sof_wei,
    traded.fee_wei,
    CASE traded.tickets WHEN 0 THEN 0 ELSE div(traded.sof_wei, traded.tickets) END,
    updated.new_tickets,
    updated.total_tickets,
    updated.probability_bps
FROM (
    SELECT position, chain_id, contract, block_number, block_hash, block_time, tx_hash, log_index,
        'BUY' AS kind, buyer AS player, tokens_received AS tickets, sof_amount AS sof_wei,
        fee_amount AS fee_wei
    FROM batch.orphaned_tokens_purchased
    UNION ALL
    SELECT position, chain_id, contract, block_number, block_hash, block_time, tx_hash, log_index,
        'SELL', seller, token_amount, sof_received, fee_amount
    FROM batch.orphaned_tokens_sold
) AS traded
CROSS JOIN LATERAL (
    SELECT min(fact.position) AS position FROM log.orphaned_block AS fact
    WHERE
        fact.chain_id = traded.chain_id
        AND fact.hash = traded.block_hash
        AND fact.position > traded.position
) AS gone
INNER JOIN batch.orphaned_position_update AS updated
    ON
        updated.chain_id = traded.chain_id
        AND updated.contract = traded.contract
        AND updated.block_hash = traded.block_hash
        AND updated.tx_hash = traded.tx_hash
        AND updated.player = traded.player
        AND updated.log_index > traded.log_index
        AND updated.position BETWEEN traded.position AND gone.position
INNER JOIN season
    ON season.chain_id = traded.chain_id AND season.curve = traded.contract
INNER JOIN season_step AS created
    ON
        created.season_key = season.season_key
        AND created.status = 0
        AND created.position < traded.position
ORDER BY traded.position, updated.log_index;
