"""`POST /v1/contacts`: create or update by phone number."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from pytest import MonkeyPatch, Subtests
from werkzeug.test import TestResponse

from app import create_app
from app.database import Database
from app.settings import load
from app.web.service import service_of

PHONE = "918856879188"
PRIYA = {
    "phone": PHONE,
    "first_name": "Priya",
    "last_name": "Sharma",
    "email": "priya@example.com",
    "tags": ["VIP", "Lead"],
    "custom_fields": {"age": 30, "plan": "pro"},
}
DOCUMENTED = ["id", "phone", "first_name", "last_name", "email", "tags", "created_at"]
FULL = [*DOCUMENTED, "custom_fields", "updated_at"]


def post(client: FlaskClient, **body: Any) -> TestResponse:
    return client.post("/v1/contacts", json={"phone": PHONE, **body})


def stored(client: FlaskClient) -> list[dict[str, Any]]:
    answer = client.get("/v1/contacts?include=custom_fields,updated_at").get_json()
    contacts: list[dict[str, Any]] = answer["contacts"]
    assert answer["pagination"]["total"] == len(contacts)
    return contacts


def set_time(monkeypatch: MonkeyPatch, hour: int) -> str:
    monkeypatch.setattr("app.clock.now", lambda: datetime(2026, 6, 2, hour, tzinfo=UTC))
    return f"2026-06-02T{hour:02}:00:00Z"


@pytest.fixture
def version(db: Database) -> Iterator[Any]:
    """Return a number that changes with each write to the database file."""
    with closing(sqlite3.connect(db.path)) as reader:
        yield lambda: reader.execute("PRAGMA data_version").fetchone()[0]


def test_creates_a_contact(client: FlaskClient, monkeypatch: MonkeyPatch) -> None:
    now = set_time(monkeypatch, 8)
    response = client.post("/v1/contacts", json=PRIYA)
    assert response.status_code == 201
    assert response.get_json() == {
        "success": True,
        "contact": PRIYA | {"id": f"cnt_{PHONE}", "created_at": now, "updated_at": now},
        "created": True,
        "changed": [
            "first_name",
            "last_name",
            "email",
            "tags",
            "custom_fields.age",
            "custom_fields.plan",
        ],
        "twins": [],
    }


def test_creates_a_bare_contact(client: FlaskClient) -> None:
    body = post(client).get_json()
    assert body["created"] is True and body["changed"] == []
    assert body["contact"] == body["contact"] | {
        "first_name": None,
        "last_name": None,
        "email": None,
        "tags": [],
        "custom_fields": {},
    }


def test_shows_the_full_view_in_order(client: FlaskClient) -> None:
    response = client.post("/v1/contacts", json=PRIYA)
    assert list(response.get_json()) == ["success", "contact", "created", "changed", "twins"]
    assert list(response.get_json()["contact"]) == FULL
    assert response.mimetype == "application/json"


def test_updates_a_contact(client: FlaskClient, monkeypatch: MonkeyPatch) -> None:
    then = set_time(monkeypatch, 8)
    client.post("/v1/contacts", json=PRIYA)
    now = set_time(monkeypatch, 9)
    response = post(client, last_name="Rao", custom_fields={"plan": "free", "city": "Pune"})
    assert response.status_code == 200
    body = response.get_json()
    assert body["created"] is False
    assert sorted(body["changed"]) == ["custom_fields.city", "custom_fields.plan", "last_name"]
    assert body["contact"]["custom_fields"] == {"plan": "free", "age": 30, "city": "Pune"}
    assert (body["contact"]["created_at"], body["contact"]["updated_at"]) == (then, now)
    assert stored(client) == [body["contact"]]


def test_knows_a_contact_by_any_spelling(client: FlaskClient) -> None:
    assert post(client, phone="+91 (0) 88568-79188").status_code == 201
    assert post(client, phone="0091 88568 79188", first_name="Priya").status_code == 200
    assert [each["first_name"] for each in stored(client)] == ["Priya"]


@pytest.mark.sqlite
@pytest.mark.parametrize("body", [{}, dict.fromkeys(PRIYA) | {"phone": PHONE}, PRIYA])
def test_writes_nothing_where_nothing_changes(
    client: FlaskClient, version: Any, monkeypatch: MonkeyPatch, body: dict[str, Any]
) -> None:
    then = set_time(monkeypatch, 8)
    client.post("/v1/contacts", json=PRIYA)
    before = version()
    set_time(monkeypatch, 9)
    response = post(client, **body)
    assert (response.status_code, response.get_json()["changed"]) == (200, [])
    assert response.get_json()["contact"]["updated_at"] == then
    assert version() == before


@pytest.mark.sqlite
def test_a_change_writes_to_the_database_file(client: FlaskClient, version: Any) -> None:
    client.post("/v1/contacts", json=PRIYA)
    before = version()
    post(client, first_name="Asha")
    assert version() != before


def test_never_erases_a_text(client: FlaskClient) -> None:
    client.post("/v1/contacts", json=PRIYA)
    for nothing in (None, "", "   "):
        response = post(client, first_name=nothing, last_name=nothing, email=nothing)
        assert response.get_json()["changed"] == []


def test_keeps_a_custom_field_that_is_sent_as_null(client: FlaskClient) -> None:
    client.post("/v1/contacts", json=PRIYA)
    body = post(client, custom_fields={"plan": None, "new": None}).get_json()
    assert body["changed"] == [] and body["contact"]["custom_fields"] == PRIYA["custom_fields"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ([], []),
        (["New"], ["New"]),
        (["Lead", "VIP"], ["Lead", "VIP"]),
        (["b", " a ", "b", "B", "a"], ["b", "a", "B"]),
        (["VIP", "Lead", "Third"], ["VIP", "Lead", "Third"]),
    ],
)
def test_replaces_tags(client: FlaskClient, given: list[str], kept: list[str]) -> None:
    client.post("/v1/contacts", json=PRIYA)
    body = post(client, tags=given).get_json()
    assert body["contact"]["tags"] == kept and body["changed"] == ["tags"]
    assert stored(client)[0]["tags"] == kept


def test_keeps_the_type_of_custom_fields(client: FlaskClient) -> None:
    for value in (
        1,
        1.0,
        True,
        "1",
        10,
        "10",
        0,
        False,
        0.0,
        " x",
        "0",
        1.0,
        1,
        -(2**53) + 1,
        1e300,
    ):
        body = post(client, custom_fields={"n": value}).get_json()
        [contact] = stored(client)
        for kept in (body["contact"]["custom_fields"]["n"], contact["custom_fields"]["n"]):
            assert (type(kept), kept) == (type(value), value)
        assert body["created"] or body["changed"] == ["custom_fields.n"]


@pytest.mark.sqlite
def test_dry_run_creates_nothing(client: FlaskClient, version: Any) -> None:
    client.get("/v1/contacts", buffered=True)
    before = version()
    response = client.post("/v1/contacts?dry_run=true", json=PRIYA)
    assert response.status_code == 201
    body = response.get_json()
    assert list(body) == ["success", "contact", "created", "changed", "twins", "dry_run", "diff"]
    assert body["created"] is body["dry_run"] is True
    assert body["diff"]["phone"] == {"before": None, "after": PHONE}
    assert body["diff"]["tags"] == {"before": None, "after": ["VIP", "Lead"]}
    assert stored(client) == [] and version() == before


def test_dry_run_updates_nothing(client: FlaskClient) -> None:
    client.post("/v1/contacts", json=PRIYA)
    before = stored(client)
    answer = {"first_name": "Asha", "tags": [], "custom_fields": {"plan": "free"}}
    response = client.post("/v1/contacts?dry_run=true", json={"phone": PHONE, **answer})
    assert response.status_code == 200
    assert response.get_json()["diff"] == {
        "first_name": {"before": "Priya", "after": "Asha"},
        "tags": {"before": ["VIP", "Lead"], "after": []},
        "custom_fields.plan": {"before": "pro", "after": "free"},
    }
    assert stored(client) == before


def test_dry_run_false_stores(client: FlaskClient) -> None:
    body = client.post("/v1/contacts?dry_run=false", json=PRIYA).get_json()
    assert "dry_run" not in body and "diff" not in body
    assert len(stored(client)) == 1


def test_dry_run_rejects_an_invalid_phone(client: FlaskClient) -> None:
    assert client.post("/v1/contacts?dry_run=true", json={"phone": "x"}).status_code == 422


def test_keeps_unicode(client: FlaskClient) -> None:
    name, tag, key = (
        "\U0001f468\u200d\U0001f469 Zoe\u0308 \u2028",
        "\u0926\u0940 'x\" %_",
        "\u5e74;--",
    )
    post(client, first_name=name, tags=[tag], custom_fields={key: "e\u0301\t\n\\"})
    [contact] = stored(client)
    assert contact["first_name"] == "\U0001f468\u200d\U0001f469 Zo\u00eb"
    assert contact["tags"] == [tag] and contact["custom_fields"] == {key: "e\u0301\t\n\\"}


REJECTED: list[tuple[dict[str, Any], str]] = [
    ({"phone": None}, "phone"),
    ({"phone": 918856879188}, "phone"),
    ({"phone": "8856"}, "phone"),
    ({"phone": "08856879188"}, "phone"),
    ({"phone": "9188\ud80056879188"}, "phone"),
    ({"phone": "9" * 65}, "phone"),
    ({"first_name": "a" * 256}, "first_name"),
    ({"first_name": "a\x00b"}, "first_name"),
    ({"last_name": "\ud800"}, "last_name"),
    ({"last_name": ["Rao"]}, "last_name"),
    ({"email": "priya"}, "email"),
    ({"tags": "VIP"}, "tags"),
    ({"tags": ["a" * 101]}, "tags.0"),
    ({"tags": ["ok", "a\nb"]}, "tags.1"),
    ({"tags": [str(n) for n in range(101)]}, "tags"),
    ({"custom_fields": []}, "custom_fields"),
    ({"custom_fields": {"plan": {}}}, "custom_fields.plan"),
    ({"custom_fields": {"a[0]": 1}}, "custom_fields.a[0]"),
    ({"custom_fields": {"n": 2**53}}, "custom_fields.n"),
    ({"custom_fields": {"n": "\udfff"}}, "custom_fields.n"),
    ({"custom_fields": {"\ud800": 1}}, "custom_fields.\ufffd"),
    ({"custom_fields": {str(n): n for n in range(201)}}, "custom_fields"),
    ({"name": "Priya"}, "name"),
    ({"firstname": "Priya"}, "firstname"),
    ({"id": f"cnt_{PHONE}"}, "id"),
    ({"created_at": "2026-06-02T08:00:00Z"}, "created_at"),
    ({"updated_at": None}, "updated_at"),
    ({"\ud800": 1}, "\ufffd"),
]


def test_rejects_invalid_contacts_and_stores_nothing(
    client: FlaskClient, subtests: Subtests
) -> None:
    for bad, path in REJECTED:
        with subtests.test(body=ascii(bad)[:80]):
            response = client.post("/v1/contacts", json=PRIYA | bad)
            assert response.status_code == 422
            error = response.get_json()["error"]
            assert error["code"] == "validation_error"
            assert error["message"].startswith(f"{path}: ")
            assert list(error["details"]) == [path.partition(".")[0]]
            assert error["request_id"] == response.headers["X-Request-Id"]
            assert stored(client) == []


def test_an_update_with_one_invalid_field_changes_nothing(
    client: FlaskClient, subtests: Subtests
) -> None:
    client.post("/v1/contacts", json=PRIYA)
    before = stored(client)
    for bad, _ in REJECTED:
        with subtests.test(body=ascii(bad)[:80]):
            assert post(client, **{"first_name": "Asha", **bad}).status_code == 422
            assert stored(client) == before


def test_rejects_the_201st_custom_field(client: FlaskClient) -> None:
    post(client, custom_fields={str(n): n for n in range(200)})
    before = stored(client)
    assert post(client, custom_fields={"199": "new"}).status_code == 200
    response = post(client, custom_fields={"200": 1})
    assert response.status_code == 422
    assert "custom_fields" in response.get_json()["error"]["details"]
    assert len(stored(client)[0]["custom_fields"]) == len(before[0]["custom_fields"]) == 200


BLANKS = ["", " ", "\t\n", "\u200b", " \ufeff\u00a0", "\u3164"]


@pytest.mark.parametrize("blank", BLANKS)
def test_blank_values_do_not_overwrite_stored_values(client: FlaskClient, blank: str) -> None:
    known = post(client, first_name="Ann", email="a@x.org", custom_fields={"score": 7}).get_json()
    again = post(
        client, first_name=blank, email=blank, custom_fields={"score": blank, "new": blank}
    )
    assert again.get_json()["changed"] == []
    assert again.get_json()["contact"] == known["contact"]


@pytest.mark.parametrize("blank", [*BLANKS, None])
def test_blank_values_of_a_patch_clear_fields(client: FlaskClient, blank: str | None) -> None:
    contact = post(
        client, first_name="Ann", email="a@x.org", custom_fields={"score": 7, "plan": "x"}
    )
    body = {"first_name": blank, "email": blank, "custom_fields": {"score": blank, "new": blank}}
    patched = client.patch(f"/v1/contacts/{contact.get_json()['contact']['id']}", json=body).json
    assert sorted(patched["changed"]) == ["custom_fields.score", "email", "first_name"]
    assert patched["contact"]["first_name"] is patched["contact"]["email"] is None
    assert patched["contact"]["custom_fields"] == {"plan": "x"}


def test_adds_and_removes_tags(client: FlaskClient) -> None:
    added = post(client, add_tags=["VIP", "Lead", "VIP"], remove_tags=["old"])
    assert (added.status_code, added.get_json()["contact"]["tags"]) == (201, ["VIP", "Lead"])
    edited = post(client, add_tags=["2026", " VIP "], remove_tags=["Lead", "unknown"]).get_json()
    assert (edited["contact"]["tags"], edited["changed"]) == (["VIP", "2026"], ["tags"])
    again = post(client, add_tags=["2026"], remove_tags=["Lead"]).get_json()
    assert again["changed"] == [] and stored(client)[0]["tags"] == ["VIP", "2026"]
    assert post(client, tags=["new"], add_tags=None).get_json()["contact"]["tags"] == ["new"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"tags": ["a"], "add_tags": ["b"]}, "add_tags"),
        ({"tags": [], "remove_tags": ["b"]}, "remove_tags"),
        ({"add_tags": ["b"], "remove_tags": [" b"]}, "remove_tags"),
        ({"add_tags": ["b", ""]}, "add_tags"),
        ({"add_tags": "b"}, "add_tags"),
    ],
)
def test_rejects_lists_of_tags_that_contradict(
    client: FlaskClient, body: dict[str, Any], field: str
) -> None:
    answer = post(client, **body)
    assert answer.status_code == 422
    assert list(answer.get_json()["error"]["details"]) == [field]
    assert stored(client) == []


def test_counts_tags_after_the_change(client: FlaskClient) -> None:
    post(client, tags=[str(n) for n in range(100)])
    assert post(client, add_tags=["new"]).status_code == 422
    swapped = post(client, add_tags=["new", "newer"], remove_tags=["0", "1"]).get_json()
    assert len(swapped["contact"]["tags"]) == 100 and swapped["contact"]["tags"][-1] == "newer"


@pytest.mark.one_engine
def test_explains_unknown_and_read_only_fields(client: FlaskClient) -> None:
    details = post(client, id="x", fist_name="Priya", zzz=1).get_json()["error"]["details"]
    assert details["id"] == ["Read-only: leave it out."]
    assert details["fist_name"] == ["Unknown: did you mean first_name?"]
    assert "phone, first_name, last_name, email, tags, custom_fields" in details["zzz"][0]


def test_rejects_unknown_parameters(client: FlaskClient, subtests: Subtests) -> None:
    for query in ("dryrun=true", "dry_run=1", "dry_run=", "dry_run=true&dry_run=true", "x", "=1"):
        with subtests.test(query=query):
            assert client.post(f"/v1/contacts?{query}", json=PRIYA).status_code == 422
            assert stored(client) == []


def test_the_phone_check_follows_the_settings(tmp_path: Path) -> None:
    app = create_app(load({"CONTACTS_PHONE_CHECK": "valid"}, data=tmp_path))
    with closing(service_of(app).db):
        client = app.test_client()
        key = (tmp_path / "first-admin-key").read_text().strip()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
        assert post(client, phone="+1 555 555 5555").status_code == 422
        assert post(client, phone="+44 (0)20 7946 0958").status_code == 201
