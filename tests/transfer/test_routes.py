"""`POST /v1/contacts/import` and `GET /v1/contacts/export`."""

import io
import json
from datetime import datetime
from typing import Any

import openpyxl
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from app.api_keys.handlers import create_api_key
from app.contacts import bulk
from app.database import Database
from app.settings import Settings, load
from app.transfer import importer, responses, xlsx_writer
from app.web.service import service_of
from tests.conftest import store_faults

PRIYA, JOHN, LENA = "918856879188", "14155552671", "4915123456789"
CSV, LINES = "text/csv", "application/x-ndjson"
SOON = "2026-06-02T08:00:00Z"


def send(
    client: FlaskClient, text: str | bytes, query: str = "", media_type: str = CSV
) -> TestResponse:
    return client.post(f"/v1/contacts/import{query}", data=text, content_type=media_type)


def report(
    client: FlaskClient, text: str | bytes, query: str = "", media_type: str = CSV
) -> dict[str, Any]:
    response = send(client, text, query, media_type)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.get_json()["report"]
    counted = ("created", "updated", "unchanged", "rejected")
    assert found["rows"] == sum(found[name] for name in counted)
    return found


def counts(found: dict[str, Any]) -> list[int]:
    return [found[name] for name in ("created", "updated", "unchanged", "rejected")]


def stored(client: FlaskClient) -> dict[str, Any]:
    answer = client.get("/v1/contacts?limit=100&include=custom_fields").get_json()
    return {each["phone"]: each for each in answer["contacts"]}


