"""The guard of routes: headers, scopes, and one response to every invalid key."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from pytest import MonkeyPatch, Subtests

from app.api_keys import store
from app.api_keys.handlers import create_api_key, revoke_api_key
from app.database import Database
from tests.conftest import wait_until

PATH = "/v1/contacts"
NOON = datetime(2026, 6, 2, 12, tzinfo=UTC)


def status(client: FlaskClient, authorization: str, path: str = PATH) -> int:
    # Set as a server does: what the client sent, as Latin-1.
    overrides = {"HTTP_AUTHORIZATION": authorization}
    return client.get(path, environ_overrides=overrides).status_code


def last_used(db: Database) -> str | None:
    [key] = [each for each in store.list_api_keys(db.connection()) if each.label == "tests"]
    return key.last_used_at


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEARER"])
def test_takes_the_scheme_in_any_case(anonymous: FlaskClient, key: str, scheme: str) -> None:
    assert status(anonymous, f"{scheme} {key}") == 200


def test_takes_spaces_around_the_key(anonymous: FlaskClient, key: str) -> None:
    assert status(anonymous, f"Bearer   {key} ") == 200


def test_takes_a_key_in_x_api_key(anonymous: FlaskClient, key: str) -> None:
    assert anonymous.get(PATH, headers={"X-API-Key": key}).status_code == 200


def test_authorization_takes_precedence_over_x_api_key(anonymous: FlaskClient, key: str) -> None:
    headers = {"X-API-Key": key, "Authorization": "Bearer wrong"}
    assert anonymous.get(PATH, headers=headers).status_code == 401
    headers = {"X-API-Key": "wrong", "Authorization": f"Bearer {key}"}
    assert anonymous.get(PATH, headers=headers).status_code == 200


@pytest.mark.one_engine
def test_ignores_a_key_in_the_query_string(anonymous: FlaskClient, key: str) -> None:
    for name in ("key", "api_key", "access_token", "authorization", "X-API-Key"):
        for path in (PATH, "/v1/status"):
            assert anonymous.get(path, query_string={name: key}).status_code == 401


@pytest.mark.one_engine
def test_ignores_a_key_in_other_places(anonymous: FlaskClient, key: str) -> None:
    anonymous.set_cookie("Authorization", f"Bearer {key}")
    assert anonymous.get(PATH, auth=("user", key)).status_code == 401
    assert anonymous.get(PATH, headers={"Proxy-Authorization": f"Bearer {key}"}).status_code == 401
    assert anonymous.post(PATH, json={"api_key": key}).status_code == 401


def malformed(key: str) -> list[str]:
    """Return headers other than `Bearer KEY`, as a server passes them on."""
    return [
        "",
        " ",
        key,
        "Bearer",
        "Bearer ",
        f"Bearer{key}",
        f"Bearer:{key}",
        f"Bearer\t{key}",
        f" Bearer {key}",
        f"Basic {key}",
        f"Token {key}",
        f"Bearer {key},Bearer {key}",
        f"Bearer {key}, Bearer other",
        f"Bearer Bearer {key}",
        f"Bearer {key} {key}",
        f'Bearer "{key}"',
        f"Bearer {key}\x00",
        f"Bearer {key}\u00e9",
        f"Bearer {key}'--",
        "Bearer " + "x" * 10_000,
        "x" * 10_000,
        f"Bearer {key}{key * 300}",
        "Bearer \u00ff\u00fe",
        "Bearer YOUR_API_KEY",
        "Bearer null",
    ]


@pytest.mark.one_engine
def test_rejects_malformed_headers(anonymous: FlaskClient, key: str, subtests: Subtests) -> None:
    for authorization in malformed(key):
        with subtests.test(authorization.replace(key, "KEY")[:40]):
            assert status(anonymous, authorization) == 401


@pytest.mark.one_engine
def test_rejects_malformed_keys_in_x_api_key(anonymous: FlaskClient, key: str) -> None:
    for value in ("", f"Bearer {key}", f"{key},{key}", "\u00e9", "x" * 10_000):
        overrides = {"HTTP_X_API_KEY": value}
        assert anonymous.get(PATH, environ_overrides=overrides).status_code == 401


def test_sends_the_same_401_for_every_invalid_key(
    anonymous: FlaskClient, db: Database, key: str, monkeypatch: MonkeyPatch
) -> None:
    monkeypatch.setattr("app.clock.now", lambda: NOON)
    expired = create_api_key(db, label="expired", scopes=("admin",), expires_at=NOON)
    revoked = create_api_key(db, label="revoked", scopes=("admin",))
    [found] = [each for each in store.list_api_keys(db.connection()) if each.label == "revoked"]
    revoke_api_key(db, found.id)
    answers = set()
    for authorization in (None, f"Bearer {expired}", f"Bearer {revoked}", *malformed(key)):
        overrides = {} if authorization is None else {"HTTP_AUTHORIZATION": authorization}
        overrides["HTTP_X_REQUEST_ID"] = "same"
        response = anonymous.get(PATH, environ_overrides=overrides)
        assert response.headers["WWW-Authenticate"] == "Bearer"
        answers.add((response.status_code, response.data, str(response.headers)))
    [(code, body, headers)] = answers
    assert code == 401 and b'"unauthorized"' in body
    for leak in (key, expired, revoked):
        assert leak not in body.decode() + headers


def test_rejects_a_key_once_expired(
    anonymous: FlaskClient, db: Database, monkeypatch: MonkeyPatch
) -> None:
    monkeypatch.setattr("app.clock.now", lambda: NOON)
    secret = create_api_key(
        db, label="short", scopes=("contacts:read",), expires_at=NOON + timedelta(seconds=30)
    )
    assert status(anonymous, f"Bearer {secret}") == 200
    monkeypatch.setattr("app.clock.now", lambda: NOON + timedelta(seconds=30))
    assert status(anonymous, f"Bearer {secret}") == 401


def test_rejects_a_revoked_key_within_a_second(client: FlaskClient, db: Database, key: str) -> None:
    assert client.get(PATH).status_code == 200
    for found in store.list_api_keys(db.connection()):
        revoke_api_key(db, found.id)
    wait_until(lambda: client.get(PATH).status_code == 401, seconds=1)


SCOPES: list[tuple[tuple[str, ...], dict[str, int]]] = [
    ((), {"GET": 403, "POST": 403, "status": 200}),
    (("contacts:read",), {"GET": 200, "POST": 403, "status": 200}),
    (("contacts:write",), {"GET": 403, "POST": 201, "status": 200}),
    (("admin",), {"GET": 403, "POST": 403, "status": 200}),
    (("contacts:read", "contacts:write"), {"GET": 200, "POST": 201, "status": 200}),
]


@pytest.mark.parametrize(("scopes", "expected"), SCOPES, ids=[str(each) for each, _ in SCOPES])
def test_no_scope_includes_another(
    anonymous: FlaskClient, db: Database, scopes: tuple[str, ...], expected: dict[str, int]
) -> None:
    secret = create_api_key(db, label="scoped", scopes=scopes)
    headers = {"Authorization": f"Bearer {secret}"}
    body: Any = {"phone": "918856879188"}
    assert {
        "GET": anonymous.get(PATH, headers=headers).status_code,
        "POST": anonymous.post(PATH, headers=headers, json=body).status_code,
        "status": anonymous.get("/v1/status", headers=headers).status_code,
    } == expected


def test_names_the_scope_that_is_missing(anonymous: FlaskClient, db: Database) -> None:
    secret = create_api_key(db, label="scoped", scopes=("contacts:read",))
    response = anonymous.post(PATH, json={}, headers={"Authorization": f"Bearer {secret}"})
    error = response.get_json()["error"]
    assert error["code"] == "forbidden" and "contacts:write" in error["message"]
    assert secret not in response.get_data(as_text=True)


def test_records_the_use_after_the_response(client: FlaskClient, db: Database) -> None:
    response = client.get(PATH)
    assert last_used(db) is None
    response.close()
    assert last_used(db) is not None


@pytest.mark.parametrize("method", ["get", "post", "head"])
def test_records_the_use_whatever_the_status(
    client: FlaskClient, db: Database, method: str
) -> None:
    getattr(client, method)(PATH, buffered=True)
    assert last_used(db) is not None


def test_records_no_use_of_a_rejected_key(client: FlaskClient, db: Database) -> None:
    for found in store.list_api_keys(db.connection()):
        revoke_api_key(db, found.id)
    wait_until(lambda: client.get(PATH).status_code == 401, seconds=1)
    client.get(PATH, buffered=True)
    assert last_used(db) is None


@pytest.mark.sqlite
def test_writes_the_last_use_at_most_once_a_minute(
    client: FlaskClient, db: Database, monkeypatch: MonkeyPatch
) -> None:
    with closing(sqlite3.connect(db.path)) as reader:
        versions = []
        for second in (0, 1, 30, 59):
            instant = NOON + timedelta(seconds=second)
            monkeypatch.setattr("app.clock.now", lambda instant=instant: instant)
            client.get(PATH, buffered=True)
            versions.append(reader.execute("PRAGMA data_version").fetchone()[0])
    assert len(set(versions)) == 1
    assert last_used(db) == "2026-06-02T12:00:00Z"


def test_records_the_use_again_after_a_minute(
    client: FlaskClient, db: Database, monkeypatch: MonkeyPatch
) -> None:
    def used_at(instant: datetime) -> bool:
        monkeypatch.setattr("app.clock.now", lambda: instant)
        client.get(PATH, buffered=True)
        return last_used(db) == instant.isoformat()[:19] + "Z"

    assert used_at(NOON)
    wait_until(lambda: used_at(NOON + timedelta(seconds=60)), seconds=1)
