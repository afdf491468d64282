"""Cursors: they fit into a URL, and invented ones are rejected."""

import base64
import json
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from flask.testing import FlaskClient
from marshmallow import ValidationError

from app import clock
from app.search.paging import Position, _check, decode_cursor, encode_cursor

PATH = "/v1/contacts"
QUERY = "any"
ROOM = 4_094 - len("GET /v1/contacts?sort=first_name&limit=100&cursor= HTTP/1.1")


@pytest.mark.parametrize("key", ["priya", "\N{GRINNING FACE}" * 255, "\ufdfa" * 255, "", None, 7])
def test_a_cursor_fits_into_a_url(key: str | int | None) -> None:
    cursor = encode_cursor(Position(key, 2**62), QUERY)
    assert len(cursor) < ROOM
    assert decode_cursor(cursor, QUERY) == Position(key, 2**62)


def test_pages_through_the_longest_names(client: FlaskClient) -> None:
    for number in range(3):
        body = {"phone": f"91885687918{number}", "first_name": "\ufdfa" * 255}
        assert client.post(PATH, json=body).status_code == 201
    found, cursor = [], "start"
    while cursor is not None:
        answer = client.get(f"{PATH}?sort=first_name&limit=1&cursor={cursor}").get_json()
        found += [each["phone"][-1] for each in answer["contacts"]]
        cursor = answer["pagination"]["next_cursor"]
    assert found == ["0", "1", "2"]


def post(client: FlaskClient, name: str, *numbers: int) -> None:
    for number in numbers:
        body = {"phone": f"91885687918{number}", "first_name": name}
        assert client.post(PATH, json=body).status_code in (200, 201)


@pytest.fixture
def one_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that happens is in one second, a hundredth after the other."""
    start, instants = datetime(2026, 6, 2, 8, tzinfo=UTC), count()
    monkeypatch.setattr(
        clock, "now", lambda: start + timedelta(milliseconds=10 * min(next(instants), 99))
    )


@pytest.mark.usefixtures("one_second")
def test_a_contact_that_changes_again_in_the_same_second_comes_again(client: FlaskClient) -> None:
    post(client, "Old", 0, 1, 2)
    found, cursor = [], "start"
    while cursor is not None:
        answer = client.get(
            f"{PATH}?sort=updated_at&limit=1&cursor={cursor}&include=updated_at"
        ).get_json()
        found += [(each["phone"][-1], each["first_name"]) for each in answer["contacts"]]
        assert answer["contacts"][0]["updated_at"] == "2026-06-02T08:00:00Z"
        cursor = answer["pagination"]["next_cursor"]
        if len(found) == 2:
            post(client, "New", 0)
    assert found == [("0", "Old"), ("1", "Old"), ("2", "Old"), ("0", "New")]


@pytest.mark.usefixtures("one_second")
def test_lists_the_last_change_of_a_second_first(client: FlaskClient) -> None:
    post(client, "Old", 0, 1, 2)
    post(client, "New", 1)
    answer = client.get(f"{PATH}?sort=-updated_at").get_json()
    assert [each["phone"][-1] for each in answer["contacts"]] == ["1", "2", "0"]


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b'{"a":1,"b":2}',
        b"[[],1]",
        b'["a","b"]',
        b'["a",-1]',
        b"[1.5,1]",
        b'["\\ud800",1]',
        json.dumps(["a", 2**63]).encode(),
        json.dumps([2**63, 1]).encode(),
        b"[" * 100_000,
        b"x\x9cnothing that was compressed",
    ],
)
def test_rejects_cursors_with_an_invalid_payload(payload: bytes) -> None:
    raw = _check(payload, QUERY) + payload
    with pytest.raises(ValidationError):
        decode_cursor(base64.urlsafe_b64encode(raw).decode().rstrip("="), QUERY)
