"""Finds and repairs what is kept beside the contacts: counters, and what finds contacts.

The documents of contacts are the truth. Queries walk through one side and look up the other by
its key, so that they need no room, however large the store is.
"""

from collections.abc import Iterator

from app.database.files import Driver

_COLUMNS = """
    first_name_key = fold(json_extract(document, '$.first_name')),
    last_name_key = fold(json_extract(document, '$.last_name')),
    email_key = fold(json_extract(document, '$.email')),
    words = words(
        json_extract(document, '$.first_name'),
        json_extract(document, '$.last_name'),
        json_extract(document, '$.email')
    )
"""
_WRONG_COLUMNS = """
    FROM contacts
    WHERE first_name_key IS NOT fold(json_extract(document, '$.first_name'))
        OR last_name_key IS NOT fold(json_extract(document, '$.last_name'))
        OR email_key IS NOT fold(json_extract(document, '$.email'))
        OR words IS NOT words(
            json_extract(document, '$.first_name'),
            json_extract(document, '$.last_name'),
            json_extract(document, '$.email')
        )
"""
# A word has neither quotes nor backslashes.
_WORDS_MISSING = """
    SELECT word.value AS word, contacts.id AS contact_id
    FROM contacts, json_each('["' || replace(ltrim(words), ' ', '","') || '"]') AS word
    WHERE words != ''
        AND NOT EXISTS (
            SELECT 1
            FROM contact_words
            WHERE contact_words.word = word.value AND contact_id = contacts.id
        )
"""
_WORDS_LEFT = """
    SELECT word, contact_id
    FROM contact_words
    LEFT JOIN contacts ON contacts.id = contact_id
    WHERE contacts.id IS NULL OR NOT instr(words || ' ', ' ' || word || ' ')
"""
_TAGS_MISSING = """
    SELECT tag.value AS name, contacts.id AS contact_id
    FROM contacts, json_each(document, '$.tags') AS tag
    WHERE NOT EXISTS (
        SELECT 1
        FROM tags
        JOIN contact_tags ON tag_id = tags.id
        WHERE name = tag.value AND contact_id = contacts.id
    )
"""
_TAGS_LEFT = """
    SELECT tag_id, contact_id
    FROM contact_tags
    LEFT JOIN tags ON tags.id = tag_id
    LEFT JOIN contacts ON contacts.id = contact_id
    WHERE contacts.id IS NULL
        OR name IS NULL
        OR name NOT IN (SELECT value FROM json_each(document, '$.tags'))
"""
_TYPE = """
    CASE WHEN given.type IN ('true', 'false') THEN 'boolean'
        WHEN given.type = 'text' THEN 'string'
        ELSE 'number' END
"""
_VALUES_MISSING = f"""
    SELECT given.key AS key, {_TYPE} AS type, given.value AS value, contacts.id AS contact_id
    FROM contacts, json_each(contacts.custom_fields) AS given
    WHERE NOT EXISTS (
        SELECT 1
        FROM custom_fields
        JOIN custom_field_values AS kept ON kept.field_id = custom_fields.id
        WHERE custom_fields.key = given.key
            AND kept.type = {_TYPE}
            AND kept.value = given.value
            AND kept.contact_id = contacts.id
    )
"""
_VALUES_LEFT = f"""
    SELECT field_id, kept.type, kept.value, contact_id
    FROM custom_field_values AS kept
    LEFT JOIN custom_fields ON custom_fields.id = field_id
    LEFT JOIN contacts ON contacts.id = contact_id
    WHERE contacts.id IS NULL
        OR custom_fields.key IS NULL
        OR NOT EXISTS (
            SELECT 1
            FROM json_each(contacts.custom_fields) AS given
            WHERE given.key = custom_fields.key
                AND {_TYPE} = kept.type
                AND given.value = kept.value
        )
"""
_ALIASES_LEFT = """
    SELECT phone
    FROM aliases
    WHERE contact_id NOT IN (SELECT id FROM contacts)
        OR phone IN (SELECT phone FROM contacts)
"""
_TAG_COUNT = "(SELECT count(*) FROM contact_tags WHERE tag_id = tags.id)"
_EMPTY_TAGS = f"SELECT id FROM tags WHERE {_TAG_COUNT} = 0"
_EMPTY_FIELDS = """
    SELECT id
    FROM custom_fields
    WHERE NOT EXISTS (SELECT 1 FROM custom_field_values WHERE field_id = custom_fields.id)
        AND coalesce(label, required_type) IS NULL
"""
_TYPE_COUNTS = {
    column: f"""(
        SELECT count(*)
        FROM custom_field_values
        WHERE field_id = custom_fields.id AND type = '{column.removesuffix("s")}'
    )"""
    for column in ("strings", "numbers", "booleans")
}
_COUNTED = ("contacts", "tags", "custom_fields")

