"""The kinds of events, and an event as the journal stores it."""

from dataclasses import dataclass

CREATED = "contact.created"
UPDATED = "contact.updated"
DELETED = "contact.deleted"
MERGED = "contact.merged"
TAG_RENAMED = "tag.renamed"
TAG_DELETED = "tag.deleted"
FIELD_DELETED = "custom_field.deleted"
SEGMENT_ENTERED = "segment.entered"
SEGMENT_LEFT = "segment.left"
SEGMENT_DELETED = "segment.deleted"
OF_SEGMENTS = (SEGMENT_ENTERED, SEGMENT_LEFT)  # Events of contacts that name a segment too.
EVENTS = (
    *(CREATED, UPDATED, DELETED, MERGED, TAG_RENAMED, TAG_DELETED, FIELD_DELETED),
    *(*OF_SEGMENTS, SEGMENT_DELETED),
)


@dataclass(frozen=True)
class Event:
    """`data` is a JSON object as text; `timestamp` is RFC 3339 in UTC, to the second.

    `actor` is the id of the API key that made the change, None for a command.
    """

    seq: int
    event: str
    timestamp: str
    actor: str | None
    data: str

    def json(self) -> str:
        """Return the event as the feed shows it, without encoding its data again."""
        actor = "null" if self.actor is None else f'"{self.actor}"'
        return (
            f'{{"seq":{self.seq},"event":"{self.event}","timestamp":"{self.timestamp}",'
            f'"actor":{actor},"data":{self.data}}}'
        )


@dataclass(frozen=True)
class Subject:
    """What an event is about: its kind, the phone of its contact, if any, and who made it."""

    seq: int
    event: str
    phone: str | None
    actor: str | None
