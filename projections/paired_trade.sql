-- batch.paired_trade: every purchase and sale of the batch with its position update, whose place
-- in the log is the trade's; `trade_log_index` is the purchase's or sale's own.

CREATE TEMPORARY TABLE paired_trade (
    position bigint NOT NULL,
    chain_id bigint NOT NULL,
    curve text NOT NULL,
    block_number bigint NOT NULL,
    log_index bigint NOT NULL,
    trade_log_index bigint NOT NULL,
    block_time timestamptz NOT NULL,
    tx_hash text NOT NULL,
    kind text NOT NULL,
    player text NOT NULL,
    payer text NOT NULL,
    tickets numeric NOT NULL,
    sof_wei numeric NOT NULL,
    fee_wei numeric NOT NULL,
    price_per_ticket_wei numeric NOT NULL,
    tickets_before numeric NOT NULL,
    tickets_after numeric NOT NULL,
    total_tickets numeric NOT NULL,
    probability_bps numeric NOT NULL
);

-- They pair within one transaction, curve and player: the position update is the nearest that
-- follows. The payer of a purchase is who sent that SOF to the curve before it in the
-- transaction; the payer of a sale is the player.
INSERT INTO batch.paired_trade
SELECT DISTINCT ON (paired.position)
    paired.position,
    paired.chain_id,
    paired.contract,
    paired.block_number,
    paired.log_index,
    paired.trade_log_index,
    paired.block_time,
    paired.tx_hash,
    paired.kind,
    paired.player,
    coalesce(transfer.from_address, paired.player),
    paired.tickets,
    paired.sof_wei,
    paired.fee_wei,
    -- No tickets, no price.
    CASE paired.tickets WHEN 0 THEN 0 ELSE div(paired.sof_wei, paired.tickets) END,
    paired.old_tickets,
    paired.new_tickets,
    paired.total_tickets,
    paired.probability_bps
FROM (
    SELECT
        fact.*,
        lag(fact.trade_kind) OVER together AS kind,
        lag(fact.log_index) OVER together AS trade_log_index,
        lag(fact.trade_tickets) OVER together AS tickets,
        lag(fact.trade_sof) OVER together AS sof_wei,
        lag(fact.trade_fee) OVER together AS fee_wei
    FROM (
        SELECT position, chain_id, contract, block_number, tx_index, log_index, block_time,
            tx_hash, player, old_tickets, new_tickets, total_tickets, probability_bps,
            NULL AS trade_kind, NULL::numeric AS trade_tickets, NULL::numeric AS trade_sof,
            NULL::numeric AS trade_fee
        FROM batch.position_update
        UNION ALL
        SELECT position, chain_id, contract, block_number, tx_index, log_index, block_time,
            tx_hash, buyer, NULL, NULL, NULL, NULL,
            'BUY', tokens_received, sof_amount, fee_amount
        FROM batch.tokens_purchased
        UNION ALL
        SELECT position, chain_id, contract, block_number, tx_index, log_index, block_time,
            tx_hash, seller, NULL, NULL, NULL, NULL,
            'SELL', token_amount, sof_received, fee_amount
        FROM batch.tokens_sold
    ) AS fact
    WINDOW together AS (
        PARTITION BY fact.block_number, fact.tx_index, fact.chain_id, fact.contract, fact.player
        ORDER BY fact.log_index
    )
) AS paired
LEFT JOIN (
    SELECT chain_id, block_number, tx_index, log_index, from_address, to_address, value
    FROM batch.sof_transfer
    UNION ALL
    SELECT chain_id, block_number, tx_index, log_index, from_address, to_address, value
    FROM batch.earlier_sof_transfer
) AS transfer
    ON
        paired.kind = 'BUY'
        AND transfer.chain_id = paired.chain_id
        AND transfer.block_number = paired.block_number
        AND transfer.tx_index = paired.tx_index
        AND transfer.to_address = paired.contract
        AND transfer.value = paired.sof_wei
        AND transfer.log_index < paired.trade_log_index
WHERE paired.trade_kind IS NULL AND paired.kind IS NOT NULL
ORDER BY paired.position, transfer.log_index DESC;

-- The first purchase or sale that found no position update.
SELECT
    lone.chain_id,
    lone.block_number,
    lone.tx_hash,
    lone.log_index
FROM (
    SELECT position, chain_id, block_number, tx_hash, log_index FROM batch.tokens_purchased
    UNION ALL
    SELECT position, chain_id, block_number, tx_hash, log_index FROM batch.tokens_sold
) AS lone
WHERE NOT EXISTS (
    SELECT FROM batch.paired_trade AS paired
    WHERE
        paired.chain_id = lone.chain_id
        AND paired.block_number = lone.block_number
        AND paired.trade_log_index = lone.log_index
)
ORDER BY lone.position
LIMIT 1;
