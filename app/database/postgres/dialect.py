"""Translates the SQL of features, which is written for SQLite, into PostgreSQL's."""

import re
from functools import lru_cache

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
