-- A list is a join of documents: each contact keeps its documented view as JSON, rendered when written.
CREATE TABLE contacts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    phone TEXT NOT NULL UNIQUE,
    document TEXT NOT NULL,
    custom_fields TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;

-- Narrow, so that a deep offset skips over ids and not over whole rows.
CREATE INDEX contacts_by_id ON contacts (id);

CREATE TABLE tags (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    contacts INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Clustered by tag. Without a foreign key to contacts, whose check would need a second index.
CREATE TABLE contact_tags (
    tag_id INTEGER NOT NULL REFERENCES tags (id),
    contact_id INTEGER NOT NULL,
    PRIMARY KEY (tag_id, contact_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE custom_fields (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    strings INTEGER NOT NULL DEFAULT 0,
    numbers INTEGER NOT NULL DEFAULT 0,
    booleans INTEGER NOT NULL DEFAULT 0
) STRICT;

-- What finds contacts by a field; the values that answers show are in contacts.custom_fields.
CREATE TABLE custom_field_values (
    field_id INTEGER NOT NULL REFERENCES custom_fields (id),
    type TEXT NOT NULL CHECK (type IN ('string', 'number', 'boolean')),
    value ANY NOT NULL,
    contact_id INTEGER NOT NULL,
    PRIMARY KEY (field_id, type, value, contact_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO counters (name, value) VALUES ('contacts', 0);

CREATE TRIGGER contact_inserted AFTER INSERT ON contacts BEGIN
    UPDATE counters SET value = value + 1 WHERE name = 'contacts';
END;

CREATE TRIGGER contact_deleted AFTER DELETE ON contacts BEGIN
    UPDATE counters SET value = value - 1 WHERE name = 'contacts';
END;

CREATE TRIGGER contact_tagged AFTER INSERT ON contact_tags BEGIN
    UPDATE tags SET contacts = contacts + 1 WHERE id = NEW.tag_id;
END;

-- A tag or field that no contact carries is gone: its name may be personal data.
CREATE TRIGGER contact_untagged AFTER DELETE ON contact_tags BEGIN
    UPDATE tags SET contacts = contacts - 1 WHERE id = OLD.tag_id;
    DELETE FROM tags WHERE id = OLD.tag_id AND contacts = 0;
END;

CREATE TRIGGER custom_field_set AFTER INSERT ON custom_field_values BEGIN
    UPDATE custom_fields
    SET strings = strings + (NEW.type = 'string'),
        numbers = numbers + (NEW.type = 'number'),
        booleans = booleans + (NEW.type = 'boolean')
    WHERE id = NEW.field_id;
END;

CREATE TRIGGER custom_field_unset AFTER DELETE ON custom_field_values BEGIN
    UPDATE custom_fields
    SET strings = strings - (OLD.type = 'string'),
        numbers = numbers - (OLD.type = 'number'),
        booleans = booleans - (OLD.type = 'boolean')
    WHERE id = OLD.field_id;
    DELETE FROM custom_fields WHERE id = OLD.field_id AND strings + numbers + booleans = 0;
END;

-- A key itself is never stored, only its SHA-256.
CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    label TEXT NOT NULL,
    scopes TEXT NOT NULL,
    rate_limit INTEGER,
    created_at TEXT NOT NULL,
    expires_at TEXT,
    revoked_at TEXT,
    last_used_at TEXT
) STRICT, WITHOUT ROWID;

-- One row that a readiness check rewrites, to see that a commit is possible.
CREATE TABLE readiness (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    checked_at REAL NOT NULL
) STRICT;

INSERT INTO readiness (id, checked_at) VALUES (1, 0);
