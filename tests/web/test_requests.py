"""Bodies and queries: one complete, strict JSON object in UTF-8, or an error."""

import io
import json
import time
from typing import Any

import pytest
from flask.testing import FlaskClient
from pytest import Subtests
from werkzeug.test import TestResponse

from app.api_keys.handlers import create_api_key
from app.database import Database
from app.settings import Settings
from app.web import requests
from app.web.requests import PIECE

pytestmark = pytest.mark.one_engine

PATH = "/v1/contacts"
MAX_DEPTH = 32
BODY = b'{"phone": "918856879188", "first_name": "Priya"}'


@pytest.fixture
def limit(settings: Settings) -> int:
    return settings.max_body_bytes


def send(client: FlaskClient, body: bytes, **more: Any) -> TestResponse:
    return client.post(PATH, **{"data": body, "content_type": "application/json", **more})


def send_chunked(client: FlaskClient, stream: Any) -> TestResponse:
    """Send as a server passes on a chunked body: without a length, ended by the server."""
    overrides = {
        "wsgi.input": stream,
        "wsgi.input_terminated": True,
        "HTTP_TRANSFER_ENCODING": "chunked",
        "CONTENT_TYPE": "application/json",
    }
    return client.open(PATH, method="POST", environ_overrides=overrides)


def nested(depth: int) -> bytes:
    """Return a body that is `depth` objects and arrays deep."""
    inner = depth - 2
    return b'{"phone": "918856879188", "custom_fields": {"a": %s1%s}}' % (
        b"[" * inner,
        b"]" * inner,
    )


def assert_refused(client: FlaskClient, response: TestResponse, status: int, code: str) -> None:
    assert (response.status_code, response.get_json()["error"]["code"]) == (status, code)
    assert client.get(PATH).get_json()["pagination"]["total"] == 0


def test_accepts_a_json_object(client: FlaskClient) -> None:
    assert send(client, BODY).status_code == 201


def test_accepts_a_chunked_body(client: FlaskClient) -> None:
    assert send_chunked(client, io.BytesIO(BODY)).status_code == 201


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        'application/json; charset="utf-8"',
        "APPLICATION/JSON",
        "application/json; boundary=x",
    ],
)
def test_accepts_media_types_of_json(client: FlaskClient, content_type: str) -> None:
    assert send(client, BODY, content_type=content_type).status_code == 201


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/vnd.api+json",
        "application/merge-patch+json",
        "application/json; charset=utf-16",
        "application/json; charset=iso-8859-1",
        "json",
        "application/jsonx",
    ],
)
def test_rejects_other_media_types(client: FlaskClient, content_type: str | None) -> None:
    response = send(client, BODY, content_type=content_type)
    assert_refused(client, response, 415, "unsupported_media_type")


@pytest.mark.parametrize("declared", [len(BODY) + 1, 10_000])
def test_rejects_a_truncated_body(client: FlaskClient, declared: int) -> None:
    response = send(client, BODY, environ_overrides={"CONTENT_LENGTH": str(declared)})
    assert_refused(client, response, 400, "invalid_json")


def test_rejects_a_truncated_body_that_the_server_ended(client: FlaskClient) -> None:
    cut = {"CONTENT_LENGTH": "50", "wsgi.input_terminated": True}
    response = send(client, b'{"phone": "918856879188"}', environ_overrides=cut)
    assert_refused(client, response, 400, "invalid_json")


@pytest.mark.parametrize("error", [OSError, TimeoutError, BlockingIOError, ValueError, EOFError])
@pytest.mark.parametrize("chunked", [True, False])
def test_rejects_a_body_that_cannot_be_read(
    client: FlaskClient, error: type[Exception], chunked: bool
) -> None:
    class Cut(io.BytesIO):
        def read(self, *_: object) -> bytes:
            raise error("priya@example.com")

    if chunked:
        response = send_chunked(client, Cut())
    else:
        response = send(client, BODY, environ_overrides={"wsgi.input": Cut()})
    assert_refused(client, response, 400, "invalid_json")
    assert "priya" not in response.get_data(as_text=True)


