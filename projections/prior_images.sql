-- What keeps the prior images of one read model: a table beside it, and triggers that fill it.
--
-- Every row that a unit touches leaves an entry: as it was, or, where it did not exist, its key
-- with `present` false. Of several entries of one key the earliest is the state before them all.
-- A transaction that sets daybook.unit to nothing leaves none.

CREATE TABLE {prior} (
    unit bigint NOT NULL,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    present boolean NOT NULL,
    LIKE {table}
);

CREATE INDEX ON {prior} (unit);

CREATE FUNCTION {inserted}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO {schema}.{prior} (unit, present, {columns})
    SELECT current_setting('daybook.unit')::bigint, FALSE, {columns} FROM rows_after;
    RETURN NULL;
END
$$;

CREATE FUNCTION {changed}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO {schema}.{prior} (unit, present, {columns})
    SELECT current_setting('daybook.unit')::bigint, TRUE, {columns} FROM rows_before;
    RETURN NULL;
END
$$;

CREATE TRIGGER keep_inserted AFTER INSERT ON {table}
REFERENCING NEW TABLE AS rows_after
FOR EACH STATEMENT WHEN (current_setting('daybook.unit', TRUE) <> '')
EXECUTE FUNCTION {inserted}();

CREATE TRIGGER keep_updated AFTER UPDATE ON {table}
REFERENCING OLD TABLE AS rows_before
FOR EACH STATEMENT WHEN (current_setting('daybook.unit', TRUE) <> '')
EXECUTE FUNCTION {changed}();

CREATE TRIGGER keep_deleted AFTER DELETE ON {table}
REFERENCING OLD TABLE AS rows_before
FOR EACH STATEMENT WHEN (current_setting('daybook.unit', TRUE) <> '')
EXECUTE FUNCTION {changed}();

-- An update that moved a row to another key would leave no entry of its new one.
CREATE TRIGGER keep_key BEFORE UPDATE OF {key} ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION {schema}.refuse_key_update();
