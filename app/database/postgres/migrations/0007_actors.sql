ALTER TABLE changes ADD COLUMN actor text;
ALTER TABLE tag_sweeps ADD COLUMN actor text;
ALTER TABLE custom_field_sweeps ADD COLUMN actor text;

ALTER TABLE webhooks ADD COLUMN fields text;
ALTER TABLE webhooks ADD COLUMN exclude_actor text;

CREATE INDEX deliveries_dead ON deliveries (webhook_id, finished_at) WHERE state = 'dead';
