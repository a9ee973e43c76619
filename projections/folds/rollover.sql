-- Consolation prizes of a season that were carried over, by player, in wei.

INSERT INTO rollover AS carried (
    season_key, player, deposited_wei, spent_wei, refunded_wei, bonus_wei
)
SELECT
    season.season_key,
    moved.player,
    sum(moved.deposited_wei),
    sum(moved.spent_wei),
    sum(moved.refunded_wei),
    sum(moved.bonus_wei)
FROM (
    SELECT chain_id, contract, season_id, user_address AS player,
        amount AS deposited_wei, 0 AS spent_wei, 0 AS refunded_wei, 0 AS bonus_wei
    FROM batch.rollover_deposit
    UNION ALL
    SELECT chain_id, contract, season_id, user_address, 0, base_amount, 0, bonus_amount
    FROM batch.rollover_spend
    UNION ALL
    SELECT chain_id, contract, season_id, user_address, 0, 0, amount, 0
    FROM batch.rollover_refund
) AS moved
INNER JOIN contract
    ON contract.chain_id = moved.chain_id AND contract.address = moved.contract
INNER JOIN season
    ON season.deployment = contract.deployment AND season.season_id = moved.season_id
GROUP BY season.season_key, moved.player
ON CONFLICT (season_key, player) DO UPDATE
SET
    deposited_wei = carried.deposited_wei + excluded.deposited_wei,
    spent_wei = carried.spent_wei + excluded.spent_wei,
    refunded_wei = carried.refunded_wei + excluded.refunded_wei,
    bonus_wei = carried.bonus_wei + excluded.bonus_wei;
