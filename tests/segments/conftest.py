"""A fixture that sets segments, and reads their members and events."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.database import Database
from app.segments import handlers

PLAN_PRO = {"field": "custom_fields.plan", "op": "eq", "value": "pro"}
VIP = {"field": "tag", "op": "eq", "value": "VIP"}


@dataclass
class Segments:
    db: Database
    client: FlaskClient
    seen: int = 0

    def set(self, name: str, filter: object, **more: Any) -> None:
        handlers.set_segment(self.db, name, json.dumps(filter), **more)

    def members(self, name: str) -> list[str]:
        """Return the phones in a segment, sorted."""
        rows = self.db.connection().execute(
            """
            SELECT phone
            FROM segment_members
            JOIN segments ON segments.id = segment_id
            JOIN contacts ON contacts.id = contact_id
            WHERE name = :name
            ORDER BY phone
            """,
            {"name": name},
        )
        [(count,)] = self.db.connection().execute(
            "SELECT contacts FROM segments WHERE name = :name", {"name": name}
        )
        assert count == len(rows)
        return [phone for (phone,) in rows]

    def events(self) -> list[tuple[str, ...]]:
        """Return (event, segment, phone) of the events of segments since the last call, in order.

        Other events are (event, phone).
        """
        return [event for event in self.all_events() if event[0].startswith("segment.")]

    def all_events(self) -> list[tuple[str, ...]]:
        answer = self.client.get(f"/v1/changes?after={self.seen}&limit=1000").get_json()
        self.seen = answer["next_after"]
        return [_short(each["event"], each["data"]) for each in answer["changes"]]


def _short(event: str, data: dict[str, Any]) -> tuple[str, ...]:
    if "segment" in data:
        contact = data.get("contact", {"id": ""})
        return (event, data["segment"], contact["id"].removeprefix("cnt_"))
    return (event, data.get("id", "").removeprefix("cnt_"))


@pytest.fixture
def segments(db: Database, client: FlaskClient) -> Segments:
    return Segments(db, client)
