-- What is pinned of a custom field; NULL where nothing is.
ALTER TABLE custom_fields ADD COLUMN label TEXT;
ALTER TABLE custom_fields ADD COLUMN required_type TEXT
    CHECK (required_type IN ('string', 'number', 'boolean'));

DROP TRIGGER custom_field_unset;

-- A field that no contact carries is gone, unless something is pinned of it.
CREATE TRIGGER custom_field_unset AFTER DELETE ON custom_field_values BEGIN
    UPDATE custom_fields
    SET strings = strings - (OLD.type = 'string'),
        numbers = numbers - (OLD.type = 'number'),
        booleans = booleans - (OLD.type = 'boolean')
    WHERE id = OLD.field_id;
    DELETE FROM custom_fields
    WHERE id = OLD.field_id
        AND strings + numbers + booleans = 0
        AND label IS NULL
        AND required_type IS NULL;
END;

-- How many tags and fields there are, for lists of them.
INSERT INTO counters (name, value) SELECT 'tags', count(*) FROM tags;
INSERT INTO counters (name, value) SELECT 'custom_fields', count(*) FROM custom_fields;

CREATE TRIGGER tag_inserted AFTER INSERT ON tags BEGIN
    UPDATE counters SET value = value + 1 WHERE name = 'tags';
END;

CREATE TRIGGER tag_deleted AFTER DELETE ON tags BEGIN
    UPDATE counters SET value = value - 1 WHERE name = 'tags';
END;

CREATE TRIGGER custom_field_inserted AFTER INSERT ON custom_fields BEGIN
    UPDATE counters SET value = value + 1 WHERE name = 'custom_fields';
END;

CREATE TRIGGER custom_field_deleted AFTER DELETE ON custom_fields BEGIN
    UPDATE counters SET value = value - 1 WHERE name = 'custom_fields';
END;

-- A tag on its way out of all contacts that carried it when that was asked for, in batches by id:
-- those up to `position` are done, those after `last` came later. Without a new name it is deleted.
-- A row stays until that is told in the journal, be the tag itself gone before.
CREATE TABLE tag_sweeps (
    tag_id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    new_name TEXT,
    position INTEGER NOT NULL,
    last INTEGER NOT NULL
) STRICT;

-- The same for a custom field that is deleted; the values are done up to (type, value, contact_id).
CREATE TABLE custom_field_sweeps (
    field_id INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    last INTEGER NOT NULL,
    type TEXT NOT NULL,
    value ANY NOT NULL,
    contact_id INTEGER NOT NULL
) STRICT;
