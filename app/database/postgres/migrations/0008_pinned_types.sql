-- Fields can be pinned to dates too.
ALTER TABLE custom_fields
    DROP CONSTRAINT custom_fields_required_type_check,
    ADD CONSTRAINT custom_fields_required_type_check
    CHECK (required_type IN ('string', 'number', 'boolean', 'date', 'datetime'));
