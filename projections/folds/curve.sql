-- A season's curve: reserves = Σ(spent − fee) − Σ(received + fee) − Σ extracted, in wei.

INSERT INTO curve (chain_id, address, season_key, block_number, block_time)
SELECT
    season.chain_id,
    season.curve,
    season.season_key,
    created.block_number,
    created.block_time
FROM batch.season_created AS created
INNER JOIN season
    ON season.chain_id = created.chain_id AND season.curve = created.bonding_curve;

-- Supply and price are those after the last trade.
UPDATE curve
SET
    reserves_wei = curve.reserves_wei + traded.reserves_wei,
    fees_held_wei = curve.fees_held_wei + traded.fees_wei,
    supply = newest.total_tickets,
    last_price_wei = newest.price_per_ticket_wei,
    block_number = newest.block_number,
    block_time = newest.block_time
FROM (
    SELECT
        chain_id,
        curve,
        max(position) AS last_position,
        sum(
            CASE kind
                WHEN 'BUY' THEN sof_wei - fee_wei
                ELSE -(sof_wei + fee_wei)
            END
        ) AS reserves_wei,
        sum(fee_wei) AS fees_wei
    FROM batch.paired_trade
    GROUP BY chain_id, curve
) AS traded
INNER JOIN batch.paired_trade AS newest ON newest.position = traded.last_position
WHERE curve.chain_id = traded.chain_id AND curve.address = traded.curve;

-- What is taken out of it, and whether it trades.
UPDATE curve
SET
    reserves_wei = curve.reserves_wei - step.extracted_wei,
    fees_held_wei = curve.fees_held_wei - step.fees_extracted_wei,
    trading = coalesce(step.trading, curve.trading),
    block_number = greatest(curve.block_number, step.block_number),
    block_time = greatest(curve.block_time, step.block_time)
FROM (
    SELECT
        chain_id,
        contract,
        sum(extracted_wei) AS extracted_wei,
        sum(fees_extracted_wei) AS fees_extracted_wei,
        (array_agg(trading ORDER BY position DESC) FILTER (WHERE trading IS NOT NULL))[1]
            AS trading,
        max(block_number) AS block_number,
        max(block_time) AS block_time
    FROM (
        SELECT chain_id, contract, position, block_number, block_time,
            amount AS extracted_wei, 0 AS fees_extracted_wei, NULL AS trading
        FROM batch.sof_extracted
        UNION ALL
        SELECT chain_id, contract, position, block_number, block_time, 0, amount, NULL
        FROM batch.fees_extracted
        UNION ALL
        SELECT chain_id, contract, position, block_number, block_time, 0, 0, 'locked'
        FROM batch.trading_locked_event
        UNION ALL
        SELECT chain_id, contract, position, block_number, block_time, 0, 0, 'sell_only'
        FROM batch.trading_unlocked_sell_only
    ) AS fact
    GROUP BY chain_id, contract
) AS step
WHERE curve.chain_id = step.chain_id AND curve.address = step.contract;
