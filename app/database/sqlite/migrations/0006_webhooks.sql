-- Who is told of changes; a deleted one stays until its deliveries are removed.
CREATE TABLE webhooks (
    id TEXT PRIMARY KEY,
    url TEXT NOT NULL,
    label TEXT NOT NULL,
    events TEXT,
    status TEXT NOT NULL CHECK (status IN ('active', 'failing', 'disabled', 'deleted')),
    secret TEXT NOT NULL,
    previous_secret TEXT,
    previous_until TEXT,
    -- The last change that is queued for it, or that it does not want.
    position INTEGER NOT NULL,
    -- Deliveries that died since the last success.
    deaths INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;

-- What is to be sent and what became of it. Those of a line (the phone of a contact) go one
-- after the other: only the first of them has a time at which it is due.
CREATE TABLE deliveries (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    webhook_id TEXT NOT NULL,
    seq INTEGER,
    event TEXT NOT NULL,
    line TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'dead')),
    due REAL,
    attempt INTEGER NOT NULL DEFAULT 0,
    attempted_at TEXT,
    status INTEGER,
    error TEXT,
    answer TEXT,
    duration_ms INTEGER,
    created_at TEXT NOT NULL,
    finished_at TEXT
) STRICT;

CREATE INDEX deliveries_by_webhook ON deliveries (webhook_id);
CREATE INDEX deliveries_by_state ON deliveries (webhook_id, state);
CREATE INDEX deliveries_due ON deliveries (webhook_id, due) WHERE due IS NOT NULL;
CREATE INDEX deliveries_in_line ON deliveries (webhook_id, line, due)
    WHERE state = 'pending';
CREATE INDEX deliveries_by_seq ON deliveries (seq);
CREATE INDEX deliveries_finished ON deliveries (finished_at) WHERE finished_at IS NOT NULL;

-- What a receiver answered may tell of a contact: it goes when what it was told goes.
CREATE TRIGGER changes_erased AFTER UPDATE OF data ON changes BEGIN
    UPDATE deliveries SET answer = NULL WHERE seq = NEW.seq;
END;
CREATE TRIGGER changes_removed AFTER DELETE ON changes BEGIN
    UPDATE deliveries SET answer = NULL WHERE seq = OLD.seq;
END;
CREATE TRIGGER changes_moved AFTER UPDATE OF phone ON changes BEGIN
    UPDATE deliveries SET line = NEW.phone WHERE seq = NEW.seq;
END;
