-- How many blocks were shown complete by what; those that were orphaned do not count.

INSERT INTO proof AS shown (chain_id, proof, blocks, late_blocks)
SELECT
    fact.chain_id,
    fact.proof,
    coalesce(sum(counted.blocks) FILTER (WHERE NOT fact.is_late), 0),
    coalesce(sum(counted.blocks) FILTER (WHERE fact.is_late), 0)
FROM (
    SELECT chain_id, position, proof, first, last, FALSE AS is_late FROM batch.range_indexed
    UNION ALL
    SELECT chain_id, position, proof, first, last, TRUE FROM batch.contracts_backfilled
) AS fact
CROSS JOIN LATERAL (
    SELECT greatest(least(fact.last, min(orphaned.fork_number)) - fact.first + 1, 0) AS blocks
    FROM batch.blocks_orphaned AS orphaned
    WHERE orphaned.chain_id = fact.chain_id AND orphaned.position > fact.position
) AS counted
GROUP BY fact.chain_id, fact.proof
ON CONFLICT (chain_id, proof) DO UPDATE
SET
    blocks = shown.blocks + excluded.blocks,
    late_blocks = shown.late_blocks + excluded.late_blocks;
