-- Saved filters and who matches them; one without a name is deleted, and its rows are being removed.
CREATE TABLE segments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT UNIQUE,
    filter TEXT NOT NULL,
    contacts INTEGER NOT NULL DEFAULT 0,
    -- While it is built: the row id of the last contact that was tested. NULL: all were.
    position INTEGER,
    -- Whether contacts that the build moves get events.
    notify INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;

CREATE TABLE segment_members (
    segment_id INTEGER NOT NULL,
    contact_id INTEGER NOT NULL,
    PRIMARY KEY (segment_id, contact_id)
) STRICT, WITHOUT ROWID;

-- When a filter with relative dates can next have another result for a contact, in Unix seconds.
CREATE TABLE segment_moments (
    segment_id INTEGER NOT NULL,
    contact_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (segment_id, contact_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX segment_moments_by_time ON segment_moments (at);

-- Another number with each change of the segments, by which processes see that they must read them.
INSERT INTO counters (name, value) VALUES ('segments_version', 0);
