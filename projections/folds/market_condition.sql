-- The questions that markets are settled by, and their answers.

INSERT INTO market_condition (chain_id, condition_id, season_key, player, question_id)
SELECT DISTINCT ON (prepared.chain_id, prepared.condition_id)
    prepared.chain_id,
    prepared.condition_id,
    season.season_key,
    prepared.player,
    prepared.question_id
FROM batch.condition_prepared AS prepared
INNER JOIN contract
    ON contract.chain_id = prepared.chain_id AND contract.address = prepared.contract
INNER JOIN season
    ON season.deployment = contract.deployment AND season.season_id = prepared.season_id
ORDER BY prepared.chain_id, prepared.condition_id, prepared.position DESC
ON CONFLICT (chain_id, condition_id) DO UPDATE
SET question_id = excluded.question_id;

INSERT INTO market_condition (
    chain_id, condition_id, season_key, player, player_won, payouts, resolved_block_number,
    resolved_time
)
SELECT DISTINCT ON (resolved.chain_id, resolved.condition_id)
    resolved.chain_id,
    resolved.condition_id,
    season.season_key,
    resolved.player,
    resolved.player_won,
    resolved.payouts,
    resolved.block_number,
    resolved.block_time
FROM batch.condition_resolved AS resolved
INNER JOIN contract
    ON contract.chain_id = resolved.chain_id AND contract.address = resolved.contract
INNER JOIN season
    ON season.deployment = contract.deployment AND season.season_id = resolved.season_id
ORDER BY resolved.chain_id, resolved.condition_id, resolved.position DESC
ON CONFLICT (chain_id, condition_id) DO UPDATE
SET
    player_won = excluded.player_won,
    payouts = excluded.payouts,
    resolved_block_number = excluded.resolved_block_number,
    resolved_time = excluded.resolved_time;
