-- Prediction markets, and the sums over their trades.

-- Factory and manager announce the same market; either will do.
INSERT INTO market AS known (
    chain_id, address, season_key, player, market_type, condition_id, lp_token, block_number,
    block_time
)
SELECT
    created.chain_id,
    created.address,
    season.season_key,
    created.player,
    max(created.market_type),
    created.condition_id,
    max(created.lp_token),
    min(created.block_number),
    min(created.block_time)
FROM (
    SELECT chain_id, contract, fpmm_address AS address, season_id, player, market_type,
        condition_id, NULL AS lp_token, block_number, block_time
    FROM batch.market_created
    UNION ALL
    SELECT chain_id, contract, fpmm, season_id, player, NULL, condition_id, lp_token,
        block_number, block_time
    FROM batch.fpmm_market_created
) AS created
INNER JOIN contract
    ON contract.chain_id = created.chain_id AND contract.address = created.contract
INNER JOIN season
    ON season.deployment = contract.deployment AND season.season_id = created.season_id
GROUP BY
    created.chain_id, created.address, season.season_key, created.player, created.condition_id
ON CONFLICT (chain_id, address) DO UPDATE
SET
    market_type = coalesce(excluded.market_type, known.market_type),
    lp_token = coalesce(excluded.lp_token, known.lp_token);

-- The trades of this batch, and earlier ones whose direction its transfers told.
UPDATE market
SET
    trades = market.trades + traded.trades,
    spent_wei = market.spent_wei + traded.spent_wei,
    received_wei = market.received_wei + traded.received_wei,
    fees_wei = market.fees_wei + traded.fees_wei,
    yes_bought = market.yes_bought + traded.yes_bought,
    yes_sold = market.yes_sold + traded.yes_sold,
    no_bought = market.no_bought + traded.no_bought,
    no_sold = market.no_sold + traded.no_sold
FROM (
    SELECT
        told.chain_id,
        told.market,
        sum(touched.trades) AS trades,
        coalesce(sum(told.amount_in) FILTER (WHERE told.kind = 'BUY'), 0) AS spent_wei,
        coalesce(sum(told.amount_out) FILTER (WHERE told.kind = 'SELL'), 0) AS received_wei,
        coalesce(sum(told.fee_wei), 0) AS fees_wei,
        coalesce(
            sum(told.amount_out) FILTER (WHERE told.kind = 'BUY' AND told.outcome = 'YES'), 0
        ) AS yes_bought,
        coalesce(
            sum(told.amount_in) FILTER (WHERE told.kind = 'SELL' AND told.outcome = 'YES'), 0
        ) AS yes_sold,
        coalesce(
            sum(told.amount_out) FILTER (WHERE told.kind = 'BUY' AND told.outcome = 'NO'), 0
        ) AS no_bought,
        coalesce(
            sum(told.amount_in) FILTER (WHERE told.kind = 'SELL' AND told.outcome = 'NO'), 0
        ) AS no_sold
    FROM (
        SELECT chain_id, contract AS market, block_number, log_index, 1 AS trades
        FROM batch.trade
        UNION ALL
        SELECT DISTINCT told.chain_id, told.market, told.block_number, told.log_index, 0
        FROM batch.late_sof_transfer AS late
        INNER JOIN market_trade AS told
            ON
                told.chain_id = late.chain_id
                AND told.market IN (late.from_address, late.to_address)
                AND told.block_number = late.block_number
                AND told.tx_hash = late.tx_hash
        WHERE NOT EXISTS (SELECT FROM batch.trade WHERE trade.position = told.position)
    ) AS touched
    INNER JOIN market_trade AS told USING (chain_id, market, block_number, log_index)
    GROUP BY told.chain_id, told.market
) AS traded
WHERE market.chain_id = traded.chain_id AND market.address = traded.market;

UPDATE market
SET
    liquidity_added_wei = market.liquidity_added_wei + moved.added_wei,
    liquidity_removed_wei = market.liquidity_removed_wei + moved.removed_wei
FROM (
    SELECT
        fact.chain_id,
        fact.contract,
        sum(fact.added_wei) AS added_wei,
        sum(fact.removed_wei) AS removed_wei
    FROM (
        SELECT chain_id, contract, amount AS added_wei, 0 AS removed_wei
        FROM batch.liquidity_added
        UNION ALL
        SELECT chain_id, contract, 0, amount
        FROM batch.liquidity_removed
    ) AS fact
    GROUP BY fact.chain_id, fact.contract
) AS moved
WHERE market.chain_id = moved.chain_id AND market.address = moved.contract;

UPDATE market
SET settled_block_number = settled.block_number
FROM batch.season_markets_resolved AS settled
INNER JOIN contract
    ON contract.chain_id = settled.chain_id AND contract.address = settled.contract
INNER JOIN season
    ON season.deployment = contract.deployment AND season.season_id = settled.season_id
WHERE market.season_key = season.season_key;
