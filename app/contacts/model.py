"""A contact, its two views, and what an upsert makes of it."""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from app.clock import whole_second
from app.errors import InvalidInput

MAX_TAGS = 100
MAX_CUSTOM_FIELDS = 200
MAX_INTEGER = 2**53 - 1

FieldValue = str | int | float | bool
FIELD_TYPES = {str: "string", int: "number", float: "number", bool: "boolean"}


class Contact(NamedTuple):
    """`phone` is E.164 digits without `+`; instants are in UTC, `updated_at` to the microsecond."""

    phone: str
    created_at: str
    updated_at: str
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    tags: tuple[str, ...] = ()
    custom_fields: Mapping[str, FieldValue] = {}

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

    def version(self) -> str:
        """Return a hash of the contact's content, for an ETag (RFC 9110)."""
        state = json.dumps(self.full_view(), sort_keys=True).encode()
        return hashlib.sha256(state).hexdigest()[:32]

    def value(self, name: str) -> Any:
        """Return the value of a field, by its name in filters and `changed`; None if unset."""
        if name.startswith("custom_fields."):
            return self.custom_fields.get(name.removeprefix("custom_fields."))
        if name in ("tag", "tags"):
            return list(self.tags)
        return whole_second(self.updated_at) if name == "updated_at" else getattr(self, name)

    def full_view(self) -> dict[str, Any]:
        return self.documented_view() | {
            "custom_fields": dict(self.custom_fields),
            "updated_at": whole_second(self.updated_at),
        }


class Draft(NamedTuple):
    """What a client sent for one phone; None and absent fields leave a known contact as it is.

    `tags` replaces all tags; without it, `add_tags` and `remove_tags` change single ones.
    `created_at` is set for a new contact only, such as one from another system.
    `aliases` are other phones of the contact, such as those of merged contacts.
    `twins` are phones whose contact is updated instead where the phone itself is not stored.
    """

    phone: str
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    tags: tuple[str, ...] | None = None
    custom_fields: Mapping[str, FieldValue] = {}
    created_at: str | None = None
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    twins: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


class Change(NamedTuple):
    """What became of a contact: `before` is None for a new one, `changed` names fields.

    `aliases` are phones that find the contact from now on.
    """

    before: Contact | None
    after: Contact
    changed: list[str]
    aliases: tuple[str, ...] = ()

    @property
    def created(self) -> bool:
        return self.before is None

    @property
    def has_effect(self) -> bool:
        """Return whether anything must be stored."""
        return self.before is None or bool(self.changed or self.aliases)

    @property
    def status(self) -> str:
        """Return its status in a report: created, updated or unchanged."""
        if self.created:
            return "created"
        return "updated" if self.has_effect else "unchanged"

    def previous(self) -> dict[str, Any]:
        """Return the values before of the fields that changed; none of a new contact."""
        return {name: self.before.value(name) for name in self.changed} if self.before else {}

    def diff(self) -> dict[str, dict[str, Any]]:
        """Return each changed field's values before and after; None where there was none."""
        names = ["phone", *self.changed] if self.created else self.changed
        return {
            name: {
                "before": self.before.value(name) if self.before else None,
                "after": self.after.value(name),
            }
            for name in names
        }


Edit = Callable[[Contact, str], Change]
"""What makes another contact of a contact, at an instant."""


def upsert(before: Contact | None, draft: Draft, now: str) -> Change:
    """Merge a draft into a contact, or make a new one of it.

    Raises `InvalidInput` when the contact would have too many tags or custom fields.
    """
    if before is None:
        return _create(draft, now)
    given = {
        name: value
        for name in ("first_name", "last_name", "email", "tags")
        if (value := getattr(draft, name)) is not None
    }
    if draft.add_tags or draft.remove_tags:
        tags = dict.fromkeys(before.tags + draft.add_tags)
        given["tags"] = tuple(each for each in tags if each not in draft.remove_tags)
    fields = {**before.custom_fields, **draft.custom_fields}
    return change(before, before, before._replace(**given, custom_fields=fields), now)