def changes(client: FlaskClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/v1/changes?after=0").get_json()["changes"]
    return found


def test_imports_csv(client: FlaskClient, db: Database) -> None:
    client.post("/v1/contacts", json={"phone": JOHN, "tags": ["Lead"]})
    text = (
        "phone,first_name,email,tags,custom_fields.plan,custom_fields.age\n"
        f"+91 88568-79188,Priya,priya@example.com,VIP;Lead,pro,30\n"
        f"{JOHN},,,Lead,,\n"
        f'{LENA},Léna,,,"30",\'=1\n'
    )
    found = report(client, text)
    assert counts(found) == [2, 0, 1, 0]
    assert (found["last_line"], found["errors"], found["dry_run"]) == (4, [], False)
    contacts = stored(client)
    assert list(contacts) == [JOHN, PRIYA, LENA]
    assert contacts[PRIYA]["tags"] == ["VIP", "Lead"]
    assert contacts[PRIYA]["custom_fields"] == {"plan": "pro", "age": 30}
    assert contacts[LENA]["custom_fields"] == {"plan": 30, "age": "=1"}
    assert store_faults(db) == []


def test_imports_json_lines(client: FlaskClient) -> None:
    rows = [
        {"phone": PRIYA, "custom_fields": {"a": 1.0, "b": "1", "c": True, "d": None}},
        {"phone": JOHN, "id": f"cnt_{JOHN}", "created_at": SOON, "updated_at": "whatever"},
        {"phone": LENA, "frist_name": "Lena"},
    ]
    text = "\n".join(json.dumps(row) for row in rows)
    found = report(client, text, media_type=LINES)
    assert counts(found) == [2, 0, 0, 1]
    [error] = found["errors"]
    assert (error["line"], error["column"]) == (3, "frist_name")
    assert "first_name" in error["reason"]
    contacts = stored(client)
    assert contacts[PRIYA]["custom_fields"] == {"a": 1.0, "b": "1", "c": True}
    assert contacts[JOHN]["created_at"] == SOON


def test_appends_the_events_of_single_posts(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.clock.now", lambda: datetime.fromisoformat(SOON))
    rows = [
        {"phone": PRIYA, "tags": ["Lead"], "custom_fields": {"plan": "pro"}},
        {"phone": PRIYA, "tags": ["Lead"]},
        {"phone": JOHN, "first_name": "John"},
        {"phone": PRIYA, "first_name": "Priya"},
    ]
    for row in rows:
        client.post("/v1/contacts", json=row)
    single = [{**each, "seq": 0} for each in changes(client)]
    client.delete(f"/v1/contacts/{PRIYA}")
    client.delete(f"/v1/contacts/{JOHN}")
    before = len(changes(client))
    report(client, "\n".join(map(json.dumps, rows)), media_type=LINES)
    assert [{**each, "seq": 0} for each in changes(client)[before:]] == single


def test_reports_a_repeated_phone_and_the_last_row_wins(client: FlaskClient) -> None:
    text = f"phone,first_name\n{PRIYA},Pria\n{JOHN},John\n+{PRIYA},Priya\n"
    found = report(client, text)
    assert counts(found) == [2, 1, 0, 0]
    assert found["repeated"] == 1
    [warning] = found["warnings"]
    assert (warning["line"], warning["column"]) == (4, "phone")
    assert "line 2" in warning["reason"]
    assert stored(client)[PRIYA]["first_name"] == "Priya"


@pytest.mark.parametrize("batch", [1, 2, 1_000])
def test_repeated_phones_are_reported_across_batches(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(importer, "BATCH_ROWS", batch)
    text = f"phone,first_name\n{PRIYA},a\n{JOHN},b\n{PRIYA},c\n{PRIYA},c\n{PRIYA},a\n"
    for query in ("?dry_run=true", ""):
        found = report(client, text, query)
        assert counts(found) == [2, 2, 1, 0]
        assert [each["line"] for each in found["warnings"]] == [4, 5, 6]


def test_a_dry_run_stores_nothing(client: FlaskClient) -> None:
    client.post("/v1/contacts", json={"phone": PRIYA, "first_name": "Priya"})
    before = stored(client), changes(client)
    text = f"phone,first_name\n{PRIYA},Pria\n{JOHN},John\n12,Bad\n{PRIYA},Pria\n"
    found = report(client, text, "?dry_run=true")
    assert found["dry_run"] is True
    assert counts(found) == [1, 1, 1, 1]
    assert (stored(client), changes(client)) == before
    assert counts(report(client, text)) == [1, 1, 1, 1]


def test_a_repeated_import_changes_nothing(client: FlaskClient) -> None:
    text = f"phone,tags,custom_fields.age\n{PRIYA},VIP;Lead,30\n{JOHN},,-1.5\n"
    assert counts(report(client, text)) == [2, 0, 0, 0]
    before = changes(client)
    assert counts(report(client, text)) == [0, 0, 2, 0]
    assert changes(client) == before


def test_explains_damaged_phones(client: FlaskClient) -> None:
    phones = ["9.18857E+11", "918856879188.0", "12/05/2021", "#REF!", "7911"]
    found = report(client, "phone\n" + "\n".join(phones))
    messages = [each["reason"] for each in found["errors"]]
    words = ["scientific", "decimal", "date", "formula", "leading zeros"]
    assert all(word in reason for word, reason in zip(words, messages, strict=True))
    assert stored(client) == {}


def test_maps_columns(client: FlaskClient) -> None:
    text = f"Mobile,Plan,Notes\n{PRIYA},pro,x\n12,free,\n"
    query = "?map=Mobile%3Dphone,Plan%3Dcustom_fields.plan&map=Notes%3D"
    found = report(client, text, query)
    assert counts(found) == [1, 0, 0, 1]
    assert found["errors"][0]["column"] == "Mobile"
    assert stored(client)[PRIYA]["custom_fields"] == {"plan": "pro"}


def test_reads_national_numbers_of_the_default_country(client: FlaskClient) -> None:
    text = "phone\n08856879188\n8856879189\n918856879190\n+14155552671\n0044 20 7946 0958\n12\n"
    found = report(client, text, "?default_country=IN")
    assert found["rejected"] == 1
    assert set(stored(client)) >= {
        "918856879188",
        "918856879189",
        "918856879190",
        "14155552671",
        "442079460958",
    }


@pytest.mark.parametrize(
    ("text", "media_type"),
    [
        ("phone\n" + "".join(f"98860123{n:02}\n" for n in range(14)) + "6512345678\n" * 6, CSV),
        ("phone\n08856879188\n", CSV),
        ('{"phone": "6512345678"}\n{"phone": "8123456789"}', LINES),
    ],
)
def test_the_country_is_not_guessed(client: FlaskClient, text: str, media_type: str) -> None:
    response = send(client, text, media_type=media_type)
    assert response.status_code == 422
    [reason] = response.get_json()["error"]["details"]["phone"]
    assert "--default-country" in reason and "the result would be" in reason
    assert stored(client) == {}
    known = report(client, text, "?default_country=IN", media_type)
    assert known["numbers"] == {"IN": known["rows"]} and known["rejected"] == 0


def test_bare_numbers_are_international_where_the_file_is_convincing(client: FlaskClient) -> None:
    good = "".join(f"4915123456{n:03}\n" for n in range(19))
    assert counts(report(client, f"phone\n{good}6512345678\n")) == [20, 0, 0, 0]
    response = send(client, f"phone\n{good[:-14]}6512345678\n")
    assert response.status_code == 422 and "1 of SG" in response.text
    found = report(client, "phone\n6512345678\n12\n", "?international=true")
    assert (counts(found), found["numbers"]) == ([0, 0, 1, 1], {"SG": 1})


@pytest.mark.one_engine
@pytest.mark.parametrize("query", ["international=true&default_country=IN", "tags=all", "map=x"])
def test_rejects_contradictory_options(client: FlaskClient, query: str) -> None:
    assert send(client, f"phone\n{PRIYA}\n", f"?{query}").status_code == 422


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (f"{PRIYA},cnt_{JOHN},", "id"),
        (f"{PRIYA},,yesterday", "created_at"),
        (f"{PRIYA},,2026-02-30T00:00:00Z", "created_at"),
    ],
)
def test_rejects_an_id_or_date_that_contradicts_the_row(
    client: FlaskClient, row: str, column: str
) -> None:
    [error] = report(client, f"phone,id,created_at\n{row}\n")["errors"]
    assert (error["line"], error["column"]) == (2, column)
    assert ('--map "created_at=custom_fields.created_at"' in error["reason"]) == (column != "id")
    assert stored(client) == {}


def test_stores_created_at_of_new_contacts_only(client: FlaskClient) -> None:
    known = client.post("/v1/contacts", json={"phone": JOHN}).get_json()["contact"]
    text = "phone,created_at,updated_at\n"
    text += f"{PRIYA},2020-02-29T23:59:59.5+05:30,2020-03-01T00:00:00Z\n{JOHN},{SOON},\n"
    assert counts(report(client, text)) == [1, 0, 1, 0]
    contacts = stored(client)
    assert contacts[PRIYA]["created_at"] == "2020-02-29T18:29:59Z"
    assert contacts[JOHN]["created_at"] == known["created_at"]


def test_reaches_the_survivor_of_a_merge(client: FlaskClient) -> None:
    for phone in (PRIYA, JOHN):
        client.post("/v1/contacts", json={"phone": phone})
    client.post(f"/v1/contacts/{PRIYA}/merge", json={"from": JOHN})
    found = report(client, f"phone,first_name\n{JOHN},Jo\n{PRIYA},Jo\n")
    assert counts(found) == [0, 1, 1, 0]
    assert list(stored(client)) == [PRIYA]


def test_rejects_values_of_another_type_than_pinned(client: FlaskClient) -> None:
    client.put("/v1/custom-fields/age", json={"type": "number"})
    found = report(client, f"phone,custom_fields.age\n{PRIYA},old\n{JOHN},30\n")
    assert counts(found) == [1, 0, 0, 1]
    assert found["errors"][0]["column"] == "custom_fields.age"


def test_reports_keys_that_cannot_be_encoded(client: FlaskClient) -> None:
    text = f'{{"phone": "{PRIYA}", "\\ud800": 1}}\n{{"phone": "{PRIYA}", "tags": ["\\udfff"]}}'
    found = report(client, text, media_type=LINES)
    assert [each["column"] for each in found["errors"]] == ["\ufffd", "tags.0"]
    assert stored(client) == {}


def test_reports_at_most_a_hundred_errors(client: FlaskClient) -> None:
    found = report(client, "phone\n" + "12\n" * 250)
    assert (found["rejected"], len(found["errors"])) == (250, 100)


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("text", "query", "field"),
    [
        ("Plan,email\n1,2\n", "", "map"),
        ("Mobile,phone\n1,2\n", "?map=Mobile%3Dfirst_name,phone%3Dfirst_name", "map"),
        ("phone\n1\n", "?map=Mobile%3Dphone", "map"),
        ("phone\n1\n", "?map=phone", "map"),
        ("phone\n1\n", "?default_country=XX", "default_country"),
        ("phone\n1\n", "?dry_run=yes", "dry_run"),
        ("phone\n1\n", "?limit=1", "limit"),
        ("", "", "file"),
        ("\ufeff", "", "file"),
        ('"phone\n1', "", "header"),
    ],
)
def test_rejects_an_unreadable_body(client: FlaskClient, text: str, query: str, field: str) -> None:
    response = send(client, text, query)
    assert response.status_code == 422
    assert list(response.get_json()["error"]["details"]) == [field]


