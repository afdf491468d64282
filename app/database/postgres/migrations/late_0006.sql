-- What 0006_initial.sql got only after databases of the schemas 6 and 7 had been made: they lack it
-- up to schema 10, and 0011 needs it. It changes nothing where 0006 has made it.
DO $$
BEGIN
    IF to_regclass('leases') IS NULL THEN
        DROP INDEX changes_by_phone;
        CREATE INDEX changes_by_phone ON changes (phone, seq);
    END IF;
END $$;

CREATE TABLE IF NOT EXISTS leases (
    name text COLLATE "C" PRIMARY KEY,
    holder text NOT NULL,
    until timestamptz NOT NULL
) WITH (fillfactor = 50);

-- The function `take`, which uses it, is made anew by 0011.
CREATE UNLOGGED TABLE IF NOT EXISTS limits (
    key text COLLATE "C" PRIMARY KEY,
    slot bigint NOT NULL,
    counts int[] NOT NULL,
    total bigint NOT NULL
) WITH (fillfactor = 50);
