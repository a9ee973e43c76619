-- The raffle's list of participants, step by step: who joins comes last, and where one leaves, the
-- last takes that place.
--
-- Players are numbered from 1. A step is the number of who joins, or minus that of who leaves.
-- `places` has the place of each before, counted from 0; null for who has none. It may leave out
-- whom no step can reach: who stays, and stands in front of as many as there are leaves. `held`
-- is how long the list is before. Returns the place of each after the steps.
CREATE FUNCTION places_after(steps integer[], places integer[], held integer)
RETURNS integer[] LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
    leaves CONSTANT integer := (SELECT count(*) FROM unnest(steps) AS step WHERE step < 0);
    reach CONSTANT integer := held - leaves;
    -- Who stands at the places from `reach` on.
    occupants integer[] := array_fill(NULL::integer, ARRAY[cardinality(steps)], ARRAY[reach]);
    step integer;
    hole integer;
BEGIN
    FOR player IN 1 .. cardinality(places) LOOP
        IF places[player] >= reach THEN
            occupants[places[player]] := player;
        END IF;
    END LOOP;
    FOREACH step IN ARRAY steps LOOP
        IF step > 0 THEN
            places[step] := held;
            occupants[held] := step;
            held := held + 1;
            CONTINUE;
        END IF;
        held := held - 1;
        hole := places[-step];
        IF hole IS NULL THEN
            RAISE EXCEPTION 'a player leaves a list of participants without standing in it';
        END IF;
        places[occupants[held]] := hole;
        IF hole >= reach THEN
            occupants[hole] := occupants[held];
        END IF;
        places[-step] := NULL;
    END LOOP;
    RETURN places;
END
$$;
