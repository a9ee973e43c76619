-- The escrow's side of the rollover: a season's cohort opens, becomes active in a later season,
-- and closes.

INSERT INTO rollover_cohort (season_key, phase, bonus_bps)
SELECT DISTINCT ON (season.season_key)
    season.season_key,
    'open',
    opened.bonus_bps
FROM batch.cohort_opened AS opened
INNER JOIN contract
    ON contract.chain_id = opened.chain_id AND contract.address = opened.contract
INNER JOIN season
    ON season.deployment = contract.deployment AND season.season_id = opened.season_id
ORDER BY season.season_key, opened.position DESC
ON CONFLICT (season_key) DO UPDATE
SET bonus_bps = excluded.bonus_bps;

-- The phase is what the last of these said.
INSERT INTO rollover_cohort AS cohort (season_key, phase, next_season_id)
SELECT
    season.season_key,
    (array_agg(step.phase ORDER BY step.position DESC))[1],
    (array_agg(step.next_season_id ORDER BY step.position DESC)
        FILTER (WHERE step.next_season_id IS NOT NULL))[1]
FROM (
    SELECT chain_id, contract, season_id, position, 'open' AS phase, NULL AS next_season_id
    FROM batch.cohort_opened
    UNION ALL
    SELECT chain_id, contract, season_id, position, 'active', next_season_id
    FROM batch.cohort_activated
    UNION ALL
    SELECT chain_id, contract, season_id, position, 'closed', NULL
    FROM batch.cohort_closed
) AS step
INNER JOIN contract
    ON contract.chain_id = step.chain_id AND contract.address = step.contract
INNER JOIN season
    ON season.deployment = contract.deployment AND season.season_id = step.season_id
GROUP BY season.season_key
ON CONFLICT (season_key) DO UPDATE
SET
    phase = excluded.phase,
    next_season_id = coalesce(excluded.next_season_id, cohort.next_season_id);
