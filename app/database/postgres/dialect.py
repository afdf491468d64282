"""Translates the SQL of features, which is written for SQLite, into PostgreSQL's."""

import re
from functools import lru_cache

# What `json_each` of the migrations gives for one key, without a look at the others.
_ENTRY = r"""
    FROM (
        SELECT
            CASE json_typeof(given)
                WHEN 'number' THEN number_key((given #>> '{}')::double precision)
                WHEN 'boolean' THEN CASE given #>> '{}' WHEN 'true' THEN '1' ELSE '0' END
                ELSE given #>> '{}'
            END COLLATE "C" AS value,
            CASE json_typeof(given)
                WHEN 'string' THEN 'text'
                WHEN 'number' THEN 'real'
                ELSE given #>> '{}'
            END AS type
        FROM (SELECT contacts.custom_fields::json -> \1::text OFFSET 0) AS of_key (given)
        WHERE given IS NOT NULL
        OFFSET 0
    ) AS entry
    WHERE TRUE
"""

# In this order; what SQLite has and PostgreSQL has not as a function is in the migrations.
_RULES = (
    (r"INDEXED BY \w+", ""),
    (r"\bLIMIT -1\b", "LIMIT ALL"),
    (r"length\(CAST\((\w+) AS BLOB\)\)", r"octet_length(\1)"),
    (r"\bgroup_concat\((\w+)\)", r"string_agg(\1, ',')"),
    # A plain join could be hashed, and the page would be in any order.
    (
        r"CROSS JOIN contacts ON contacts\.id = (\w+\.\w+)",
        r"CROSS JOIN LATERAL (SELECT * FROM contacts WHERE contacts.id = \1 OFFSET 0) AS contacts",
    ),
    (r"CROSS JOIN (\w+) ON", r"JOIN \1 ON"),
    (r"json_each\((:\w+)\)", r"json_each(\1::text)"),
    (r"FROM json_each\(contacts\.custom_fields\) WHERE key = (:\w+)", _ENTRY),
    (
        r"json_each\(contacts\.document, '\$\.(\w+)'\)",
        r"json_array_elements_text(contacts.document::json -> '\1') AS each (value)",
    ),
    # Else all rows of a tag, segment or field could be read, to test each contact by their hash.
    (
        r"(\bcontact_id = (?:contacts\.id|scanned\.id|candidates\.contact_id))(\s*\))",
        r"\1 OFFSET 0\2",
    ),
    # A subquery could be looked up for each row of the whole table.
    (
        r"\bIN \((SELECT (?:value|CAST\(value AS BIGINT\)) FROM json_each\(:\w+::text\))\)",
        r"= ANY (ARRAY(\1))",
    ),
)
_LITERAL = re.compile(r"('(?:[^']|'')*')|(?<![:\w]):([a-z]\w*)|(\?)|(%)")


@lru_cache(maxsize=4_096)
def postgres_sql(sql: str) -> str:
    """Return PostgreSQL's text of a statement, with parameters as psycopg expects them."""
    for pattern, replacement in _RULES:
        sql = re.sub(pattern, replacement, sql)
    return _LITERAL.sub(_parameter, sql)


def _parameter(found: re.Match[str]) -> str:
    literal, name, mark, _ = found.groups()
    if literal:
        return literal.replace("%", "%%")
    if name:
        return f"%({name})s"
    return "%s" if mark else "%%"
