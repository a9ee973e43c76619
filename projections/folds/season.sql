-- A season from its creation to its end, with its totals.

-- Keys are given in the log's order of creation.
INSERT INTO season (
    season_key, chain_id, deployment, season_id, raffle, name, status, start_time, end_time,
    raffle_token, curve, created_block, created_time
)
SELECT
    (SELECT coalesce(max(season.season_key), 0) FROM season)
        + row_number() OVER (ORDER BY created.position),
    created.chain_id,
    contract.deployment,
    created.season_id,
    created.contract,
    created.name,
    0,
    created.start_time,
    created.end_time,
    created.raffle_token,
    created.bonding_curve,
    created.block_number,
    created.block_time
FROM batch.season_created AS created
INNER JOIN contract
    ON contract.chain_id = created.chain_id AND contract.address = created.contract;

-- Every step of its life: the last one tells the status. When the end is requested, the status on
-- chain is already that the random words are pending.
UPDATE season
SET
    status = coalesce(life.status, season.status),
    started_block = coalesce(life.started_block, season.started_block),
    end_requested_block = coalesce(life.end_requested_block, season.end_requested_block),
    closed_block = coalesce(life.closed_block, season.closed_block),
    snapshot_hash = coalesce(life.snapshot_hash, season.snapshot_hash)
FROM (
    SELECT
        step.chain_id,
        step.contract,
        step.season_id,
        (array_agg(step.status ORDER BY step.position DESC)
            FILTER (WHERE step.status IS NOT NULL))[1] AS status,
        max(step.block_number) FILTER (WHERE step.status = 1) AS started_block,
        max(step.block_number) FILTER (WHERE step.status = 3) AS end_requested_block,
        max(step.block_number) FILTER (WHERE step.status IN (5, 6)) AS closed_block,
        (array_agg(step.snapshot_hash ORDER BY step.position DESC)
            FILTER (WHERE step.snapshot_hash IS NOT NULL))[1] AS snapshot_hash
    FROM (
        SELECT chain_id, contract, season_id, position, block_number,
            1 AS status, NULL AS snapshot_hash
        FROM batch.season_started
        UNION ALL
        SELECT chain_id, contract, season_id, position, block_number, 2, NULL
        FROM batch.season_locked
        UNION ALL
        SELECT chain_id, contract, season_id, position, block_number, NULL, snapshot_hash
        FROM batch.season_snapshotted
        UNION ALL
        SELECT chain_id, contract, season_id, position, block_number, 3, NULL
        FROM batch.season_end_requested
        UNION ALL
        SELECT chain_id, contract, season_id, position, block_number, 4, NULL
        FROM batch.vrf_fulfilled
        UNION ALL
        SELECT chain_id, contract, season_id, position, block_number, 4, NULL
        FROM batch.season_ready_to_finalize
        UNION ALL
        SELECT chain_id, contract, season_id, position, block_number, 5, NULL
        FROM batch.season_completed
        UNION ALL
        SELECT chain_id, contract, season_id, position, block_number, 6, NULL
        FROM batch.season_cancelled
    ) AS step
    GROUP BY step.chain_id, step.contract, step.season_id
) AS life
WHERE
    season.chain_id = life.chain_id
    AND season.raffle = life.contract
    AND season.season_id = life.season_id;

UPDATE season
SET winners = selected.winners
FROM (
    SELECT DISTINCT ON (chain_id, contract, season_id)
        chain_id,
        contract,
        season_id,
        winners
    FROM batch.winners_selected
    ORDER BY chain_id, contract, season_id, position DESC
) AS selected
WHERE
    season.chain_id = selected.chain_id
    AND season.raffle = selected.contract
    AND season.season_id = selected.season_id;

-- The pool is what the curve held when the end was requested: its reserves before this batch,
-- and the trades of this batch up to that place in the log.
UPDATE season
SET
    prize_pool_wei = coalesce(curve.reserves_wei, 0) + coalesce((
        SELECT
            sum(
                CASE trade.kind
                    WHEN 'BUY' THEN trade.sof_wei - trade.fee_wei
                    ELSE -(trade.sof_wei + trade.fee_wei)
                END
            )
        FROM batch.paired_trade AS trade
        WHERE
            trade.chain_id = season.chain_id
            AND trade.curve = season.curve
            AND trade.position < requested.position
    ), 0)
FROM
    batch.season_end_requested AS requested,
    season AS of_season
LEFT JOIN curve ON curve.season_key = of_season.season_key
WHERE
    season.season_key = of_season.season_key
    AND of_season.chain_id = requested.chain_id
    AND of_season.raffle = requested.contract
    AND of_season.season_id = requested.season_id;

-- A player joins with the first ticket and leaves with the last.
UPDATE season
SET
    total_tickets = newest.total_tickets,
    total_participants = season.total_participants + held.joined - held.gone,
    tickets_squared = season.tickets_squared + held.tickets_squared,
    first_trade_block = coalesce(season.first_trade_block, oldest.block_number),
    first_trade_time = coalesce(season.first_trade_time, oldest.block_time),
    last_trade_block = newest.block_number,
    last_trade_time = newest.block_time
FROM (
    SELECT
        chain_id,
        contract,
        min(position) AS first_position,
        max(position) AS last_position,
        sum(new_tickets * new_tickets) - sum(old_tickets * old_tickets) AS tickets_squared,
        count(*) FILTER (WHERE old_tickets = 0 AND new_tickets > 0) AS joined,
        count(*) FILTER (WHERE old_tickets > 0 AND new_tickets = 0) AS gone
    FROM batch.position_update
    GROUP BY chain_id, contract
) AS held
INNER JOIN batch.position_update AS oldest ON oldest.position = held.first_position
INNER JOIN batch.position_update AS newest ON newest.position = held.last_position
WHERE season.chain_id = held.chain_id AND season.curve = held.contract;

UPDATE season
SET
    trades = season.trades + traded.trades,
    bought = season.bought + traded.bought,
    sold = season.sold + traded.sold,
    spent_wei = season.spent_wei + traded.spent_wei,
    received_wei = season.received_wei + traded.received_wei,
    fees_wei = season.fees_wei + traded.fees_wei
FROM (
    SELECT
        chain_id,
        curve,
        count(*) AS trades,
        coalesce(sum(tickets) FILTER (WHERE kind = 'BUY'), 0) AS bought,
        coalesce(sum(tickets) FILTER (WHERE kind = 'SELL'), 0) AS sold,
        coalesce(sum(sof_wei) FILTER (WHERE kind = 'BUY'), 0) AS spent_wei,
        coalesce(sum(sof_wei) FILTER (WHERE kind = 'SELL'), 0) AS received_wei,
        sum(fee_wei) AS fees_wei
    FROM batch.paired_trade
    GROUP BY chain_id, curve
) AS traded
WHERE season.chain_id = traded.chain_id AND season.curve = traded.curve;
