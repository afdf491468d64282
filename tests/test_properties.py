"""Any input gets a response in the envelope, never a 5xx; valid values are stored unchanged.

`MODEL_EXAMPLES=2000 pytest tests/test_properties.py` tries more examples.
"""

import json
import os
import unicodedata
from typing import Any

from flask.testing import FlaskClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError
from werkzeug.test import TestResponse

from app.contacts.fields import clean_key, clean_tag, clean_value
from app.contacts.phone import PhoneError, normalise
from app.web.fields import clean_text, is_blank

PATH = "/v1/contacts"
# All examples of a test share one store: no property depends on what it has.
thorough = settings(
    deadline=None,
    max_examples=int(os.environ.get("MODEL_EXAMPLES") or 100),
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

surrogates = st.characters(categories=["Cs"])
any_text = st.text(st.one_of(st.characters(), surrogates), max_size=40)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=12,
)
numbers = st.text("+0123456789 ()-./\u0661\u0967\uff11\u200b\u2013tel:", min_size=5, max_size=24)
country_codes = st.sampled_from(["91", "1", "44", "52", "521", "54", "55", "39", "7", "57", "225"])
phones = st.builds(str.__add__, country_codes, st.text("0123456789", min_size=6, max_size=11))


def cleaned(clean: Any) -> Any:
    """Return a filter for what a cleaning function accepts."""

    def accepts(value: object) -> bool:
        try:
            clean(value)
        except (PhoneError, ValidationError):
            return False
        return True

    return accepts


