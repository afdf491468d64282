"""The views of a contact in SQL: as it is stored, or with more spliced in at its end."""

_OPEN = "substr(document, 1, length(document) - 1)"
_FIELDS = """ || ',"custom_fields":' || custom_fields"""
_UPDATED = """ || ',"updated_at":"' || updated_at || '"'"""


def view(include: frozenset[str]) -> str:
    """Return the documented view of a row of `contacts` with what `include` names."""
    if not include:
        return "document"
    fields = _FIELDS if "custom_fields" in include else ""
    updated = _UPDATED if "updated_at" in include else ""
    return f"{_OPEN}{fields}{updated} || '}}'"
