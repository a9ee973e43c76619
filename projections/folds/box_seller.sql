-- What a seller's raffles in a deployment sold, in wei, those of cancelled ones included.

INSERT INTO box_seller AS selling (
    seller, deployment, raffles, cancelled, boxes_sold, proceeds_wei
)
SELECT
    box_raffle.seller,
    box_raffle.deployment,
    sum(fact.raffles),
    sum(fact.cancelled),
    sum(fact.boxes_sold),
    sum(fact.proceeds_wei)
FROM (
    SELECT chain_id, contract, raffle_id,
        1 AS raffles, 0 AS cancelled, 0 AS boxes_sold, 0 AS proceeds_wei
    FROM batch.raffle_created
    UNION ALL
    SELECT chain_id, contract, raffle_id, 0, 1, 0, 0
    FROM batch.raffle_cancelled
    UNION ALL
    SELECT chain_id, contract, raffle_id, 0, 0, 1, price
    FROM batch.box_purchased
) AS fact
INNER JOIN contract
    ON contract.chain_id = fact.chain_id AND contract.address = fact.contract
INNER JOIN box_raffle
    ON
        box_raffle.deployment = contract.deployment
        AND box_raffle.raffle_id = fact.raffle_id
GROUP BY box_raffle.seller, box_raffle.deployment
ON CONFLICT (seller, deployment) DO UPDATE
SET
    raffles = selling.raffles + excluded.raffles,
    cancelled = selling.cancelled + excluded.cancelled,
    boxes_sold = selling.boxes_sold + excluded.boxes_sold,
    proceeds_wei = selling.proceeds_wei + excluded.proceeds_wei;