def test_accepts_a_body_of_the_largest_size(client: FlaskClient, limit: int) -> None:
    body = BODY.ljust(limit)
    assert send(client, body).status_code == 201
    assert send_chunked(client, io.BytesIO(body)).status_code == 200


def test_rejects_a_larger_body(client: FlaskClient, limit: int) -> None:
    response = send(client, BODY.ljust(limit + 1))
    assert_refused(client, response, 413, "payload_too_large")
    assert str(limit) in response.get_json()["error"]["message"]


def test_rejects_a_larger_body_before_it_is_sent(client: FlaskClient, limit: int) -> None:
    response = send(client, BODY, environ_overrides={"CONTENT_LENGTH": str(limit + 1)})
    assert_refused(client, response, 413, "payload_too_large")


@pytest.mark.parametrize("more", [1, 2**20])
def test_rejects_a_larger_chunked_body(client: FlaskClient, limit: int, more: int) -> None:
    response = send_chunked(client, io.BytesIO(BODY.ljust(limit + more)))
    assert_refused(client, response, 413, "payload_too_large")


def test_reads_no_more_than_the_limit_of_a_chunked_body(client: FlaskClient, limit: int) -> None:
    stream = io.BytesIO(BODY.ljust(10 * limit))
    send_chunked(client, stream)
    assert stream.tell() == limit + 1


