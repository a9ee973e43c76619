-- Every purchase and sale, at its own place in the block; `position` is that of its position
-- update in the log. Partitioned by season.

INSERT INTO trade (
    season_key, block_number, log_index, position, block_time, tx_hash, kind, player, payer,
    tickets, sof_wei, fee_wei, price_per_ticket_wei, tickets_before, tickets_after,
    total_tickets, probability_bps
)
SELECT
    season.season_key,
    paired.block_number,
    paired.trade_log_index,
    paired.position,
    paired.block_time,
    paired.tx_hash,
    paired.kind,
    paired.player,
    paired.payer,
    paired.tickets,
    paired.sof_wei,
    paired.fee_wei,
    paired.price_per_ticket_wei,
    paired.tickets_before,
    paired.tickets_after,
    paired.total_tickets,
    paired.probability_bps
FROM batch.paired_trade AS paired
-- A curve without a season would leave the key empty, and PostgreSQL refuse the row.
LEFT JOIN season ON season.chain_id = paired.chain_id AND season.curve = paired.curve;

-- The payment may come after the purchase, where the token was added to the configuration later.
UPDATE trade
SET payer = paid.from_address
FROM (
    SELECT DISTINCT ON (bought.season_key, bought.block_number, bought.log_index)
        bought.season_key,
        bought.block_number,
        bought.log_index,
        transfer.from_address
    FROM batch.late_sof_transfer AS transfer
    INNER JOIN season
        ON season.chain_id = transfer.chain_id AND season.curve = transfer.to_address
    INNER JOIN trade AS bought
        ON
            bought.season_key = season.season_key
            AND bought.block_number = transfer.block_number
            AND bought.tx_hash = transfer.tx_hash
            AND bought.kind = 'BUY'
            AND bought.sof_wei = transfer.value
            AND bought.log_index > transfer.log_index
    ORDER BY
        bought.season_key, bought.block_number, bought.log_index, transfer.log_index DESC
) AS paid
WHERE
    trade.season_key = paid.season_key
    AND trade.block_number = paid.block_number
    AND trade.log_index = paid.log_index
    AND trade.payer <> paid.from_address;
