-- What each part of daybook may do. Sessions take one of these roles; none of them can log in.

DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['daybook_indexer', 'daybook_projector', 'daybook_api'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL; -- another database of this server, or another process, made it
        END;
        IF NOT pg_has_role(current_user, wanted, 'MEMBER') THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', wanted);
        END IF;
    END LOOP;
END
$$;

GRANT USAGE ON SCHEMA log TO daybook_indexer, daybook_projector, daybook_api;
GRANT SELECT ON ALL TABLES IN SCHEMA log TO daybook_indexer, daybook_projector, daybook_api;
GRANT INSERT ON log.stored_event TO daybook_indexer;
