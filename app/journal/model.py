"""The kinds of events, and an event as the journal stores it."""

from dataclasses import dataclass

CREATED = "contact.created"
UPDATED = "contact.updated"
DELETED = "contact.deleted"
MERGED = "contact.merged"
TAG_RENAMED = "tag.renamed"
TAG_DELETED = "tag.deleted"
FIELD_DELETED = "custom_field.deleted"
EVENTS = (CREATED, UPDATED, DELETED, MERGED, TAG_RENAMED, TAG_DELETED, FIELD_DELETED)


@dataclass(frozen=True)
class Event:
    """`data` is a JSON object as text; `timestamp` is RFC 3339 in UTC, to the second."""

    seq: int
    event: str
    timestamp: str
    data: str
