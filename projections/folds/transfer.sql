-- Where transfers are in the log, by who sent and who received them.

INSERT INTO transfer (position, sender_key, recipient_key)
SELECT
    moved.position,
    CASE
        WHEN moved.from_address <> '0x0000000000000000000000000000000000000000'
            THEN hashtextextended(moved.from_address, hashtextextended(moved.contract, 0))
    END,
    CASE
        WHEN moved.to_address <> '0x0000000000000000000000000000000000000000'
            THEN hashtextextended(moved.to_address, hashtextextended(moved.contract, 0))
    END
FROM (
    SELECT position, contract, from_address, to_address
    FROM batch.sof_transfer
    UNION ALL
    SELECT position, contract, from_address, to_address
    FROM batch.raffle_token_transfer
) AS moved
-- Rows in the order of their key cost half of what they cost in another.
ORDER BY moved.position;