_DOCUMENTS = {
    "contacts that cannot be read": """
        SELECT id
        FROM contacts
        WHERE CASE WHEN json_valid(document) AND json_valid(custom_fields)
            THEN json_extract(document, '$.phone') IS NOT phone
                OR json_extract(document, '$.created_at') IS NOT created_at
            ELSE 1 END
    """,
}
# What each kind of fault is called, and what gives its rows.
_COUNTERS = {
    "counters": " UNION ALL ".join(
        f"SELECT '{name}' WHERE (SELECT value FROM counters WHERE name = '{name}') "
        f"IS NOT (SELECT count(*) FROM {name})"
        for name in _COUNTED
    ),
    "counts of tags": f"SELECT id FROM tags WHERE contacts != {_TAG_COUNT}",
    "counts of custom fields": "SELECT id FROM custom_fields WHERE "
    + " OR ".join(f"{column} != {real}" for column, real in _TYPE_COUNTS.items()),
}
_LINKS = {
    "contacts with wrong sort keys or words": f"SELECT id {_WRONG_COLUMNS}",
    "words that find no contact": _WORDS_MISSING,
    "tags that find no contact": _TAGS_MISSING,
    "custom fields that find no contact": _VALUES_MISSING,
    "tags of no contact": _EMPTY_TAGS,
    "custom fields of no contact": _EMPTY_FIELDS,
    "aliases left over": _ALIASES_LEFT,
}
# The same, with how many links there should be, and are: a search for the others takes long.
_LEFT = {
    "words left over": (
        _WORDS_LEFT,
        "SELECT sum(length(words) - length(replace(words, ' ', ''))) FROM contacts",
        "SELECT count(*) FROM contact_words",
    ),
    "tags left over": (
        _TAGS_LEFT,
        "SELECT sum(json_array_length(document, '$.tags')) FROM contacts",
        "SELECT count(*) FROM contact_tags",
    ),
    "custom fields left over": (
        _VALUES_LEFT,
        "SELECT count(*) FROM contacts, json_each(contacts.custom_fields)",
        "SELECT count(*) FROM custom_field_values",
    ),
}


def document_faults(driver: Driver) -> list[str]:
    """Return how many documents, the truth of all the rest, are none or another contact's."""
    return list(_found(driver, _DOCUMENTS))


def counter_faults(driver: Driver) -> list[str]:
    """Return, for each kind of count that is wrong, how many are."""
    return list(_found(driver, _COUNTERS))


def link_faults(driver: Driver) -> list[str]:
    """Return what differs from the documents of contacts; needs `fold` and `words`."""
    faults = list(_found(driver, _LINKS))
    for name, (query, wanted, there) in _LEFT.items():
        # Where none is missing, and there are as many as there should be, none is left over.
        if faults or _number(driver, wanted) != _number(driver, there):
            faults += _found(driver, {name: query})
    return faults


def _found(driver: Driver, queries: dict[str, str]) -> Iterator[str]:
    for name, query in queries.items():
        found = _number(driver, f"SELECT count(*) FROM ({query})")
        if found:
            yield f"{found} {name}"


def _number(driver: Driver, query: str) -> int:
    [(number,)] = driver.execute(query).fetchall()
    return number or 0


_REPAIR_COUNTS = (
    f"UPDATE tags SET contacts = {_TAG_COUNT} WHERE contacts != {_TAG_COUNT}",
    *(
        f"UPDATE custom_fields SET {column} = {real} WHERE {column} != {real}"
        for column, real in _TYPE_COUNTS.items()
    ),
)
_REPAIR_LINKS = (
    f"UPDATE contacts SET {_COLUMNS} WHERE id IN (SELECT id {_WRONG_COLUMNS})",
    f"DELETE FROM contact_words WHERE (word, contact_id) IN ({_WORDS_LEFT})",
    f"INSERT INTO contact_words (word, contact_id) {_WORDS_MISSING}",
    f"DELETE FROM contact_tags WHERE (tag_id, contact_id) IN ({_TAGS_LEFT})",
    f"INSERT OR IGNORE INTO tags (name) SELECT DISTINCT name FROM ({_TAGS_MISSING})",
    f"""
    INSERT INTO contact_tags (tag_id, contact_id)
    SELECT tags.id, contact_id
    FROM ({_TAGS_MISSING}) AS missing JOIN tags ON tags.name = missing.name
    """,
    f"DELETE FROM tags WHERE id IN ({_EMPTY_TAGS})",
    f"""
    DELETE FROM custom_field_values
    WHERE (field_id, type, value, contact_id) IN ({_VALUES_LEFT})
    """,
    f"INSERT OR IGNORE INTO custom_fields (key) SELECT DISTINCT key FROM ({_VALUES_MISSING})",
    f"""
    INSERT INTO custom_field_values (field_id, type, value, contact_id)
    SELECT custom_fields.id, missing.type, missing.value, contact_id
    FROM ({_VALUES_MISSING}) AS missing JOIN custom_fields ON custom_fields.key = missing.key
    """,
    f"DELETE FROM custom_fields WHERE id IN ({_EMPTY_FIELDS})",
    f"DELETE FROM aliases WHERE phone IN ({_ALIASES_LEFT})",
)
_REPAIR_COUNTERS = tuple(
    f"""
    INSERT INTO counters (name, value) VALUES ('{name}', (SELECT count(*) FROM {name}))
    ON CONFLICT (name) DO UPDATE SET value = excluded.value
    """
    for name in _COUNTED
)

# Each makes right what it finds wrong at its time, so that others may write in between. Counts
# come first: triggers remove a tag or field as its count comes to nothing.
REPAIRS = (*_REPAIR_COUNTS, *_REPAIR_LINKS, *_REPAIR_COUNTS, *_REPAIR_COUNTERS)
COUNT_REPAIRS = (*_REPAIR_COUNTS, *_REPAIR_COUNTERS)
