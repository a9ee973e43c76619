-- The grid of a box raffle: every sold box. One that is sold again is its last buyer's.

INSERT INTO box (
    raffle_key, box_number, player, price_wei, block_number, log_index, block_time, tx_hash
)
SELECT DISTINCT ON (box_raffle.raffle_key, purchased.box_number)
    box_raffle.raffle_key,
    purchased.box_number,
    purchased.buyer,
    purchased.price,
    purchased.block_number,
    purchased.log_index,
    purchased.block_time,
    purchased.tx_hash
FROM batch.box_purchased AS purchased
INNER JOIN contract
    ON contract.chain_id = purchased.chain_id AND contract.address = purchased.contract
-- A box of no raffle would leave the key empty, and PostgreSQL refuse the row.
LEFT JOIN box_raffle
    ON
        box_raffle.deployment = contract.deployment
        AND box_raffle.raffle_id = purchased.raffle_id
ORDER BY box_raffle.raffle_key, purchased.box_number, purchased.position DESC
ON CONFLICT (raffle_key, box_number) DO UPDATE
SET
    player = excluded.player,
    price_wei = excluded.price_wei,
    block_number = excluded.block_number,
    log_index = excluded.log_index,
    block_time = excluded.block_time,
    tx_hash = excluded.tx_hash;