@pytest.mark.one_engine
@pytest.mark.parametrize(
    "media_type", ["application/json", "text/plain", "text/csv; charset=unknown"]
)
def test_rejects_other_media_types(client: FlaskClient, media_type: str) -> None:
    assert send(client, "phone\n", media_type=media_type).status_code == 415


def test_an_empty_json_lines_file_imports_nothing(client: FlaskClient) -> None:
    assert counts(report(client, "", media_type=LINES)) == [0, 0, 0, 0]


def test_a_truncated_body_stores_nothing(client: FlaskClient) -> None:
    text = f"phone\n{PRIYA}\n{JOHN}\n{LENA}\n"
    response = client.post(
        "/v1/contacts/import",
        data=text,
        content_type=CSV,
        environ_overrides={"CONTENT_LENGTH": str(len(text) + 100)},
    )
    assert response.status_code == 400
    error = response.get_json()["error"]
    assert error["code"] == "bad_request" and "Nothing is stored" in error["message"]
    assert error["details"]["report"]["last_line"] == 0
    assert stored(client) == {}
    assert counts(report(client, text)) == [3, 0, 0, 0]


@pytest.mark.one_engine
def test_a_body_that_is_too_large_is_rejected(settings: Settings) -> None:
    app = create_app(load({"CONTACTS_MAX_IMPORT_BYTES": "1024"}, data=settings.data))
    db = service_of(app).db
    key = create_api_key(db, label="tests", scopes=("contacts:read", "contacts:write"))
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    assert send(client, "phone\n" + f"{PRIYA}\n" * 100).status_code == 413
    assert stored(client) == {}
    assert counts(report(client, f"phone\n{PRIYA}\n")) == [1, 0, 0, 0]
    db.close()


