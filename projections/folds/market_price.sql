-- Prices of markets as the oracle published them.

INSERT INTO market_price (
    chain_id, market, block_number, log_index, block_time, raffle_bps, market_bps, hybrid_bps
)
SELECT
    chain_id,
    fpmm_address,
    block_number,
    log_index,
    block_time,
    raffle_bps,
    market_bps,
    hybrid_bps
FROM batch.price_updated;
