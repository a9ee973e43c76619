-- What players did in a raffle: boxes bought, what they paid for them in wei, and boxes that won.

INSERT INTO box_participant AS taking (
    raffle_key, player, boxes, spent_wei, block_number, log_index, block_time
)
SELECT
    touched.raffle_key,
    touched.player,
    touched.boxes,
    touched.spent_wei,
    newest.block_number,
    newest.log_index,
    newest.block_time
FROM (
    SELECT
        box_raffle.raffle_key,
        purchased.buyer AS player,
        max(purchased.position) AS last_position,
        count(*) AS boxes,
        sum(purchased.price) AS spent_wei
    FROM batch.box_purchased AS purchased
    INNER JOIN contract
        ON contract.chain_id = purchased.chain_id AND contract.address = purchased.contract
    INNER JOIN box_raffle
        ON
            box_raffle.deployment = contract.deployment
            AND box_raffle.raffle_id = purchased.raffle_id
    GROUP BY box_raffle.raffle_key, purchased.buyer
) AS touched
INNER JOIN batch.box_purchased AS newest ON newest.position = touched.last_position
ON CONFLICT (raffle_key, player) DO UPDATE
SET
    boxes = taking.boxes + excluded.boxes,
    spent_wei = taking.spent_wei + excluded.spent_wei,
    block_number = excluded.block_number,
    log_index = excluded.log_index,
    block_time = excluded.block_time;

INSERT INTO box_participant AS taking (raffle_key, player, won)
SELECT
    box_raffle.raffle_key,
    selected.winner,
    count(*)
FROM batch.winner_selected AS selected
INNER JOIN contract
    ON contract.chain_id = selected.chain_id AND contract.address = selected.contract
INNER JOIN box_raffle
    ON
        box_raffle.deployment = contract.deployment
        AND box_raffle.raffle_id = selected.raffle_id
GROUP BY box_raffle.raffle_key, selected.winner
ON CONFLICT (raffle_key, player) DO UPDATE
SET won = taking.won + excluded.won;
