-- The winning boxes of a raffle, in the order in which they were drawn.

INSERT INTO box_winner (
    raffle_key, block_number, log_index, box_number, player, block_time, tx_hash
)
SELECT
    box_raffle.raffle_key,
    selected.block_number,
    selected.log_index,
    selected.box_number,
    selected.winner,
    selected.block_time,
    selected.tx_hash
FROM batch.winner_selected AS selected
INNER JOIN contract
    ON contract.chain_id = selected.chain_id AND contract.address = selected.contract
-- A winner of no raffle would leave the key empty, and PostgreSQL refuse the row.
LEFT JOIN box_raffle
    ON
        box_raffle.deployment = contract.deployment
        AND box_raffle.raffle_id = selected.raffle_id;
