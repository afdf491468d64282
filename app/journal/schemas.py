"""Schema of the query of the changes feed."""

from dataclasses import dataclass
from typing import Any

from marshmallow import Schema, ValidationError, post_load

from app.journal.model import EVENTS
from app.web.fields import Parsed, digits


def parse_types(value: str) -> frozenset[str]:
    """Check a comma list of event types."""
    types = frozenset(value.split(","))
    if not types <= set(EVENTS):
        raise ValidationError(f"Must be one or more of {', '.join(EVENTS)}, separated by commas.")
    return types


@dataclass(frozen=True)
class ChangesQuery:
    after: int | None = None
    limit: int = 100
    wait: int = 0
    types: frozenset[str] | None = None


class ChangesQuerySchema(Schema):
    """The query of `GET /v1/changes`."""

    after = digits(0, 2**63 - 1)
    limit = digits(1, 1000)
    wait = digits(0, 25)
    types = Parsed(
        parse_types, {"type": "array", "items": {"type": "string", "enum": list(EVENTS)}}
    )

    @post_load
    def _to_query(self, data: dict[str, Any], **_: Any) -> ChangesQuery:
        return ChangesQuery(**data)
