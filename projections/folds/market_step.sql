-- What the market factory said of a player in a season.

INSERT INTO market_step (
    season_key, block_number, log_index, player, kind, status, probability_bps, market_type,
    reason, block_time, tx_hash
)
SELECT
    season.season_key,
    step.block_number,
    step.log_index,
    step.player,
    step.kind,
    step.status,
    step.probability_bps,
    step.market_type,
    step.reason,
    step.block_time,
    step.tx_hash
FROM (
    SELECT chain_id, contract, season_id, block_number, log_index, block_time, tx_hash, player,
        'STATUS' AS kind, new_status AS status, NULL::numeric AS probability_bps,
        NULL AS market_type, reason
    FROM batch.market_status_changed
    UNION ALL
    SELECT chain_id, contract, season_id, block_number, log_index, block_time, tx_hash, player,
        'PROBABILITY', NULL, new_probability_bps, NULL, NULL
    FROM batch.probability_updated
    UNION ALL
    SELECT chain_id, contract, season_id, block_number, log_index, block_time, tx_hash, player,
        'FAILURE', NULL, NULL, market_type, reason
    FROM batch.market_creation_failed
) AS step
INNER JOIN contract
    ON contract.chain_id = step.chain_id AND contract.address = step.contract
INNER JOIN season
    ON season.deployment = contract.deployment AND season.season_id = step.season_id;