def test_rejects_a_body_in_tiny_chunks(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Laborious(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            end = time.thread_time() + 0.02
            while time.thread_time() < end:
                pass
            return super().read(size)

    stream = Laborious(BODY.ljust(20 * PIECE))
    monkeypatch.setattr(requests, "SECONDS_FOR_CHUNKS", 0.1)
    assert_refused(client, send_chunked(client, stream), 400, "invalid_json")
    assert stream.tell() < 10 * PIECE


NOT_JSON: dict[str, bytes] = {
    "empty": b"",
    "spaces": b"  \n",
    "cut": BODY[:-1],
    "two values": BODY + BODY,
    "trailing text": BODY + b"x",
    "array": b"[" + BODY + b"]",
    "string": b'"918856879188"',
    "number": b"918856879188",
    "null": b"null",
    "form": b"phone=918856879188",
    "single quotes": BODY.replace(b'"', b"'"),
    "trailing comma": BODY.replace(b"}", b",}"),
    "comment": BODY + b"// Priya",
    "invalid UTF-8": BODY.replace(b"Priya", b"Pri\xffya"),
    "surrogate in UTF-8": BODY.replace(b"Priya", b"\xed\xa0\x80"),
    "overlong UTF-8": BODY.replace(b"Priya", b"\xc0\xaf"),
    "Latin-1": BODY.replace(b"Priya", "Zo\u00eb".encode("latin-1")),
    "BOM": b"\xef\xbb\xbf" + BODY,
    "UTF-16": BODY.decode().encode("utf-16"),
    "UTF-16 without BOM": BODY.decode().encode("utf-16-le"),
    "UTF-32": BODY.decode().encode("utf-32"),
    "control character": BODY.replace(b"Priya", b"Pri\nya"),
    "duplicate key": BODY.replace(b"{", b'{"phone": "14155552671", '),
    "same duplicate key": BODY.replace(b"{", b'{"phone": "918856879188", '),
    "escaped duplicate key": BODY.replace(b"{", b'{"ph\\u006fne": "14155552671", '),
    "nested duplicate key": BODY.replace(b"}", b', "custom_fields": {"a": 1, "a": 1}}'),
    "NaN": BODY.replace(b'"Priya"', b"NaN"),
    "Infinity": BODY.replace(b"}", b', "custom_fields": {"a": Infinity}}'),
    "-Infinity": BODY.replace(b"}", b', "custom_fields": {"a": -Infinity}}'),
    "leading zero": BODY.replace(b'"Priya"', b"01"),
    "hexadecimal": BODY.replace(b'"Priya"', b"0x1"),
    "plus": BODY.replace(b'"Priya"', b"+1"),
    "lone point": BODY.replace(b'"Priya"', b"1."),
    "depth 33": nested(MAX_DEPTH + 1),
    "depth 33 of objects": b'{"a":' * 33 + b"1" + b"}" * 33,
    "depth 5,000": nested(5_000),
    "20,000 brackets": b"[" * 20_000,
    "20,000 closed brackets": b"[" * 20_000 + b"]" * 20_000,
    "200,000 braces": b'{"a":' * 200_000,
}


@pytest.mark.parametrize("name", NOT_JSON)
@pytest.mark.parametrize("chunked", [False, True], ids=["whole", "chunked"])
def test_rejects_bodies_that_are_not_json_objects(
    client: FlaskClient, name: str, chunked: bool
) -> None:
    body = NOT_JSON[name]
    response = send_chunked(client, io.BytesIO(body)) if chunked else send(client, body)
    assert_refused(client, response, 400, "invalid_json")


def test_rejects_a_missing_body(client: FlaskClient) -> None:
    for overrides in ({}, {"CONTENT_LENGTH": ""}, {"CONTENT_LENGTH": "0"}):
        response = client.post(PATH, content_type="application/json", environ_overrides=overrides)
        assert_refused(client, response, 400, "invalid_json")


UNSTORABLE: dict[str, bytes] = {
    "1e400": b'{"phone": "918856879188", "custom_fields": {"a": 1e400}}',
    "-1e400": b'{"phone": "918856879188", "custom_fields": {"a": -1e400}}',
    "5,000 digits": b'{"phone": "918856879188", "custom_fields": {"a": %s}}' % (b"9" * 5_000),
    "-5,000 digits": b'{"phone": "918856879188", "custom_fields": {"a": -%s}}' % (b"9" * 5_000),
    "5,000 digits as phone": b'{"phone": %s}' % (b"9" * 5_000),
    "2**63": b'{"phone": "918856879188", "custom_fields": {"a": 9223372036854775808}}',
    "depth 32": nested(MAX_DEPTH),
    "lone surrogate": b'{"phone": "918856879188", "first_name": "\\ud800"}',
    "reversed surrogates": b'{"phone": "918856879188", "first_name": "\\udc00\\ud800"}',
    "U+0000": b'{"phone": "918856879188", "custom_fields": {"a": "\\u0000"}}',
    "empty object": b"{}",
    "unknown key": b'{"phone": "918856879188", "__proto__": {}}',
}


@pytest.mark.parametrize("name", UNSTORABLE)
def test_rejects_json_with_unstorable_content(client: FlaskClient, name: str) -> None:
    assert_refused(client, send(client, UNSTORABLE[name]), 422, "validation_error")


def test_accepts_brackets_inside_strings(client: FlaskClient) -> None:
    body = json.dumps({"phone": "918856879188", "custom_fields": {"a": "[{" * 1_000}})
    assert send(client, body.encode()).status_code == 201


def test_accepts_escaped_surrogate_pairs(client: FlaskClient) -> None:
    response = send(client, BODY.replace(b"Priya", b"\\ud83d\\ude00"))
    assert response.get_json()["contact"]["first_name"] == "\U0001f600"


def test_reports_the_place_of_a_syntax_error(client: FlaskClient) -> None:
    message = send(client, b'{"phone":\n 1,}').get_json()["error"]["message"]
    assert "line 2 column" in message


def test_never_quotes_the_body(client: FlaskClient, subtests: Subtests) -> None:
    for name, body in NOT_JSON.items():
        with subtests.test(name):
            text = send(client, body.replace(b"Pri", b"Secret")).get_data(as_text=True)
            assert "Secret" not in text and "14155552671" not in text


@pytest.mark.parametrize("declared", ["-1", "abc", "1_0", "+5", "5.0", "\u0665"])
def test_rejects_lengths_that_are_not_numbers(client: FlaskClient, declared: str) -> None:
    response = send(client, BODY, environ_overrides={"CONTENT_LENGTH": declared})
    assert_refused(client, response, 400, "invalid_json")


# Each request fails the check of its status and all later ones: the first failure is returned.
ORDER: list[tuple[int, dict[str, Any]]] = [
    (404, {"path": "/v1/nothing", "method": "DELETE"}),
    (405, {"method": "DELETE"}),
    (401, {}),
    (403, {"scope": "contacts:read"}),
    (415, {"scope": "contacts:write"}),
    (413, {"scope": "contacts:write", "type": "application/json"}),
    (400, {"scope": "contacts:write", "type": "application/json", "length": "9"}),
    (
        422,
        {
            "scope": "contacts:write",
            "type": "application/json",
            "length": "17",
            "body": b'{"phone": "8856"}',
        },
    ),
]


@pytest.mark.parametrize(("status", "request_"), ORDER, ids=[str(status) for status, _ in ORDER])
def test_checks_requests_in_a_fixed_order(
    anonymous: FlaskClient, db: Database, status: int, request_: dict[str, Any]
) -> None:
    headers = {}
    if "scope" in request_:
        secret = create_api_key(db, label="tests", scopes=(request_["scope"],))
        headers["Authorization"] = f"Bearer {secret}"
    response = anonymous.open(
        request_.get("path", PATH) + "?dry_run=maybe",
        method=request_.get("method", "POST"),
        headers=headers,
        data=request_.get("body", b'{"phone":'),
        content_type=request_.get("type", "text/plain"),
        environ_overrides={"CONTENT_LENGTH": request_.get("length", str(2**30))},
    )
    assert response.status_code == status


@pytest.mark.parametrize("path", ["/v1/contacts/search", "/v1/webhooks", "/v1/contacts/batch"])
def test_checks_the_body_before_the_query(client: FlaskClient, path: str) -> None:
    assert client.post(f"{path}?x=1", data=BODY, content_type="text/plain").status_code == 415


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/v1/webhooks", {}, "url: Required: it must not be left out."),
        ("/v1/contacts/918856879188/tags", {}, "tags: Required: it must not be left out."),
        ("/v1/contacts/918856879188/merge", {"from": None}, "from: Must not be null"),
        ("/v1/contacts/search?x=1", {}, "x: Unknown: leave it out."),
    ],
)
def test_the_message_names_the_remedy(
    client: FlaskClient, path: str, body: object, message: str
) -> None:
    response = client.post(path, json=body)
    assert response.status_code == 422
    assert response.get_json()["error"]["message"].startswith(message)


@pytest.mark.parametrize(
    "query", ["tag=%ff", "tag=%C3", "%ff=1", "limit=5&tag=a%E2%28%A1", "tag=%ed%a0%80", "tag=\xff"]
)
@pytest.mark.parametrize("path", ["/v1/contacts", "/v1/changes", "/v1/contacts/export"])
def test_rejects_a_query_that_is_not_utf_8(client: FlaskClient, path: str, query: str) -> None:
    response = client.get(path, environ_overrides={"QUERY_STRING": query})
    assert response.status_code == 422
    assert response.get_json()["error"]["message"] == "query: Must be percent-encoded UTF-8."


def test_accepts_a_query_in_utf_8(client: FlaskClient) -> None:
    client.post("/v1/contacts", json={"phone": "918856879188", "tags": ["50% é"]})
    for tag in ("50%25%20%C3%A9", "50%25+%c3%a9", "50%+\xc3\xa9"):
        found = client.get("/v1/contacts", environ_overrides={"QUERY_STRING": f"tag={tag}"})
        assert found.get_json()["pagination"]["total"] == 1, tag
