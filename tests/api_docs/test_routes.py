"""`/openapi.json` and the files of `/docs`."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.api_docs.document import build
from app.api_docs.viewer import FILES, FOLDER, PAGE

PATHS = ["/openapi.json", "/docs", *(f"/docs/{name}" for name in FILES)]


def test_serves_the_document_without_a_key(app: Flask, anonymous: FlaskClient) -> None:
    response = anonymous.get("/openapi.json")
    assert (response.status_code, response.mimetype) == (200, "application/json")
    assert response.get_json() == build(app)


@pytest.mark.parametrize("path", PATHS)
def test_revalidates_with_an_etag(anonymous: FlaskClient, path: str) -> None:
    first = anonymous.get(path)
    assert first.status_code == 200
    assert first.headers["Cache-Control"] == "no-cache"
    again = anonymous.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert anonymous.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_content_security_policy_allows_only_own_files(anonymous: FlaskClient, path: str) -> None:
    headers = anonymous.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy and "http" not in policy and "*" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Request-Id"]


def test_page_loads_only_served_files(anonymous: FlaskClient) -> None:
    page = anonymous.get("/docs")
    assert page.mimetype == "text/html"
    loaded = re.findall(r'(?:src|href)="([^"]*)"', page.get_data(as_text=True))
    assert set(loaded) == {f"docs/{name}" for name in FILES} | {"openapi.json", "data:,"}


@pytest.mark.parametrize("name", FILES)
def test_serves_files_with_their_media_type(anonymous: FlaskClient, name: str) -> None:
    response = anonymous.get(f"/docs/{name}")
    assert (response.status_code, response.mimetype) == (200, FILES[name])
    assert response.data == (FOLDER / name).read_bytes()


@pytest.mark.parametrize("name", ["docs.html", "LICENSE-swagger-ui.txt", "..%2froutes.py", "x"])
def test_rejects_other_files(anonymous: FlaskClient, name: str) -> None:
    assert anonymous.get(f"/docs/{name}").status_code == 404


def test_includes_the_license_of_the_viewer() -> None:
    assert "Apache License" in (FOLDER / "LICENSE-swagger-ui.txt").read_text()
    assert PAGE.is_file()


@pytest.mark.parametrize("path", ["/v1/contacts", "/healthz", "/nothing"])
def test_other_responses_are_not_cached(client: FlaskClient, path: str) -> None:
    assert client.get(path).headers.getlist("Cache-Control") == ["no-store"]
