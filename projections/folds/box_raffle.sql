-- Box raffles with their progress.

-- Keys are given in the log's order of creation.
INSERT INTO box_raffle (
    raffle_key, chain_id, deployment, raffle_id, contract, seller, total_boxes, box_price_wei,
    winner_count, created_block, created_time
)
SELECT
    (SELECT coalesce(max(box_raffle.raffle_key), 0) FROM box_raffle)
        + row_number() OVER (ORDER BY created.position),
    created.chain_id,
    contract.deployment,
    created.raffle_id,
    created.contract,
    created.seller,
    created.total_boxes,
    created.box_price,
    created.winner_count,
    created.block_number,
    created.block_time
FROM batch.raffle_created AS created
INNER JOIN contract
    ON contract.chain_id = created.chain_id AND contract.address = created.contract;

-- What was really paid, which need not be the offered price.
UPDATE box_raffle
SET
    boxes_sold = box_raffle.boxes_sold + sold.boxes,
    proceeds_wei = box_raffle.proceeds_wei + sold.paid_wei
FROM (
    SELECT
        contract.deployment,
        purchased.raffle_id,
        count(*) AS boxes,
        sum(purchased.price) AS paid_wei
    FROM batch.box_purchased AS purchased
    INNER JOIN contract
        ON contract.chain_id = purchased.chain_id AND contract.address = purchased.contract
    GROUP BY contract.deployment, purchased.raffle_id
) AS sold
WHERE box_raffle.deployment = sold.deployment AND box_raffle.raffle_id = sold.raffle_id;

-- The last of these tells the status.
UPDATE box_raffle
SET
    status = life.status,
    full_block = coalesce(life.full_block, box_raffle.full_block),
    closed_block = coalesce(life.closed_block, box_raffle.closed_block)
FROM (
    SELECT
        contract.deployment,
        step.raffle_id,
        (array_agg(step.status ORDER BY step.position DESC))[1] AS status,
        max(step.block_number) FILTER (WHERE step.status = 'full') AS full_block,
        max(step.block_number) FILTER (WHERE step.status <> 'full') AS closed_block
    FROM (
        SELECT chain_id, contract, raffle_id, position, block_number, 'full' AS status
        FROM batch.raffle_full
        UNION ALL
        SELECT chain_id, contract, raffle_id, position, block_number, 'drawn'
        FROM batch.winner_selected
        UNION ALL
        SELECT chain_id, contract, raffle_id, position, block_number, 'cancelled'
        FROM batch.raffle_cancelled
    ) AS step
    INNER JOIN contract
        ON contract.chain_id = step.chain_id AND contract.address = step.contract
    GROUP BY contract.deployment, step.raffle_id
) AS life
WHERE box_raffle.deployment = life.deployment AND box_raffle.raffle_id = life.raffle_id;