@pytest.mark.sqlite
def test_reports_rows_stored_before_the_disk_was_full(
    client: FlaskClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "BATCH_ROWS", 4)
    monkeypatch.setattr(bulk, "SLICE", 1)
    monkeypatch.setattr(bulk, "CHUNK_SECONDS", 0.0)
    [(pages,)] = db.connection().execute("PRAGMA page_count")
    db.connection().execute(f"PRAGMA max_page_count = {pages + 200}")
    long = {f"key{number}": "x" * 4_096 for number in range(20)}
    rows = [{"phone": f"9188568700{n:02}", "custom_fields": long} for n in range(40)]
    response = send(client, "\n".join(map(json.dumps, rows)), media_type=LINES)
    assert response.status_code == 507
    found = response.get_json()["error"]["details"]["report"]
    assert found["created"] == found["last_line"] == len(stored(client)) > 0
    assert store_faults(db) == []


def test_a_stopping_server_reports_the_stored_rows(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "BATCH_ROWS", 2)
    service_of(app).stopping.set()
    text = f"phone\n{PRIYA}\n{JOHN}\n{LENA}\n"
    assert counts(report(client, text, "?dry_run=true")) == [3, 0, 0, 0]
    monkeypatch.setattr(responses, "STOPPING_SECONDS", 0)
    response = send(client, text)
    assert response.status_code == 503
    assert response.get_json()["error"]["details"]["report"]["last_line"] == 3
    assert list(stored(client)) == [PRIYA, JOHN]


