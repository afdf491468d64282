"""A segment as it is stored and shown."""

import json
from dataclasses import dataclass
from typing import Any

MAX_SEGMENTS = 100
MAX_NAME = 64

READY = "ready"
BUILDING = "building"
STATES = (READY, BUILDING)


@dataclass(frozen=True)
class Segment:
    """`filter` is JSON; `contacts` is how many are in it.

    `position` is the row id of the last contact that a build has tested, None where all were.
    `notify` says whether contacts that the build moves get events.
    """

    id: int
    name: str
    filter: str
    contacts: int
    position: int | None
    notify: bool
    created_at: str
    updated_at: str

    @property
    def state(self) -> str:
        return READY if self.position is None else BUILDING

    def view(self, last_id: int) -> dict[str, Any]:
        """Return what the API shows; `last_id` is the newest row id of a contact."""
        progress = 1.0 if self.position is None else self.position / max(last_id, 1)
        return {
            "name": self.name,
            "filter": json.loads(self.filter),
            "contacts": self.contacts,
            "state": self.state,
            "progress": round(min(progress, 1.0), 3),
            "created_at": self.created_at,
            "updated_at": self.updated_at,
        }