lines = any_text.filter(cleaned(lambda text: clean_text(text, 255)))
tags = any_text.filter(cleaned(clean_tag))
keys = any_text.filter(cleaned(clean_key)).map(clean_key)
values = st.one_of(
    st.booleans(),
    st.integers(-(2**53) + 1, 2**53 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    # A blank text removes the field.
    any_text.filter(lambda text: cleaned(clean_value)(text) and not is_blank(text)),
)
contacts = st.fixed_dictionaries(
    {"phone": phones.filter(cleaned(normalise))},
    optional={
        "first_name": st.none() | lines,
        "last_name": st.none() | lines,
        "email": st.sampled_from([None, "", "priya@example.com", "p.s+x@xn--bcher-kva.example"]),
        "tags": st.none() | st.lists(tags, max_size=6),
        "custom_fields": st.none() | st.dictionaries(keys, values, max_size=6),
    },
)


def assert_envelope(response: TestResponse) -> None:
    assert response.status_code < 500
    assert response.mimetype == "application/json"
    body = response.get_json()
    assert body["success"] is (response.status_code < 300)
    if not body["success"]:
        assert list(body["error"])[:2] == ["code", "message"]
        assert body["error"]["request_id"] == response.headers["X-Request-Id"]


def send(client: FlaskClient, body: bytes, path: str = PATH) -> TestResponse:
    return client.post(path, data=body, content_type="application/json")


@thorough
@given(st.one_of(any_text, numbers, phones))
@example("+52 1 55 1234 5678")
@example("+57 0 321 123 4567")
def test_normalising_is_idempotent(text: str) -> None:
    try:
        digits = normalise(text)
    except PhoneError as error:
        assert str(error).endswith(".")
    else:
        assert digits.isascii() and digits.isdigit() and 5 <= len(digits) <= 17
        assert normalise(digits) == normalise(f"+{digits}") == normalise(f"00{digits}") == digits


@thorough
@given(any_text)
@example("\u2000a\u2001")
@example("\x1ea\x85")
def test_cleaning_is_idempotent(text: str) -> None:
    if cleaned(clean_tag)(text):
        tag = clean_tag(text)
        assert clean_tag(tag) == tag == tag.strip() == unicodedata.normalize("NFC", tag)


@thorough
@given(json_values)
def test_any_json_gets_a_response(client: FlaskClient, value: object) -> None:
    assert_envelope(send(client, json.dumps(value).encode()))


@thorough
@given(
    st.fixed_dictionaries(
        {"phone": st.sampled_from(["918856879188", "14155552671"])},
        optional={
            "first_name": json_values,
            "email": json_values | any_text.map("{}@example.com".format),
            "tags": json_values | st.lists(json_values, max_size=4),
            "custom_fields": json_values | st.dictionaries(any_text, json_values, max_size=4),
        },
    )
)
def test_any_content_gets_a_response(client: FlaskClient, body: dict[str, Any]) -> None:
    assert_envelope(send(client, json.dumps(body).encode()))


@thorough
@given(st.binary(max_size=200))
@example(b"")
@example(b'{"phone": "\xff"}')
def test_any_bytes_get_a_response(client: FlaskClient, body: bytes) -> None:
    assert_envelope(send(client, body))


@thorough
@given(st.sampled_from(["limit", "offset", "tag", "include", "x"]), any_text)
@example("offset", "0" * 20 + "9" * 30)
def test_any_list_query_gets_a_response(client: FlaskClient, name: str, text: str) -> None:
    raw = text.encode("utf-8", "surrogatepass")
    assert_envelope(client.get(PATH, query_string={name: raw.decode("latin-1")}))
    response = client.get(PATH, query_string={name: text.encode("utf-8", "replace").decode()})
    assert_envelope(response)


@thorough
@given(st.binary(max_size=60))
def test_any_query_string_gets_a_response(client: FlaskClient, query: bytes) -> None:
    overrides = {"QUERY_STRING": query.decode("latin-1")}
    assert_envelope(client.get(PATH, environ_overrides=overrides))


@thorough
@given(any_text)
def test_any_dry_run_gets_a_response(client: FlaskClient, text: str) -> None:
    query = {"dry_run": text.encode("utf-8", "replace").decode()}
    body = b'{"phone": "918856879188"}'
    response = client.post(PATH, data=body, content_type="application/json", query_string=query)
    assert_envelope(response)


@thorough
@given(st.binary(max_size=60))
def test_any_authorization_gets_a_response(anonymous: FlaskClient, value: bytes) -> None:
    overrides = {"HTTP_AUTHORIZATION": value.decode("latin-1")}
    response = anonymous.get(PATH, environ_overrides=overrides)
    assert_envelope(response)
    assert response.status_code == 401


@thorough
@given(st.binary(max_size=60))
def test_any_path_gets_a_response(client: FlaskClient, path: bytes) -> None:
    overrides = {"PATH_INFO": "/v1/" + path.decode("latin-1")}
    assert_envelope(client.get("/", environ_overrides=overrides))


@thorough
@given(contacts)
def test_a_contact_survives_a_round_trip(client: FlaskClient, body: dict[str, Any]) -> None:
    response = send(client, json.dumps(body).encode())
    assert response.status_code in (200, 201)
    answer = response.get_json()
    contact = answer["contact"]
    listed = find(client, contact["phone"])
    assert json.dumps(listed) == json.dumps(contact)
    for key, value in (body.get("custom_fields") or {}).items():
        assert (type(contact["custom_fields"][key]), contact["custom_fields"][key]) == (
            type(value),
            value,
        )
    if body.get("tags") is not None:
        assert contact["tags"] == list(dict.fromkeys(map(clean_tag, body["tags"])))
    again = send(client, json.dumps(body).encode()).get_json()
    assert (again["created"], again["changed"]) == (False, [])
    assert again["contact"] == contact


def find(client: FlaskClient, phone: str) -> dict[str, Any]:
    offset = 0
    while True:
        query = {"include": "custom_fields,updated_at", "limit": 100, "offset": offset}
        page = client.get(PATH, query_string=query).get_json()["contacts"]
        for contact in page:
            if contact["phone"] == phone:
                found: dict[str, Any] = contact
                return found
        assert page, f"{phone} is not listed"
        offset += 100
