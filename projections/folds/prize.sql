-- The prizes of a season as the distributor was told them, in wei.

INSERT INTO prize (
    season_key, token, grand_winner, grand_amount_wei, consolation_amount_wei, total_participants
)
SELECT DISTINCT ON (season.season_key)
    season.season_key,
    configured.token,
    configured.grand_winner,
    configured.grand_amount,
    configured.consolation_amount,
    configured.total_participants
FROM batch.season_configured AS configured
INNER JOIN contract
    ON contract.chain_id = configured.chain_id AND contract.address = configured.contract
INNER JOIN season
    ON season.deployment = contract.deployment AND season.season_id = configured.season_id
ORDER BY season.season_key, configured.position DESC
ON CONFLICT (season_key) DO UPDATE
SET
    token = excluded.token,
    grand_winner = excluded.grand_winner,
    grand_amount_wei = excluded.grand_amount_wei,
    consolation_amount_wei = excluded.consolation_amount_wei,
    total_participants = excluded.total_participants;

INSERT INTO prize AS told (season_key, funded_wei, grand_claimed)
SELECT
    season.season_key,
    sum(fact.funded_wei),
    bool_or(fact.is_claim)
FROM (
    SELECT chain_id, contract, season_id, amount AS funded_wei, FALSE AS is_claim
    FROM batch.season_funded
    UNION ALL
    SELECT chain_id, contract, season_id, 0, TRUE
    FROM batch.grand_claimed
) AS fact
INNER JOIN contract
    ON contract.chain_id = fact.chain_id AND contract.address = fact.contract
INNER JOIN season
    ON season.deployment = contract.deployment AND season.season_id = fact.season_id
GROUP BY season.season_key
ON CONFLICT (season_key) DO UPDATE
SET
    funded_wei = told.funded_wei + excluded.funded_wei,
    grand_claimed = told.grand_claimed OR excluded.grand_claimed;
