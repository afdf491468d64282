-- Numbers whose contact was merged into another one, which they go on to find.
CREATE TABLE aliases (
    phone TEXT PRIMARY KEY,
    contact_id INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX aliases_by_contact ON aliases (contact_id);
