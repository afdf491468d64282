-- What happened, in the order of the commits; each write appends in its own transaction.
CREATE TABLE changes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    event TEXT NOT NULL,
    timestamp TEXT NOT NULL,
    phone TEXT,
    data TEXT NOT NULL
) STRICT;

-- Finds what tells of a contact, when that is erased.
CREATE INDEX changes_by_phone ON changes (phone);

-- The last change that retention has removed.
INSERT INTO counters (name, value) VALUES ('changes_removed', 0);