def test_leaves_a_thread_for_other_requests(app: Flask, client: FlaskClient) -> None:
    slots = service_of(app).file_transfers
    taken = 0
    while slots.acquire(blocking=False):
        taken += 1
    assert taken == load({}).threads - 1
    response = send(client, "phone\n")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "10")
    response = client.get("/v1/contacts/export")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "10")
    slots.release()
    for method in (client.get, client.head, client.get):
        assert method("/v1/contacts/export").status_code == 200
    assert send(client, "phone\n").status_code == 200
    assert send(client, "email\n").status_code == 422
    assert send(client, "phone\n").status_code == 200


def test_needs_the_scopes(app: Flask, db: Database) -> None:
    client = app.test_client()
    for scope, allowed in (("contacts:read", (403, 200)), ("contacts:write", (200, 403))):
        key = create_api_key(db, label="one", scopes=(scope,))
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
        answers = send(client, "phone\n"), client.get("/v1/contacts/export")
        assert tuple(each.status_code for each in answers) == allowed


def test_exports_csv(client: FlaskClient) -> None:
    body = {
        "phone": PRIYA,
        "first_name": "=cmd()",
        "last_name": 'Shar"ma',
        "tags": ["a;b", "VIP"],
        "custom_fields": {"n": 1, "s": "1", "note": "two\nlines", "no": False},
    }
    created = client.post("/v1/contacts", json=body).get_json()["contact"]["created_at"]
    later = client.post("/v1/contacts", json={"phone": JOHN}).get_json()["contact"]["created_at"]
    response = client.get("/v1/contacts/export")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "contacts.csv" in response.headers["Content-Disposition"]
    columns = "id,phone,first_name,last_name,email,tags,created_at,updated_at,aliases"
    fields = ",".join(f"custom_fields.{key}" for key in ("n", "no", "note", "s"))
    assert response.text == (
        f"{columns},{fields}\r\n"
        f'cnt_{PRIYA},{PRIYA},\'=cmd(),"Shar""ma",,"a\\;b;VIP",{created},{created},,'
        '1,false,"two\nlines","""1"""\r\n'
        f"cnt_{JOHN},{JOHN},,,,,{later},{later},,,,,\r\n"
    )


def test_exports_json_lines(client: FlaskClient) -> None:
    for phone in (PRIYA, JOHN):
        client.post("/v1/contacts", json={"phone": phone, "custom_fields": {"n": 1}})
    response = client.get("/v1/contacts/export?format=jsonl")
    assert response.headers["Content-Type"] == "application/x-ndjson"
    found = [json.loads(line) for line in response.text.splitlines()]
    shown = (client.get(f"/v1/contacts/{n}?include=aliases").get_json() for n in (PRIYA, JOHN))
    assert found == [each["contact"] for each in shown]


def test_exports_vcards(client: FlaskClient) -> None:
    client.post(
        "/v1/contacts", json={"phone": PRIYA, "first_name": "Priya", "tags": ["a;b", "c,d"]}
    )
    response = client.get("/v1/contacts/export?format=vcf")
    assert response.headers["Content-Type"] == "text/vcard; charset=utf-8"
    assert "contacts.vcf" in response.headers["Content-Disposition"]
    for line in ("BEGIN:VCARD", f"TEL;TYPE=CELL:+{PRIYA}", "CATEGORIES:a\\;b,c\\,d", "END:VCARD"):
        assert f"{line}\r\n" in response.text


