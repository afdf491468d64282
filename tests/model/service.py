"""The service over HTTP beside the model of it: every write is made in both, and compared."""

import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar
from urllib.parse import quote

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from werkzeug.test import TestResponse

from app import clock, create_app
from app.api_keys.handlers import create_api_key
from app.api_keys.model import SCOPES
from app.database.sqlite import store
from app.settings import load
from app.web.service import service_of
from tests.conftest import store_faults
from tests.model import inputs
from tests.model.reads import Entry, View, line
from tests.model.writes import Change, Model, Refused, state
from tests.postgres import PostgresServer

PATH = "/v1/contacts"

ids = inputs.ids
if_matches = st.sampled_from([None, None, None, "current", "stale", "*"])
pauses = st.sampled_from([0, 1, 1])


class Service(RuleBasedStateMachine):
    server: ClassVar[PostgresServer | None] = None
    """Where a database is made for each example; None for SQLite."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.etags: dict[str, str] = {}
        self.folder = TemporaryDirectory()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(clock, "now", lambda: self.model.now)
        self.patch.setattr(store, "REST", 0)
        url = self.server.create() if self.server else None
        self.settings = load({}, data=Path(self.folder.name) / "data", database_url=url)
        app = create_app(self.settings)
        self.db = service_of(app).db
        self.client = app.test_client()
        key = create_api_key(self.db, label="tests", scopes=SCOPES)
        self.client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"

    def teardown(self) -> None:
        failed = sys.exc_info()[0] is not None
        try:
            if not failed:
                self.finish()
        finally:
            self.db.close()
            self.db.settle(20)
            self.patch.undo()
            url = self.settings.database_url
            faults = [] if failed else store_faults(self.db if url else self.settings.database)
            self.db.close()
            if self.server and url:
                self.server.drop(url)
            self.folder.cleanup()
        assert faults == []

    def finish(self) -> None:
        """Check what must hold at the end of any sequence."""

    @initialize(contacts=inputs.beginning)
    def begin(self, contacts: list[dict[str, Any]]) -> None:
        for body in contacts:
            self.upsert(body, 1)

    @rule(body=inputs.contacts | inputs.tagged, pause=pauses)
    def upsert(self, body: dict[str, Any], pause: int) -> None:
        self.model.pass_time(pause)
        expected = self.model.upsert(body)
        created = expected.before is None
        answer = self.client.post(PATH, json=body)
        assert answer.status_code == (201 if created else 200)
        assert_changed(answer, expected)
        assert answer.json["created"] is created

    @rule(body=inputs.contacts)
    def upsert_dry(self, body: dict[str, Any]) -> None:
        expected = self.model.upsert(body, dry_run=True)
        answer = self.client.post(f"{PATH}?dry_run=true", json=body)
        assert_changed(answer, expected)
        names = [*expected.changed, *([] if expected.before else ["phone"])]
        assert {name: each["after"] for name, each in answer.json["diff"].items()} == {
            name: field_of(expected.after, name) for name in names
        }

    @rule(id=ids, body=inputs.patches, pause=pauses, if_match=if_matches)
    def patch_contact(self, id: str, body: dict[str, Any], pause: int, if_match: str) -> None:
        self.write("PATCH", id, "", body, pause, if_match, lambda: self.model.patch(id, body))

    @rule(id=ids, tags=inputs.tag_lists, pause=pauses, if_match=if_matches)
    def add_tags(self, id: str, tags: list[str], pause: int, if_match: str) -> None:
        body = {"tags": tags}
        self.write(
            "POST", id, "/tags", body, pause, if_match, lambda: self.model.add_tags(id, tags)
        )

    @rule(id=ids, tag=inputs.tags, pause=pauses, if_match=if_matches)
    def remove_tag(self, id: str, tag: str, pause: int, if_match: str) -> None:
        path = f"/tags/{quote(tag)}"
        self.write(
            "DELETE", id, path, None, pause, if_match, lambda: self.model.remove_tag(id, tag)
        )

    @rule(id=ids, other=ids, pause=pauses, if_match=if_matches)
    def merge(self, id: str, other: str, pause: int, if_match: str) -> None:
        body = {"from": other}
        self.write("POST", id, "/merge", body, pause, if_match, lambda: self.model.merge(id, other))

    @rule(id=ids, pause=pauses, if_match=if_matches)
    def delete(self, id: str, pause: int, if_match: str) -> None:
        self.write("DELETE", id, "", None, pause, if_match, lambda: self.model.delete(id))

    def write(
        self,
        method: str,
        id: str,
        path: str,
        body: Any,
        pause: int,
        if_match: str | None,
        act: Callable[[], Change | Entry],
    ) -> None:
        self.model.pass_time(pause)
        known = self.model.known(id)
        status, expected = 200, None
        try:
            if known and if_match == "stale" and not self.names_no_tag(method, path):
                raise Refused(412)
            expected = act()
        except Refused as refused:
            status = refused.status
        headers = {} if if_match is None else {"If-Match": self.etag(known, if_match)}
        url = f"{PATH}/{quote(id)}{path}"
        answer = self.client.open(url, method=method, json=body, headers=headers)
        assert answer.status_code == status, answer.json
        if isinstance(expected, Change):
            assert_changed(answer, expected)
            self.check_etag(answer, expected.after)
        elif expected:
            assert answer.json["contact"] == {"id": expected.view["id"], "deleted": True}

    def names_no_tag(self, method: str, path: str) -> bool:
        tags = {quote(tag) for tag in inputs.TAGS if line(tag) in self.model.tags()}
        return path.startswith("/tags/") and path.removeprefix("/tags/") not in tags

    def etag(self, entry: Entry | None, if_match: str) -> str:
        if if_match != "current" or not entry:
            return "*" if if_match == "*" else '"stale"'
        return str(self.client.get(f"{PATH}/{entry.view['id']}").headers["ETag"])

    def check_etag(self, answer: TestResponse, view: View) -> None:
        """One state of a contact has one ETag, and no other state has it."""
        etag = answer.headers["ETag"]
        assert self.etags.setdefault(state(view), etag) == etag
        assert list(self.etags.values()).count(etag) == 1


def field_of(view: View, name: str) -> Any:
    if name.startswith("custom_fields."):
        return view["custom_fields"][name.removeprefix("custom_fields.")]
    return view[name]


def assert_changed(answer: TestResponse, expected: Change) -> None:
    assert_same(answer.json["contact"], expected.after)
    assert sorted(answer.json["changed"]) == sorted(expected.changed)


def assert_same(answered: Any, expected: Any) -> None:
    """Compare types too: 1, 1.0 and true are three values."""
    assert [state(each) for each in _all(answered)] == [state(each) for each in _all(expected)]


def _all(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
