-- The log: one table, which nothing updates or deletes, and who may do what with it.
-- Run once a database, by the owner; every statement may be run again.

CREATE SCHEMA IF NOT EXISTS log;

-- Facts of the chains' own streams that are few and looked up by name.
CREATE INDEX IF NOT EXISTS stored_event_rare_facts
    ON log.stored_event (originator_id, originator_version)
    WHERE topic IN ('ChainOpened/1', 'ContractDiscovered/1', 'BlocksOrphaned/1');

-- Where a stretch of the log may end, in its order: what is posted is cut there.
CREATE INDEX IF NOT EXISTS stored_event_marks
    ON log.stored_event (notification_id)
    WHERE topic IN ('RangeIndexed/1', 'ContractsBackfilled/1', 'BlocksOrphaned/1');

-- How far contracts that came late are back-filled.
CREATE INDEX IF NOT EXISTS stored_event_contracts_backfilled
    ON log.stored_event (originator_id, originator_version)
    WHERE topic = 'ContractsBackfilled/1';

CREATE OR REPLACE FUNCTION log.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the log is append-only: % on log.stored_event is refused', TG_OP
        USING ERRCODE = 'restrict_violation',
              HINT = 'An orphaned block is recorded by a BlocksOrphaned fact, never removed.';
END
$$;

CREATE OR REPLACE TRIGGER append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON log.stored_event
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();

-- Fires for replication sessions and their like too.
ALTER TABLE log.stored_event ENABLE ALWAYS TRIGGER append_only;

-- Blocks that a chain left. `attempt` counts how often that very block had been left before.
CREATE OR REPLACE VIEW log.orphaned_block AS
SELECT
    fact.notification_id AS position,
    (fact.state -> 'chain_id')::bigint AS chain_id,
    block.number,
    block.hash,
    block.attempt
FROM
    log.stored_event AS fact,
    jsonb_to_recordset(fact.state -> 'blocks') AS block (number bigint, hash text, attempt bigint)
WHERE
    fact.topic = 'BlocksOrphaned/1';
