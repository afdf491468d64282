-- What contacts are sorted by and searched in: text without case and accents, made by database/text.py.
ALTER TABLE contacts ADD COLUMN first_name_key TEXT;

ALTER TABLE contacts ADD COLUMN last_name_key TEXT;

ALTER TABLE contacts ADD COLUMN email_key TEXT;

-- The words of the names and the e-mail, each with a space in front.
ALTER TABLE contacts ADD COLUMN words TEXT NOT NULL DEFAULT '';

-- What finds a contact by the beginning of a word.
CREATE TABLE contact_words (
    word TEXT NOT NULL,
    contact_id INTEGER NOT NULL,
    PRIMARY KEY (word, contact_id)
) STRICT, WITHOUT ROWID;

UPDATE contacts
SET first_name_key = fold(json_extract(document, '$.first_name')),
    last_name_key = fold(json_extract(document, '$.last_name')),
    email_key = fold(json_extract(document, '$.email')),
    words = words(
        json_extract(document, '$.first_name'),
        json_extract(document, '$.last_name'),
        json_extract(document, '$.email')
    );

-- A word has neither quotes nor backslashes.
INSERT INTO contact_words (word, contact_id)
SELECT word.value, contacts.id
FROM contacts, json_each('["' || replace(ltrim(words), ' ', '","') || '"]') AS word
WHERE words != '';

CREATE INDEX contacts_by_first_name ON contacts (first_name_key);

CREATE INDEX contacts_by_last_name ON contacts (last_name_key);

CREATE INDEX contacts_by_email ON contacts (email_key);

CREATE INDEX contacts_by_created_at ON contacts (created_at);

CREATE INDEX contacts_by_updated_at ON contacts (updated_at);
