-- Who emits what: the followed contracts, as they were last announced.

-- Who was late before this batch is no more, where it says that they joined.
UPDATE contract
SET late = FALSE
FROM batch.contracts_backfilled AS fact
WHERE fact.joined AND contract.chain_id = fact.chain_id AND contract.late;

INSERT INTO contract (chain_id, address, deployment, kind, block_number, late)
SELECT DISTINCT ON (discovered.chain_id, discovered.address)
    discovered.chain_id,
    discovered.address,
    discovered.deployment,
    discovered.kind,
    discovered.block,
    discovered.late AND NOT EXISTS (
        SELECT FROM batch.contracts_backfilled AS fact
        WHERE
            fact.joined
            AND fact.chain_id = discovered.chain_id
            AND fact.position > discovered.position
    )
FROM batch.contract_discovered AS discovered
ORDER BY discovered.chain_id, discovered.address, discovered.position DESC
ON CONFLICT (chain_id, address) DO UPDATE
SET
    deployment = excluded.deployment,
    kind = excluded.kind,
    block_number = excluded.block_number,
    late = excluded.late;
