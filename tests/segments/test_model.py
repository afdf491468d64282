"""Random histories: segments have the contacts that match, and each change is one event."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import clock
from app.contacts.alias_store import list_aliases
from app.contacts.sweeps import contacts_by_id
from app.database import Database
from app.search.matching import Facts, compile_filter
from app.segments import filters, passing_time, store
from tests.segments.conftest import Segments

CONTACTS = "/v1/contacts"
PHONES = [f"9188568791{number:02}" for number in range(10)]
TAGS = ["VIP", "Lead", "Gold"]
DAYS = ["2026-05-20", "2026-06-01", "2026-06-02", "2026-06-10"]


def condition(field: str, op: str, value: object) -> dict[str, object]:
    return {"field": field, "op": op, "value": value}


FILTERS: list[dict[str, Any]] = [
    condition("tag", "eq", "VIP"),
    {"not": condition("tag", "in", ["Lead", "Gold"])},
    condition("custom_fields.plan", "in", ["pro", "team"]),
    {"all": [condition("tag", "eq", "Gold"), condition("custom_fields.score", "gt", 5)]},
    {"any": [condition("first_name", "starts_with", "pri"), condition("phone", "eq", PHONES[3])]},
    condition("custom_fields.day", "lt", "-3d"),
    {"all": [condition("updated_at", "gte", "-2h"), {"not": condition("tag", "exists", False)}]},
]


class World:
    """Sends random requests, and keeps the members of segments by their events alone."""

    def __init__(
        self, client: FlaskClient, segments: Segments, seed: int, set_attribute: Any
    ) -> None:
        self.client, self.segments, self.random = client, segments, random.Random(seed)
        self.now = datetime(2026, 6, 2, 12, tzinfo=UTC)
        self.members: dict[str, set[str]] = {}
        set_attribute(clock, "now", lambda: self.now)
        client.put("/v1/custom-fields/day", json={"type": "date"})

    def phone(self) -> str:
        return self.random.choice(PHONES)

    def values(self) -> dict[str, Any]:
        pick = self.random
        found: dict[str, Any] = {}
        if pick.random() < 0.5:
            found["tags"] = pick.sample(TAGS, pick.randrange(4))
        if pick.random() < 0.3:
            found["first_name"] = pick.choice(["Priya", "Asha"])
        fields = {"plan": pick.choice(["pro", "free", "team"]), "score": pick.randrange(10)}
        fields["day"] = pick.choice(DAYS)
        keys = pick.sample(sorted(fields), pick.randrange(3))
        return found | {"custom_fields": {key: fields[key] for key in keys}}

    def upsert(self) -> None:
        self.client.post(CONTACTS, json={"phone": self.phone(), **self.values()})

    def patch(self) -> None:
        values = self.values()
        fields = {key: self.random.choice([None, value]) for key, value in
                  values["custom_fields"].items()}  # fmt: skip
        self.client.patch(f"{CONTACTS}/{self.phone()}", json=values | {"custom_fields": fields})

    def batch(self) -> None:
        rows = [{"phone": self.phone(), **self.values()} for _ in range(6)]
        self.client.post(f"{CONTACTS}/batch", json={"contacts": rows})

    def import_(self) -> None:
        text = "phone,tags\n" + "".join(f"+{self.phone()},VIP\n" for _ in range(3))
        self.client.post(f"{CONTACTS}/import", data=text, content_type="text/csv")

    def tag(self) -> None:
        path = f"{CONTACTS}/{self.phone()}/tags"
        self.client.post(path, json={"tags": [self.random.choice(TAGS)]})
        self.client.delete(f"{path}/{self.random.choice(TAGS)}")

    def delete(self) -> None:
        self.client.delete(f"{CONTACTS}/{self.phone()}")

    def merge(self) -> None:
        self.client.post(f"{CONTACTS}/{self.phone()}/merge", json={"from": self.phone()})

    def rename(self) -> None:
        name, new = self.random.choice(TAGS), self.random.choice([*TAGS, "Other"])
        self.client.patch(f"/v1/tags/{name}", json={"name": new})

    def delete_tag(self) -> None:
        self.client.delete(f"/v1/tags/{self.random.choice(TAGS)}")

    def delete_field(self) -> None:
        self.client.delete(f"/v1/custom-fields/{self.random.choice(['plan', 'score'])}")

    def convert(self) -> None:
        type_ = self.random.choice(["string", "number", None])
        body = {"type": type_} | ({"convert": True} if type_ else {})
        self.client.put("/v1/custom-fields/score", json=body)

    def set_segment(self) -> None:
        name = self.random.choice("abc")
        body = {"filter": self.random.choice(FILTERS), "notify": True}
        answer = self.client.put(f"/v1/segments/{name}", json=body)
        assert answer.status_code in (200, 201, 422), answer.text

    def delete_segment(self) -> None:
        self.client.delete(f"/v1/segments/{self.random.choice('abc')}")

    def pass_time(self) -> None:
        self.now += timedelta(minutes=self.random.choice([1, 30, 90, 24 * 60]))
        while passing_time.look_again(self.segments.db):
            pass

    def step(self) -> Callable[[], None]:
        often = [self.upsert, self.patch, self.batch, self.tag, self.pass_time]
        seldom = [self.delete, self.merge, self.rename, self.delete_tag, self.delete_field]
        others = [self.convert, self.set_segment, self.delete_segment, self.import_]
        done = self.random.choice([*often, *often, *seldom, *others])
        done()
        return done

    def follow(self) -> None:
        """Apply the events: each must change the members that the ones before it left."""
        for event, *rest in self.segments.events():
            name, phone = rest
            members = self.members.setdefault(name, set())
            if event == "segment.deleted":
                members.clear()
            elif event == "segment.entered":
                assert phone not in members, (event, name, phone)
                members.add(phone)
            else:
                assert phone in members, (event, name, phone)
                members.remove(phone)


def plain(db: Database, now: datetime) -> dict[str, set[str]]:
    """Return who matches each segment's filter, by testing each contact."""
    connection = db.connection()
    ids = [id for (id,) in connection.execute("SELECT id FROM contacts")]
    found: dict[str, set[str]] = {}
    for segment in store.list_segments(connection):
        assert segment.position is None
        test = compile_filter(filters.meaning(connection, filters.load(segment.filter), now))
        found[segment.name] = {
            contact.phone
            for id, contact, _ in contacts_by_id(connection, ids)
            if test(Facts(contact, lambda id=id: list_aliases(connection, id)))  # type: ignore[misc]
        }
    return found


def check_history(
    client: FlaskClient, segments: Segments, seed: int, steps: int, set_attribute: Any
) -> None:
    world = World(client, segments, seed, set_attribute)
    for number in range(steps):
        done = world.step().__name__
        world.follow()
        expected = plain(segments.db, world.now)
        for name, phones in expected.items():
            where = (seed, number, done, name)
            if done == "pass_time" or not _has_time(segments.db, name):
                assert set(segments.members(name)) == phones, where
            assert world.members.get(name, set()) == set(segments.members(name)), where


def _has_time(db: Database, name: str) -> bool:
    segment = store.find_segment(db.connection(), name)
    return segment is not None and '"-' in segment.filter


@pytest.mark.parametrize("seed", range(2))
def test_segments_follow_a_random_history(
    client: FlaskClient, segments: Segments, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_history(client, segments, seed, 120, monkeypatch.setattr)


@pytest.mark.soak
@pytest.mark.parametrize("seed", [2, *range(100, 120)])
def test_segments_follow_long_random_histories(
    client: FlaskClient, segments: Segments, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_history(client, segments, seed, 600, monkeypatch.setattr)
