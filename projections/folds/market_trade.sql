-- Outcome tokens traded. The event does not say whether they were bought or sold; SOF does: the
-- last that came into the market before the trade, in its transaction, is what a buyer paid, and
-- the last that left it what a seller received. Of what came in, the fee is what did not go on.

-- The token may come later than the market: its transfers then tell of trades that are there.
WITH untold AS (
    SELECT position, chain_id, contract AS market, block_number, log_index, block_time, tx_hash,
        trader, CASE WHEN buy_yes THEN 'YES' ELSE 'NO' END AS outcome, amount_in, amount_out
    FROM batch.trade
    UNION ALL
    SELECT position, chain_id, market, block_number, log_index, block_time, tx_hash,
        trader, outcome, amount_in, amount_out
    FROM market_trade
    WHERE
        kind IS NULL
        AND EXISTS (
            SELECT FROM batch.late_sof_transfer AS late
            WHERE
                late.chain_id = market_trade.chain_id
                AND late.block_number = market_trade.block_number
                AND late.tx_hash = market_trade.tx_hash
        )
),

-- Of the many transfers of a batch, those of the few transactions that matter.
transfer AS (
    SELECT chain_id, block_number, tx_hash, log_index, from_address, to_address, value
    FROM batch.sof_transfer
    WHERE tx_hash IN (SELECT untold.tx_hash FROM untold)
    UNION ALL
    SELECT chain_id, block_number, tx_hash, log_index, from_address, to_address, value
    FROM batch.earlier_sof_transfer
),

moved AS (
    SELECT
        untold.position,
        (array_agg(transfer.from_address ORDER BY transfer.log_index DESC)
            FILTER (WHERE transfer.to_address = untold.market))[1] AS payer,
        (array_agg(transfer.value ORDER BY transfer.log_index DESC)
            FILTER (WHERE transfer.to_address = untold.market))[1] AS came_wei,
        (array_agg(transfer.value ORDER BY transfer.log_index DESC)
            FILTER (WHERE transfer.from_address = untold.market))[1] AS left_wei
    FROM untold
    INNER JOIN transfer
        ON
            transfer.chain_id = untold.chain_id
            AND transfer.block_number = untold.block_number
            AND transfer.tx_hash = untold.tx_hash
            AND transfer.log_index < untold.log_index
            AND untold.market IN (transfer.from_address, transfer.to_address)
    GROUP BY untold.position
)

INSERT INTO market_trade (
    chain_id, market, block_number, log_index, position, block_time, tx_hash, trader, outcome,
    amount_in, amount_out, kind, fee_wei
)
SELECT
    untold.chain_id,
    untold.market,
    untold.block_number,
    untold.log_index,
    untold.position,
    untold.block_time,
    untold.tx_hash,
    untold.trader,
    untold.outcome,
    untold.amount_in,
    untold.amount_out,
    told.kind,
    CASE WHEN told.kind IS NOT NULL THEN moved.came_wei - moved.left_wei END
FROM untold
LEFT JOIN moved USING (position)
CROSS JOIN LATERAL (
    SELECT
        CASE
            -- At a price of exactly one both amounts may fit; then who paid decides.
            WHEN
                moved.came_wei = untold.amount_in
                AND (moved.left_wei <> untold.amount_out OR moved.payer = untold.trader)
                THEN 'BUY'
            WHEN moved.left_wei = untold.amount_out THEN 'SELL'
        END AS kind
) AS told
ON CONFLICT (chain_id, market, block_number, log_index) DO UPDATE
SET
    kind = excluded.kind,
    fee_wei = excluded.fee_wei;
