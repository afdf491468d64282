-- A call of `take` costs half as much.
ALTER TABLE limits ALTER COLUMN counts TYPE smallint[] USING counts::smallint[];
ALTER TABLE limits ADD COLUMN oldest bigint NOT NULL DEFAULT 0;

-- `oldest` is the first tenth that has a request: it only moves forward, so that a call costs the
-- same for every limit. `counts` is a variable of its own: within a row each change would copy it.
CREATE OR REPLACE FUNCTION take(
    asked text, most bigint, counted boolean,
    OUT allowed boolean, OUT used bigint, OUT seconds double precision
) LANGUAGE plpgsql AS $$
DECLARE
    ring_slot bigint;
    ring_oldest bigint;
    ring smallint[];
    present bigint;
BEGIN
    SELECT slot, oldest, counts, total INTO ring_slot, ring_oldest, ring, used
    FROM limits WHERE key = asked FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO limits (key, slot, counts, total)
        VALUES (asked, 0, array_fill(0::smallint, ARRAY[601]), 0)
        ON CONFLICT DO NOTHING;
        SELECT slot, oldest, counts, total INTO ring_slot, ring_oldest, ring, used
        FROM limits WHERE key = asked FOR UPDATE;
    END IF;
    -- Not before the lock. A clock that was set back stands still.
    present := greatest(ring_slot, floor(extract(epoch FROM clock_timestamp()) * 10)::bigint);
    IF present - ring_slot > 600 THEN
        ring := array_fill(0::smallint, ARRAY[601]);
        used := 0;
    ELSE
        WHILE ring_slot < present LOOP
            ring_slot := ring_slot + 1;
            IF ring[ring_slot % 601 + 1] != 0 THEN
                used := used - ring[ring_slot % 601 + 1];
                ring[ring_slot % 601 + 1] := 0;
            END IF;
        END LOOP;
    END IF;
    allowed := used < most;
    IF allowed AND counted THEN
        used := used + 1;
        ring[present % 601 + 1] := ring[present % 601 + 1] + 1;
    END IF;
    ring_oldest := greatest(ring_oldest, present - 600);
    WHILE ring_oldest < present AND ring[ring_oldest % 601 + 1] = 0 LOOP
        ring_oldest := ring_oldest + 1;
    END LOOP;
    IF allowed AND counted THEN
        UPDATE limits
        SET slot = present, oldest = ring_oldest, counts = ring, total = used
        WHERE key = asked;
    END IF;
    seconds := (ring_oldest + 601) / 10.0 - extract(epoch FROM clock_timestamp());
END $$;
