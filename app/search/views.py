"""The JSON of a contact as SQL, and the bound on the bytes of a page of contacts.

The table `contacts` stores the documented view ready to send, in `document`. `include` splices
more members in at its end, so no JSON is parsed.

Only a view with custom fields can be large: a `document` stays below 50 KB, a contact with custom
fields can have 3 MB. Every contact has an equal share of `MAX_PAGE_BYTES` at first. A page whose
contacts all fit their share fits as a whole, and is read by one statement.
"""

from app.errors import InvalidInput

MAX_PAGE_BYTES = 8 * 2**20
VIEW_BYTES = "length(CAST(document AS BLOB)) + length(CAST(custom_fields AS BLOB))"

_OPEN = "substr(document, 1, length(document) - 1)"
_FIELDS = """ || ',"custom_fields":' || custom_fields"""
_ALIASES = """ || ',"aliases":[' || coalesce((
    SELECT group_concat(quoted)
    FROM (
        SELECT '"' || phone || '"' AS quoted
        FROM aliases
        WHERE contact_id = contacts.id
        ORDER BY phone
    ) AS alias
), '') || ']'"""
_UPDATED = """ || ',"updated_at":"' || substr(updated_at, 1, 19) || 'Z"'"""


def view(include: frozenset[str]) -> str:
    """Return the expression for a row of `contacts`: the documented view with `include` added."""
    if not include:
        return "document"
    fields = _FIELDS if "custom_fields" in include else ""
    updated = _UPDATED if "updated_at" in include else ""
    aliases = _ALIASES if "aliases" in include else ""
    return f"{_OPEN}{fields}{updated}{aliases} || '}}'"


def view_within(share: int, include: frozenset[str]) -> str:
    """Return the expression for a view, NULL where it is larger than `share` bytes."""
    if "custom_fields" not in include:
        return view(include)
    return f"CASE WHEN {VIEW_BYTES} <= {share} THEN {view(include)} END"


def page_too_large() -> InvalidInput:
    """Return the error of a page by offset, which promises `limit` contacts."""
    return InvalidInput(
        {
            "limit": [
                f"These contacts have more than {MAX_PAGE_BYTES // 2**20} MiB: lower limit, leave "
                "custom_fields out of include, or page by cursor, where a page ends earlier."
            ]
        }
    )
