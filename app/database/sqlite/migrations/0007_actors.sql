-- The id of the API key that made a change; NULL for a command, and for changes before this version.
ALTER TABLE changes ADD COLUMN actor TEXT;
ALTER TABLE tag_sweeps ADD COLUMN actor TEXT;
ALTER TABLE custom_field_sweeps ADD COLUMN actor TEXT;

-- JSON arrays: only changes of these fields, none made by these keys; NULL for no such rule.
ALTER TABLE webhooks ADD COLUMN fields TEXT;
ALTER TABLE webhooks ADD COLUMN exclude_actor TEXT;

-- Finds what to send again after an outage.
CREATE INDEX deliveries_dead ON deliveries (webhook_id, finished_at) WHERE state = 'dead';
