"""A contact, its two views, and what an upsert makes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from app.errors import ValidationError

MAX_TAGS = 100
MAX_CUSTOM_FIELDS = 200

FieldValue = str | int | float | bool


@dataclass(frozen=True)
class Contact:
    """`phone` is E.164 digits without `+`; instants are RFC 3339 in UTC, to the second."""

    phone: str
    created_at: str
    updated_at: str
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    tags: tuple[str, ...] = ()
    custom_fields: Mapping[str, FieldValue] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"cnt_{self.phone}"

    def documented_view(self) -> dict[str, Any]:
        """Return the vendor's keys in the vendor's order ("Retrieve Contacts List")."""
        return {
            "id": self.id,
            "phone": self.phone,
            "first_name": self.first_name,
            "last_name": self.last_name,
            "email": self.email,
            "tags": list(self.tags),
            "created_at": self.created_at,
        }

    def full_view(self) -> dict[str, Any]:
        return self.documented_view() | {
            "custom_fields": dict(self.custom_fields),
            "updated_at": self.updated_at,
        }


@dataclass(frozen=True)
class Draft:
    """What a client sent for one phone; None and absent fields leave a known contact as it is."""

    phone: str
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    tags: tuple[str, ...] | None = None
    custom_fields: Mapping[str, FieldValue] = field(default_factory=dict)


@dataclass(frozen=True)
class Upsert:
    """The outcome of a draft: `before` is None for a new contact, `changed` names fields."""

    before: Contact | None
    after: Contact
    changed: list[str]

    @property
    def created(self) -> bool:
        return self.before is None

    def diff(self) -> dict[str, dict[str, Any]]:
        """Return each changed field's values before and after; None where there was none."""
        names = ["phone", *self.changed] if self.created else self.changed
        return {
            name: {"before": _value(self.before, name), "after": _value(self.after, name)}
            for name in names
        }


def upsert(before: Contact | None, draft: Draft, now: str) -> Upsert:
    """Merge a draft into a contact, or make a new one of it.

    Raises `ValidationError` when the contact would have too many custom fields.
    """
    start = before or Contact(draft.phone, created_at=now, updated_at=now)
    changes = {
        name: value
        for name in ("first_name", "last_name", "email", "tags")
        if (value := getattr(draft, name)) is not None and value != getattr(start, name)
    }
    fields = {
        key: value
        for key, value in draft.custom_fields.items()
        if not _same(start.custom_fields.get(key), value)
    }
    changed = [*changes, *(f"custom_fields.{key}" for key in fields)]
    if not changed:
        return Upsert(before, start, changed)
    merged = {**start.custom_fields, **fields}
    if len(merged) > MAX_CUSTOM_FIELDS:
        raise ValidationError(
            {"custom_fields": [f"A contact has at most {MAX_CUSTOM_FIELDS} custom fields."]}
        )
    after = replace(start, **changes, custom_fields=merged, updated_at=now)
    return Upsert(before, after, changed)


def _same(one: FieldValue | None, other: FieldValue) -> bool:
    """Compare with JSON's types apart: 1, 1.0 and true are three values."""
    return type(one) is type(other) and one == other


def _value(contact: Contact | None, name: str) -> Any:
    if contact is None:
        return None
    prefix, _, key = name.partition(".")
    return contact.custom_fields.get(key) if key else getattr(contact, prefix)
