"""`GET /v1/status` and `GET /v1/profile`."""

from datetime import UTC, datetime
from importlib.metadata import version

import pytest
from flask.testing import FlaskClient
from pytest import MonkeyPatch

from app.api_keys.handlers import create_api_key
from app.database import Database

NOON = datetime(2026, 6, 2, 12, tzinfo=UTC)


def test_shows_the_status(client: FlaskClient) -> None:
    response = client.get("/v1/status")
    assert response.status_code == 200
    assert list(response.get_json().items()) == [
        ("success", True),
        ("status", "operational"),
        ("version", version("contacts-service")),
    ]


def test_shows_the_profile_of_a_key(
    anonymous: FlaskClient, db: Database, monkeypatch: MonkeyPatch
) -> None:
    monkeypatch.setattr("app.clock.now", lambda: NOON)
    secret = create_api_key(
        db,
        label="Zoë's script",
        scopes=("contacts:read",),
        expires_at=datetime(2026, 9, 1, tzinfo=UTC),
        rate_limit=120,
    )
    response = anonymous.get("/v1/profile", headers={"Authorization": f"Bearer {secret}"})
    assert response.get_json() == {
        "success": True,
        "profile": {
            "label": "Zoë's script",
            "scopes": ["contacts:read"],
            "rate_limit": 120,
            "created_at": "2026-06-02T12:00:00Z",
            "expires_at": "2026-09-01T00:00:00Z",
            "last_used_at": None,
        },
    }
    assert secret not in response.get_data(as_text=True)


@pytest.mark.one_engine
def test_shows_the_profile_in_order(client: FlaskClient) -> None:
    profile = client.get("/v1/profile").get_json()["profile"]
    assert list(profile) == [
        "label",
        "scopes",
        "rate_limit",
        "created_at",
        "expires_at",
        "last_used_at",
    ]
    assert profile["scopes"] == ["contacts:read", "contacts:write", "admin"]
    assert (profile["rate_limit"], profile["expires_at"]) == (6000, None)


@pytest.mark.parametrize("path", ["/v1/status", "/v1/profile"])
def test_takes_any_valid_key(anonymous: FlaskClient, db: Database, path: str) -> None:
    assert anonymous.get(path).status_code == 401
    for scopes in ((), ("admin",), ("contacts:write",)):
        secret = create_api_key(db, label="any", scopes=scopes)
        headers = {"Authorization": f"Bearer {secret}"}
        assert anonymous.get(path, headers=headers).status_code == 200