def _create(draft: Draft, now: str) -> Change:
    tags = draft.tags
    if tags is None:
        tags = tuple(tag for tag in draft.add_tags if tag not in draft.remove_tags)
    after = Contact(
        draft.phone,
        draft.created_at or whole_second(now),
        now,
        draft.first_name,
        draft.last_name,
        draft.email,
        tags,
        dict(draft.custom_fields),
    )
    _check_size(after)
    changed = [name for name in _SCALARS if getattr(after, name)]
    return Change(None, after, changed + [f"custom_fields.{key}" for key in after.custom_fields])


def patch(before: Contact, values: Mapping[str, Any], now: str) -> Change:
    """Apply a JSON merge patch (RFC 7396), checked by a schema: None clears."""
    values = dict(values)
    fields = values.pop("custom_fields", {})
    if "tags" in values:
        values["tags"] = values["tags"] or ()
    merged = {} if fields is None else {**before.custom_fields, **fields}
    kept = {key: value for key, value in merged.items() if value is not None}
    return change(before, before, before._replace(**values, custom_fields=kept), now)


def merge(before: Contact, other: Contact, now: str) -> Change:
    """Take over what another contact has and this one lacks."""
    missing = {
        name: getattr(before, name) or getattr(other, name)
        for name in ("first_name", "last_name", "email")
    }
    tags = tuple(dict.fromkeys(before.tags + other.tags))
    fields = {**other.custom_fields, **before.custom_fields}
    after = before._replace(**missing, tags=tags, custom_fields=fields)
    return change(before, before, after, now)


def add_tags(before: Contact, tags: tuple[str, ...], now: str) -> Change:
    after = before._replace(tags=tuple(dict.fromkeys(before.tags + tags)))
    return change(before, before, after, now)


def remove_tag(before: Contact, tag: str, now: str) -> Change:
    after = before._replace(tags=tuple(each for each in before.tags if each != tag))
    return change(before, before, after, now)


def rename_tag(before: Contact, tag: str, new: str, now: str) -> Change:
    """Put another tag in the place of one, or drop that where the contact has the other too."""
    if new in before.tags:
        return remove_tag(before, tag, now)
    after = before._replace(tags=tuple(new if each == tag else each for each in before.tags))
    return change(before, before, after, now)


def remove_custom_field(before: Contact, key: str, now: str) -> Change:
    kept = {name: value for name, value in before.custom_fields.items() if name != key}
    return change(before, before, before._replace(custom_fields=kept), now)


def change(before: Contact | None, start: Contact, after: Contact, now: str) -> Change:
    """Return the change from the stored contact `before`, or a new one, `start`, to `after`."""
    changed = [name for name in _SCALARS if getattr(start, name) != getattr(after, name)]
    old, new = start.custom_fields, after.custom_fields
    changed += [f"custom_fields.{key}" for key in {**old, **new} if not _same(old, new, key)]
    if not changed:
        return Change(before, start, changed)
    _check_size(after)
    return Change(before, after._replace(updated_at=now), changed)


def _check_size(contact: Contact) -> None:
    if len(contact.tags) > MAX_TAGS:
        raise InvalidInput({"tags": [f"A contact has at most {MAX_TAGS} tags."]})
    if len(contact.custom_fields) > MAX_CUSTOM_FIELDS:
        raise InvalidInput(
            {"custom_fields": [f"A contact has at most {MAX_CUSTOM_FIELDS} custom fields."]}
        )


_SCALARS = ("first_name", "last_name", "email", "tags")


def _same(old: Mapping[str, FieldValue], new: Mapping[str, FieldValue], key: str) -> bool:
    """Compare with JSON's types apart: 1, 1.0 and true are three values."""
    one, other = old.get(key), new.get(key)
    return type(one) is type(other) and one == other
