"""The envelope of errors, request ids, headers, and no leaks."""

import logging
from pathlib import Path
from typing import Any, NoReturn

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from pytest import LogCaptureFixture, Subtests
from werkzeug.test import TestResponse

from app.api_keys.handlers import create_api_key
from app.database import Database
from app.errors import StoreFault
from app.web.responses import STATUSES

pytestmark = pytest.mark.one_engine

PATH = "/v1/contacts"
PRIYA = {"phone": "918856879188", "first_name": "Priya", "email": "priya@example.com"}


def assert_envelope(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status
    assert response.mimetype == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    body = response.get_json()
    assert list(body) == ["success", "error"] and body["success"] is False
    error: dict[str, Any] = body["error"]
    assert error["code"] == code and STATUSES[code] == status
    assert error["message"] and len(error["message"]) < 400
    assert set(error) - {"details"} == {"code", "message", "request_id"}
    assert ("details" in error) == (status == 422)
    assert error["request_id"] == response.headers["X-Request-Id"]
    return error


@pytest.fixture
def broken(app: Flask) -> None:
    """Add routes that raise unexpected exceptions."""

    def fail() -> NoReturn:
        raise RuntimeError(request.get_data(as_text=True) + request.headers["Authorization"])

    def fault() -> NoReturn:
        raise StoreFault("SQLite says: no such table")

    def recurse() -> NoReturn:
        recurse()

    for view in (fail, fault, recurse):
        app.add_url_rule(f"/{view.__name__}", view_func=view, methods=["POST"])


def test_every_error_has_the_envelope(
    client: FlaskClient, anonymous: FlaskClient, db: Database
) -> None:
    reader = create_api_key(db, label="reader", scopes=("contacts:read",))
    assert_envelope(anonymous.get(PATH), 401, "unauthorized")
    headers = {"Authorization": f"Bearer {reader}"}
    assert_envelope(anonymous.post(PATH, json=PRIYA, headers=headers), 403, "forbidden")
    assert_envelope(client.get("/v1/nothing"), 404, "not_found")
    assert_envelope(client.delete(PATH), 405, "method_not_allowed")
    assert_envelope(client.post(PATH, data=b"{"), 415, "unsupported_media_type")
    large = {"CONTENT_LENGTH": str(2**30), "CONTENT_TYPE": "application/json"}
    too_large = client.post(PATH, environ_overrides=large)
    assert_envelope(too_large, 413, "payload_too_large")
    not_json = client.post(PATH, data=b"{", content_type="application/json")
    assert_envelope(not_json, 400, "invalid_json")
    assert_envelope(client.post(PATH, json={}), 422, "validation_error")


@pytest.mark.sqlite
def test_a_full_disk_has_the_envelope(client: FlaskClient, db: Database) -> None:
    db.connection().execute("PRAGMA max_page_count = 1")
    body = PRIYA | {"custom_fields": {str(n): "x" * 4_000 for n in range(50)}}
    assert_envelope(client.post(PATH, json=body), 507, "insufficient_storage")
    assert client.get(PATH).get_json()["contacts"] == []


@pytest.mark.sqlite
def test_a_lost_store_has_the_envelope(client: FlaskClient, db: Database) -> None:
    db.close()
    db.path.rename(db.path.with_suffix(".away"))
    response = client.get(PATH)
    assert_envelope(response, 503, "unavailable")
    assert int(response.headers["Retry-After"]) >= 1
    db.path.with_suffix(".away").rename(db.path)
    assert client.get(PATH).status_code == 200


@pytest.mark.sqlite
def test_a_lost_data_folder_has_the_envelope(client: FlaskClient, db: Database) -> None:
    db.close()
    folder = db.path.parent
    away = folder.rename(folder.with_suffix(".away"))
    assert_envelope(client.get(PATH), 503, "unavailable")
    away.rename(folder)
    assert client.get(PATH).status_code == 200


@pytest.mark.sqlite
def test_a_damaged_store_has_the_envelope(client: FlaskClient, db: Database) -> None:
    db.close()
    for path in db.path.parent.glob("contacts.db*"):
        path.write_bytes(b"priya@example.com" * 1_000)
    response = client.get(PATH)
    assert_envelope(response, 500, "internal_error")
    assert "priya" not in response.get_data(as_text=True)


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize("path", ["/fail", "/fault", "/recurse"])
def test_a_500_hides_the_exception(client: FlaskClient, path: str) -> None:
    response = client.post(path, data="priya@example.com")
    assert_envelope(response, 500, "internal_error")
    text = response.get_data(as_text=True)
    for leak in ("Traceback", "RuntimeError", "SQLite", "priya", "ak_live", __file__, ".py"):
        assert leak not in text


@pytest.mark.usefixtures("broken")
def test_logs_the_traceback_without_the_message(
    client: FlaskClient, key: str, caplog: LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    response = client.post("/fail", data="priya@example.com")
    [record] = [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert record.levelno == logging.ERROR
    assert response.headers["X-Request-Id"] in caplog.text
    assert "RuntimeError" in caplog.text and Path(__file__).name in caplog.text
    assert key not in caplog.text and "priya" not in caplog.text


@pytest.mark.usefixtures("broken")
def test_logs_the_cause_of_a_store_fault(client: FlaskClient, caplog: LogCaptureFixture) -> None:
    client.post("/fault")
    assert "SQLite says: no such table" in caplog.text


def test_logs_nothing_about_ordinary_requests(
    client: FlaskClient, key: str, caplog: LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client.post(PATH, json=PRIYA)
    client.post(PATH, json=PRIYA | {"email": "priya"})
    client.post(PATH, data=b'{"priya', content_type="application/json")
    client.get(f"{PATH}?tag=priya&key={key}")
    client.get("/priya")
    client.get(PATH, headers={"Authorization": f"Basic {key}"})
    for leak in (key, "priya", "Priya", "918856879188"):
        assert leak not in caplog.text


@pytest.mark.parametrize(
    "given", ["a", "A1._:+/=@-", "x" * 128, "0f8fad5b-d9cb-469f-a165-70867728950e"]
)
def test_keeps_a_valid_request_id(client: FlaskClient, given: str) -> None:
    for path in (PATH, "/v1/nothing", "/healthz"):
        assert client.get(path, headers={"X-Request-Id": given}).headers["X-Request-Id"] == given


@pytest.mark.parametrize(
    "given", ["", " ", "a b", "x" * 129, "\u00e9", 'a"b', "<b>", "a,b", "a\x00"]
)
def test_replaces_an_invalid_request_id(client: FlaskClient, given: str) -> None:
    response = client.get(PATH, environ_overrides={"HTTP_X_REQUEST_ID": given})
    made = response.headers["X-Request-Id"]
    assert made != given and len(made) == 32 and made.isalnum()


def test_makes_a_new_request_id_each_time(client: FlaskClient) -> None:
    assert len({client.get(PATH).headers["X-Request-Id"] for _ in range(20)}) == 20


def test_sends_each_header_once(client: FlaskClient) -> None:
    for response in (client.get(PATH), client.get("/v1/nothing"), client.options(PATH)):
        for name in ("X-Request-Id", "Cache-Control"):
            assert len(response.headers.getlist(name)) == 1


def test_forbids_browsers_to_guess_the_media_type(client: FlaskClient) -> None:
    posted = client.post(PATH, json=PRIYA)
    for path in (PATH, f"{PATH}/{PRIYA['phone']}", "/v1/nothing", "/healthz", "/metrics", "/docs"):
        response = client.get(path)
        assert response.headers.getlist("X-Content-Type-Options") == ["nosniff"], path
    export = client.get(f"{PATH}/export", query_string={"format": "csv"})
    for response in (posted, client.options(PATH), export):
        assert response.headers.getlist("X-Content-Type-Options") == ["nosniff"]


def test_responds_in_utf_8(client: FlaskClient) -> None:
    response = client.post(
        PATH, json=PRIYA | {"first_name": "\u092a\u094d\u0930\u093f\u092f\u093e"}
    )
    assert "\u092a\u094d\u0930\u093f\u092f\u093e".encode() in response.data
    assert response.data.endswith(b"}\n")
    assert int(response.headers["Content-Length"]) == len(response.data)


def test_a_405_names_the_allowed_methods(client: FlaskClient, subtests: Subtests) -> None:
    contacts, read = {"GET", "HEAD", "OPTIONS", "POST"}, {"GET", "HEAD", "OPTIONS"}
    routes = {
        PATH: contacts,
        "/v1/status": read,
        "/v1/profile": read,
        "/healthz": read,
        "/v1/tags": read,
        "/v1/tags/VIP": {"PATCH", "DELETE", "OPTIONS"},
        "/v1/custom-fields": read,
        "/v1/custom-fields/plan": {"PUT", "DELETE", "OPTIONS"},
    }
    for path, methods in routes.items():
        for method in {"PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"} - methods:
            with subtests.test(f"{method} {path}"):
                response = client.open(
                    path, method=method, environ_overrides={"REQUEST_METHOD": method}
                )
                assert_envelope(response, 405, "method_not_allowed")
                assert set(response.allow) == methods


def test_responds_to_options_without_a_key(anonymous: FlaskClient) -> None:
    response = anonymous.options(PATH)
    assert (response.status_code, response.data) == (204, b"")
    assert set(response.allow) == {"GET", "HEAD", "OPTIONS", "POST"}
    assert_envelope(anonymous.options("/v1/nothing"), 404, "not_found")


def test_responds_to_head_like_get(client: FlaskClient, anonymous: FlaskClient) -> None:
    client.post(PATH, json=PRIYA)
    got, head = client.get(PATH), client.head(PATH)
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["Content-Length"] == got.headers["Content-Length"] == str(len(got.data))
    assert anonymous.head(PATH).status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "/v1",
        "/v1/",
        "/v1/contacts/",
        "/v1//contacts",
        "/v1/contacts//",
        "/v1/../v1/contacts",
        "/v1/./contacts",
        "/V1/contacts",
        "/v1/Contacts",
        "/v1/contacts;x",
        "/v1/contacts\x00",
        "/v1/contacts\n",
        "/static/app.js",
        "/favicon.ico",
        "/\u00e9\ud83d",
        "/" + "x" * 5_000,
    ],
    ids=lambda path: ascii(path)[:30],
)
def test_rejects_other_paths(client: FlaskClient, path: str) -> None:
    raw = path.encode("utf-8", "surrogatepass").decode("latin-1")
    for method in ("GET", "POST"):
        response = client.open("/", method=method, environ_overrides={"PATH_INFO": raw})
        assert_envelope(response, 404, "not_found")


def test_never_redirects(client: FlaskClient) -> None:
    for path in ("/v1/contacts/", "/healthz/", "/v1/status/"):
        assert "Location" not in client.get(path).headers
