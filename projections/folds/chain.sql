-- What of each chain the generation reflects. It follows every indexed range, empty ones too.

INSERT INTO chain (chain_id, name)
SELECT
    opened.chain_id,
    opened.name
FROM batch.chain_opened AS opened;

-- A range above a later fork does not count. The fork itself needs no entry: it is the last range
-- that is left, in this batch or in the state before it, to which a reorganisation goes back.
-- What was once called final stays final.
UPDATE chain
SET
    block_number = coalesce(newest.last, chain.block_number),
    block_hash = coalesce(newest.last_hash, chain.block_hash),
    block_time = coalesce(newest.last_time, chain.block_time),
    finalized = greatest(chain.finalized, known.finalized)
FROM (
    SELECT
        indexed.chain_id,
        max(indexed.finalized) AS finalized,
        max(indexed.position) FILTER (WHERE orphaned.chain_id IS NULL) AS last_position
    FROM batch.range_indexed AS indexed
    LEFT JOIN LATERAL (
        SELECT fact.chain_id
        FROM batch.blocks_orphaned AS fact
        WHERE
            fact.chain_id = indexed.chain_id
            AND fact.position > indexed.position
            AND fact.fork_number < indexed.last
        LIMIT 1
    ) AS orphaned ON TRUE
    GROUP BY indexed.chain_id
) AS known
LEFT JOIN batch.range_indexed AS newest ON newest.position = known.last_position
WHERE chain.chain_id = known.chain_id;

-- How far late contracts are. Where they joined, or a later fork reaches below, that is no more.
UPDATE chain
SET late_block_number = CASE WHEN NOT newest.joined THEN least(newest.last, fork.number) END
FROM (
    SELECT chain_id, max(position) AS last_position
    FROM batch.contracts_backfilled
    GROUP BY chain_id
) AS known
INNER JOIN batch.contracts_backfilled AS newest ON newest.position = known.last_position
LEFT JOIN LATERAL (
    SELECT min(fact.fork_number) AS number
    FROM batch.blocks_orphaned AS fact
    WHERE fact.chain_id = newest.chain_id AND fact.position > newest.position
) AS fork ON TRUE
WHERE chain.chain_id = known.chain_id;
