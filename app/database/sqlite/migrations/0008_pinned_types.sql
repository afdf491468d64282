-- Fields can be pinned to dates too: a CHECK cannot be changed, so the column is made again.
DROP TRIGGER custom_field_unset;

ALTER TABLE custom_fields ADD COLUMN pinned_type TEXT
    CHECK (pinned_type IN ('string', 'number', 'boolean', 'date', 'datetime'));
UPDATE custom_fields SET pinned_type = required_type WHERE required_type IS NOT NULL;
ALTER TABLE custom_fields DROP COLUMN required_type;
ALTER TABLE custom_fields RENAME COLUMN pinned_type TO required_type;

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
