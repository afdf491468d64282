"""CORS: pages of the named origins may call `/v1`, and no others."""

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from app.settings import load
from tests.conftest import FreshStore, StartServer

ORIGIN, OTHER = "https://app.example.com", "https://evil.example"
PATH = "/v1/contacts"
ALLOW = "Access-Control-Allow-Origin"
EXPOSED = {
    "ETag",
    "Link",
    "Retry-After",
    "X-Request-Id",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
}


@pytest.fixture
def app(tmp_path: Path, fresh_store: FreshStore) -> Flask:
    fresh_store.copy_to(tmp_path / "data")
    environ = {"CONTACTS_CORS_ORIGINS": f"{ORIGIN}, http://localhost:3000"}
    return create_app(load(environ, data=tmp_path / "data"), prepared=True)


def preflight(origin: str = ORIGIN, method: str = "PATCH") -> dict[str, str]:
    return {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type,if-match",
    }


@pytest.mark.parametrize("path", [PATH, f"{PATH}/918856879188", "/v1/webhooks/x/test", "/v1/none"])
@pytest.mark.parametrize("origin", [ORIGIN, "http://localhost:3000"])
def test_a_preflight_needs_no_key(anonymous: FlaskClient, path: str, origin: str) -> None:
    answer = anonymous.options(path, headers=preflight(origin))
    assert answer.status_code == 204 and not answer.data
    assert answer.headers[ALLOW] == origin
    assert "Origin" in answer.headers["Vary"]
    assert answer.headers["Access-Control-Max-Age"] == "600"
    methods = answer.headers["Access-Control-Allow-Methods"].split(", ")
    assert {"GET", "POST", "PUT", "PATCH", "DELETE"} == set(methods)
    assert set(answer.headers["Access-Control-Allow-Headers"].split(", ")) == {
        "Authorization",
        "Content-Type",
        "If-Match",
        "If-None-Match",
        "X-API-Key",
        "X-Request-Id",
    }
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_every_method_of_a_route_is_allowed(app: Flask, anonymous: FlaskClient) -> None:
    answer = anonymous.options(PATH, headers=preflight())
    allowed = set(answer.headers["Access-Control-Allow-Methods"].split(", "))
    ours = {method for rule in app.url_map.iter_rules() for method in rule.methods or ()}
    assert ours - {"HEAD", "OPTIONS"} <= allowed


def test_responses_and_errors_can_be_read(client: FlaskClient, anonymous: FlaskClient) -> None:
    headers = {"Origin": ORIGIN}
    answers = {
        201: client.post(PATH, json={"phone": "918856879188"}, headers=headers),
        200: client.get(PATH, headers=headers),
        401: anonymous.get(PATH, headers=headers),
        404: client.get("/v1/nothing", headers=headers),
        405: client.delete(PATH, headers=headers),
        415: client.post(PATH, data="x", headers=headers),
        422: client.post(PATH, json={}, headers=headers),
    }
    for status, answer in answers.items():
        assert answer.status_code == status
        assert answer.headers[ALLOW] == ORIGIN, status
        assert set(answer.headers["Access-Control-Expose-Headers"].split(", ")) == EXPOSED, status
        assert "Access-Control-Allow-Methods" not in answer.headers, status
    for name in ("X-Request-Id", "X-RateLimit-Limit", "X-RateLimit-Remaining"):
        assert name in answers[422].headers and name in EXPOSED


@pytest.mark.parametrize(
    "origin", [OTHER, "null", "", f"{ORIGIN}.evil.example", "http://app.example.com", f"{ORIGIN}:8"]
)
def test_other_origins_get_no_cors_headers(client: FlaskClient, origin: str) -> None:
    for answer in (
        client.get(PATH, headers={"Origin": origin}),
        client.options(PATH, headers=preflight(origin)),
    ):
        assert answer.status_code in (200, 204)
        assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]
        assert answer.headers["Vary"] == "Origin"  # A cache must separate origins.
    assert client.options("/v1/none", headers=preflight(OTHER)).headers.get(ALLOW) is None


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/healthz", "/metrics"])
def test_routes_outside_of_the_api_have_no_cors_headers(client: FlaskClient, path: str) -> None:
    answer = client.get(path, headers={"Origin": ORIGIN})
    assert answer.status_code == 200
    assert ALLOW not in answer.headers and "Origin" not in answer.headers.get("Vary", "")


def test_without_the_setting_there_is_no_header(tmp_path: Path, fresh_store: FreshStore) -> None:
    fresh_store.copy_to(tmp_path / "other")
    client = create_app(load({}, data=tmp_path / "other"), prepared=True).test_client()
    for answer in (
        client.options(PATH, headers=preflight()),
        client.get(PATH, headers={"Origin": ORIGIN}),
    ):
        assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]
        assert "Vary" not in answer.headers


def test_a_stand_in_serves_no_page_of_another_origin(start_server: StartServer) -> None:
    server = start_server("--stand-in", environ={"CONTACTS_CORS_ORIGINS": ORIGIN})
    with server.session() as session:
        answer = session.get(server.url + PATH, headers={"Origin": ORIGIN}, timeout=30)
        asked = session.options(server.url + PATH, headers=preflight(), timeout=30)
    assert answer.status_code == 403
    assert ALLOW not in answer.headers and ALLOW not in asked.headers
