-- Who emits what: the followed contracts, as they were last announced.

INSERT INTO contract (chain_id, address, deployment, kind, block_number)
SELECT DISTINCT ON (discovered.chain_id, discovered.address)
    discovered.chain_id,
    discovered.address,
    discovered.deployment,
    discovered.kind,
    discovered.block
FROM batch.contract_discovered AS discovered
ORDER BY discovered.chain_id, discovered.address, discovered.position DESC
ON CONFLICT (chain_id, address) DO UPDATE
SET
    deployment = excluded.deployment,
    kind = excluded.kind,
    block_number = excluded.block_number;
