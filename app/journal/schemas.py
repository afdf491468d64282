"""What a client may ask of the journal."""

from dataclasses import dataclass
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load

from app.journal.model import EVENTS
from app.web.fields import Digits


class Events(fields.Field[frozenset[str]]):
    """A comma list of events."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> frozenset[str]:
        events = frozenset(value.split(","))
        if not events <= set(EVENTS):
            raise ValidationError(f"Must be of {', '.join(EVENTS)}, with commas between.")
        return events


@dataclass(frozen=True)
class ChangesQuery:
    after: int | None = None
    limit: int = 100
    wait: int = 0
    types: frozenset[str] | None = None


class ChangesQuerySchema(Schema):
    """The query of `GET /v1/changes`."""

    after = Digits(0, 2**63 - 1)
    limit = Digits(1, 1000)
    wait = Digits(0, 25)
    types = Events()

    @post_load
    def _to_query(self, data: dict[str, Any], **_: Any) -> ChangesQuery:
        return ChangesQuery(**data)
