-- A season's steps other than trades, in the log's order: what answers about its past go by.

INSERT INTO season_step (season_key, position, block_number, block_time, status)
SELECT
    season.season_key,
    created.position,
    created.block_number,
    created.block_time,
    0
FROM batch.season_created AS created
INNER JOIN season
    ON season.chain_id = created.chain_id AND season.curve = created.bonding_curve;

-- Once over what stands and once over what is orphaned. An orphaned step is of a season that was
-- created before it: whether the same season is created again later must not matter.
INSERT INTO season_step (
    season_key, position, orphaned_at, block_number, block_time, status, trading, snapshot_hash,
    winners, extracted_wei, fees_extracted_wei
)
SELECT
    season.season_key,
    step.position,
    (
        SELECT min(gone.position) FROM log.orphaned_block AS gone
        WHERE
            gone.chain_id = step.chain_id
            AND gone.hash = step.block_hash
            AND gone.position > step.position
    ),
    step.block_number,
    step.block_time,
    step.status,
    step.trading,
    step.snapshot_hash,
    step.winners,
    coalesce(step.extracted_wei, 0),
    coalesce(step.fees_extracted_wei, 0)
FROM (
    SELECT position, chain_id, contract, block_number, block_hash, block_time, season_id,
        1 AS status, NULL AS trading, NULL AS snapshot_hash, NULL::text [] AS winners,
        NULL::numeric AS extracted_wei, NULL::numeric AS fees_extracted_wei
    FROM batch.any_season_started
    UNION ALL
    SELECT position, chain_id, contract, block_number, block_hash, block_time, season_id,
        2, NULL, NULL, NULL, NULL, NULL
    FROM batch.any_season_locked
    UNION ALL
    SELECT position, chain_id, contract, block_number, block_hash, block_time, season_id,
        NULL, NULL, snapshot_hash, NULL, NULL, NULL
    FROM batch.any_season_snapshotted
    UNION ALL
    SELECT position, chain_id, contract, block_number, block_hash, block_time, season_id,
        3, NULL, NULL, NULL, NULL, NULL
    FROM batch.any_season_end_requested
    UNION ALL
    SELECT position, chain_id, contract, block_number, block_hash, block_time, season_id,
        4, NULL, NULL, NULL, NULL, NULL
    FROM batch.any_vrf_fulfilled
    UNION ALL
    SELECT position, chain_id, contract, block_number, block_hash, block_time, season_id,
        4, NULL, NULL, NULL, NULL, NULL
    FROM batch.any_season_ready_to_finalize
    UNION ALL
    SELECT position, chain_id, contract, block_number, block_hash, block_time, season_id,
        NULL, NULL, NULL, winners, NULL, NULL
    FROM batch.any_winners_selected
    UNION ALL
    SELECT position, chain_id, contract, block_number, block_hash, block_time, season_id,
        5, NULL, NULL, NULL, NULL, NULL
    FROM batch.any_season_completed
    UNION ALL
    SELECT position, chain_id, contract, block_number, block_hash, block_time, season_id,
        6, NULL, NULL, NULL, NULL, NULL
    FROM batch.any_season_cancelled
    UNION ALL
    SELECT position, chain_id, contract, block_number, block_hash, block_time, NULL,
        NULL, 'locked', NULL, NULL, NULL, NULL
    FROM batch.any_trading_locked_event
    UNION ALL
    SELECT position, chain_id, contract, block_number, block_hash, block_time, NULL,
        NULL, 'sell_only', NULL, NULL, NULL, NULL
    FROM batch.any_trading_unlocked_sell_only
    UNION ALL
    SELECT position, chain_id, contract, block_number, block_hash, block_time, NULL,
        NULL, NULL, NULL, NULL, amount, NULL
    FROM batch.any_sof_extracted
    UNION ALL
    SELECT position, chain_id, contract, block_number, block_hash, block_time, NULL,
        NULL, NULL, NULL, NULL, NULL, amount
    FROM batch.any_fees_extracted
) AS step
-- The raffle's events name the season, the curve's are all of its own.
INNER JOIN season
    ON
        season.chain_id = step.chain_id
        AND (
            (season.raffle = step.contract AND season.season_id = step.season_id)
            OR season.curve = step.contract
        )
INNER JOIN season_step AS created
    ON
        created.season_key = season.season_key
        AND created.status = 0
        AND created.position < step.position;