def test_exports_a_workbook(client: FlaskClient) -> None:
    fields = {"n": 12, "half": 0.5, "yes": True, "code": "12", "long": 0.1 + 0.2}
    client.post(
        "/v1/contacts", json={"phone": PRIYA, "first_name": "=cmd()", "custom_fields": fields}
    )
    response = client.get("/v1/contacts/export?format=xlsx")
    assert response.headers["Content-Type"].endswith("spreadsheetml.sheet")
    assert "contacts.xlsx" in response.headers["Content-Disposition"]
    head, row = openpyxl.load_workbook(io.BytesIO(response.data)).active.iter_rows(values_only=True)
    found = dict(zip(head, row, strict=True))
    assert (found["phone"], found["first_name"], found["last_name"]) == (PRIYA, "'=cmd()", None)
    values = {key.removeprefix("custom_fields."): found[key] for key in head if "." in key}
    assert values == fields | {"code": '"12"', "long": "0.30000000000000004"}
    assert type(values["n"]) is int


def test_rejects_an_export_of_more_columns_than_a_workbook_has(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xlsx_writer, "MAX_COLUMNS", 9)
    assert client.get("/v1/contacts/export?format=xlsx").status_code == 200
    client.post("/v1/contacts", json={"phone": PRIYA, "custom_fields": {"n": 12}})
    response = client.get("/v1/contacts/export?format=xlsx")
    assert (response.status_code, "csv or jsonl" in response.text) == (422, True)


def test_an_empty_store_gives_an_empty_file(client: FlaskClient) -> None:
    assert client.get("/v1/contacts/export?format=jsonl").data == b""
    header = "id,phone,first_name,last_name,email,tags,created_at,updated_at,aliases\r\n"
    assert client.get("/v1/contacts/export").text == header
    assert client.get("/v1/contacts/export?format=vcf").data == b""
    book = openpyxl.load_workbook(io.BytesIO(client.get("/v1/contacts/export?format=xlsx").data))
    assert [cell.value for cell in book.active[1]] == header.strip().split(",")


@pytest.mark.parametrize(
    "query",
    ["tag=VIP", "q=pri", "phone=%2B91+88568+79188", "custom_fields[n][gte]=2", "email=a@b.co"],
)
def test_exports_the_contacts_that_a_list_finds(client: FlaskClient, query: str) -> None:
    rows = [
        {"phone": PRIYA, "first_name": "Priya", "tags": ["VIP"], "custom_fields": {"n": 2}},
        {"phone": JOHN, "tags": ["VIP"], "email": "a@b.co"},
        {"phone": LENA, "custom_fields": {"n": 3}},
    ]
    for row in rows:
        client.post("/v1/contacts", json=row)
    listed = client.get(f"/v1/contacts?{query}").get_json()["contacts"]
    found = client.get(f"/v1/contacts/export?format=jsonl&{query}").text.splitlines()
    assert 0 < len(found) < 3
    assert [json.loads(line)["id"] for line in found] == [each["id"] for each in listed]


@pytest.mark.one_engine
@pytest.mark.parametrize(
    "query", ["limit=5", "offset=1", "cursor=", "sort=phone", "include=updated_at", "format=xls"]
)
def test_an_export_has_no_pages(client: FlaskClient, query: str) -> None:
    response = client.get(f"/v1/contacts/export?{query}")
    assert response.status_code == 422
    assert list(response.get_json()["error"]["details"]) == [query.partition("=")[0]]


def test_recognizes_the_format_of_a_file_by_its_content(client: FlaskClient) -> None:
    sent = {"content_type": "application/octet-stream"}
    line = '{"phone": "918856879188", "first_name": "Priya"}\n'
    read = client.post("/v1/contacts/import", data=line, **sent).get_json()["report"]
    assert (read["format"], read["created"]) == ("jsonl", 1)
    read = client.post("/v1/contacts/import", data="phone\n918856879188\n", **sent).get_json()
    assert (read["report"]["format"], read["report"]["unchanged"]) == ("csv", 1)
