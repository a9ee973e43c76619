-- How a season's sponsored prizes are shared out: each step is the last of its kind.

INSERT INTO prize_tiers AS known (
    season_key, tiers, winners, winners_set_block_number, locked_block_number
)
SELECT
    season.season_key,
    (array_agg(step.tiers ORDER BY step.position DESC)
        FILTER (WHERE step.tiers IS NOT NULL))[1],
    (array_agg(step.winners ORDER BY step.position DESC)
        FILTER (WHERE step.winners IS NOT NULL))[1],
    max(step.winners_set_block_number),
    max(step.locked_block_number)
FROM (
    SELECT chain_id, contract, season_id, position, tier_count AS tiers,
        total_winners AS winners, NULL::bigint AS winners_set_block_number,
        NULL::bigint AS locked_block_number
    FROM batch.tiers_configured
    UNION ALL
    SELECT chain_id, contract, season_id, position, NULL, NULL, block_number, NULL
    FROM batch.tier_winners_set
    UNION ALL
    SELECT chain_id, contract, season_id, position, NULL, NULL, NULL, block_number
    FROM batch.sponsorships_locked
) AS step
INNER JOIN contract
    ON contract.chain_id = step.chain_id AND contract.address = step.contract
INNER JOIN season
    ON season.deployment = contract.deployment AND season.season_id = step.season_id
GROUP BY season.season_key
ON CONFLICT (season_key) DO UPDATE
SET
    tiers = coalesce(excluded.tiers, known.tiers),
    winners = coalesce(excluded.winners, known.winners),
    winners_set_block_number = coalesce(
        excluded.winners_set_block_number, known.winners_set_block_number
    ),
    locked_block_number = coalesce(excluded.locked_block_number, known.locked_block_number);
