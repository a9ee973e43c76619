-- What everybody holds of SOF and raffle tokens: what came in, less what went out. Minting comes
-- from the zero address and burning goes to it; nobody holds what is there.

INSERT INTO balance AS held (holder, chain_id, token, amount)
SELECT
    moved.holder,
    moved.chain_id,
    moved.token,
    sum(moved.amount)
FROM (
    SELECT chain_id, contract AS token, to_address AS holder, value AS amount
    FROM batch.sof_transfer
    UNION ALL
    SELECT chain_id, contract, from_address, -value
    FROM batch.sof_transfer
    UNION ALL
    SELECT chain_id, contract, to_address, value
    FROM batch.raffle_token_transfer
    UNION ALL
    SELECT chain_id, contract, from_address, -value
    FROM batch.raffle_token_transfer
) AS moved
WHERE moved.holder <> '0x0000000000000000000000000000000000000000'
GROUP BY moved.holder, moved.chain_id, moved.token
ON CONFLICT (holder, chain_id, token) DO UPDATE
SET amount = held.amount + excluded.amount;
