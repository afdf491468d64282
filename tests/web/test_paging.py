"""Links to the next page: absolute, correct behind a proxy, on every page but the last."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from requests.utils import parse_header_links

from app import create_app
from app.settings import load
from tests.conftest import FreshStore, StartServer

PATH = "/v1/contacts"
PROXY, CLIENT = "10.0.0.1", "203.0.113.7"


@pytest.fixture
def app(tmp_path: Path, fresh_store: FreshStore) -> Flask:
    fresh_store.copy_to(tmp_path / "data")
    environ = {
        "CONTACTS_TRUSTED_PROXIES": "10.0.0.0/8,fd00::/8",
        "CONTACTS_WEBHOOK_ALLOW_PRIVATE": "127.0.0.1",
    }
    return create_app(load(environ, data=tmp_path / "data"), prepared=True)


@pytest.fixture
def people(client: FlaskClient) -> FlaskClient:
    rows = [
        {"phone": f"91885687918{n}", "tags": ["VIP & <co>", f"t{n}"], "custom_fields": {f"k{n}": n}}
        for n in range(5)
    ]
    assert client.post(f"{PATH}/batch", json={"contacts": rows}).json["created"] == 5
    return client


def next_url(response: Any) -> str | None:
    if "Link" not in response.headers:
        return None
    [link] = parse_header_links(response.headers["Link"])
    assert link["rel"] == "next"
    return link["url"]


def follow(client: FlaskClient, path: str) -> Iterator[Any]:
    url: str | None = path
    while url:
        response = client.get(url)
        assert response.status_code == 200, response.json
        yield response.json
        url = next_url(response)
        assert url is None or url.startswith("http://localhost/v1/")


@pytest.mark.parametrize(
    "query",
    [
        "limit=2",
        "limit=2&offset=0",
        "limit=2&cursor=start",
        "cursor=start&limit=2",
        "limit=2&%63ursor=start",
        "limit=1&tag=VIP%20%26%20%3Cco%3E",
        "limit=2&tag=VIP+%26+<co>&cursor=start",
        "limit=2&custom_fields[k9][exists]=false&sort=-phone",
        "limit=5",
        "limit=3&sort=phone&cursor=start&include=custom_fields,updated_at",
    ],
)
def test_links_lead_to_every_contact_once(people: FlaskClient, query: str) -> None:
    pages = list(follow(people, f"{PATH}?{query}"))
    found = [contact["phone"] for page in pages for contact in page["contacts"]]
    assert len(found) == len(set(found)) == 5
    assert all(page["contacts"] for page in pages)


def test_links_lead_to_every_tag_field_change_and_delivery(people: FlaskClient) -> None:
    for path, name, count in (
        ("/v1/tags", "tags", 6),
        ("/v1/custom-fields", "custom_fields", 5),
        ("/v1/changes", "changes", 5),
        ("/v1/changes?types=contact.created", "changes", 5),
    ):
        pages = list(follow(people, f"{path}{'&' if '?' in path else '?'}limit=2"))
        assert [len(page[name]) for page in pages] == [2] * (count // 2) + [1] * (count % 2), path
    hook = people.post("/v1/webhooks", json={"url": "http://127.0.0.1:1/hook"}).json["webhook"]
    for _ in range(3):
        assert people.post(f"/v1/webhooks/{hook['id']}/test").status_code == 202
    pages = list(follow(people, f"/v1/webhooks/{hook['id']}/deliveries?limit=2&state=pending"))
    assert [len(page["deliveries"]) for page in pages] == [2, 1]


def test_the_last_page_and_a_search_have_no_link(people: FlaskClient) -> None:
    for query in ("limit=5", "limit=5&cursor=start", "offset=9", "q=nobody", "tag=none"):
        assert "Link" not in people.get(f"{PATH}?{query}").headers, query
    searched = people.post(f"{PATH}/search", json={"limit": 2, "cursor": "start"})
    assert searched.json["pagination"]["next_cursor"] and "Link" not in searched.headers


def test_link_headers_are_valid_for_any_query(people: FlaskClient) -> None:
    response = people.get(f"{PATH}?limit=1&tag=VIP+%26+%3Cco%3E%22%0D%0AX:1")
    assert "Link" not in response.headers
    assert (
        people.post(PATH, json={"phone": "918856879180", "tags": ['"<é>;, a']}).status_code == 200
    )
    assert (
        people.post(PATH, json={"phone": "918856879181", "tags": ['"<é>;, a']}).status_code == 200
    )
    url = next_url(people.get(f'{PATH}?limit=1&tag="<é>;,+a'))
    assert url and url.isascii() and not set('<>"# ') & set(url)
    assert people.get(url).json["contacts"][0]["phone"] == "918856879181"


@pytest.mark.parametrize("body", [{"cursor": ""}, {"cursor": "", "limit": 1}])
def test_an_empty_cursor_names_the_one_that_starts(
    client: FlaskClient, body: dict[str, Any]
) -> None:
    for answer in (client.get(PATH, query_string=body), client.post(f"{PATH}/search", json=body)):
        assert answer.status_code == 422
        assert "cursor=start" in answer.json["error"]["details"]["cursor"][0]


@pytest.mark.parametrize(
    ("peer", "headers", "start"),
    [
        (CLIENT, {}, "http://localhost"),
        (CLIENT, {"Host": "crm.example:8443"}, "http://crm.example:8443"),
        (CLIENT, {"Host": "[2001:db8::1]:8000"}, "http://[2001:db8::1]:8000"),
        # Forwarded headers of clients are ignored.
        (
            CLIENT,
            {
                "X-Forwarded-Proto": "https",
                "X-Forwarded-Host": "evil.example",
                "X-Forwarded-Prefix": "/evil",
                "X-Forwarded-For": PROXY,
                "Forwarded": "proto=https;host=evil.example",
            },
            "http://localhost",
        ),
        (
            PROXY,
            {
                "X-Forwarded-For": CLIENT,
                "X-Forwarded-Proto": "https",
                "X-Forwarded-Host": "crm.example",
                "X-Forwarded-Prefix": "/contacts/",
            },
            "https://crm.example/contacts",
        ),
        # A proxy that appends: the values in front are the client's.
        (
            PROXY,
            {
                "X-Forwarded-For": f"198.51.100.1, {CLIENT}",
                "X-Forwarded-Proto": "gopher, https",
                "X-Forwarded-Host": "evil.example, crm.example",
            },
            "https://crm.example",
        ),
        # Two proxies: the outer one has seen what the client called.
        (
            PROXY,
            {
                "X-Forwarded-For": f"{CLIENT}, 10.0.0.2",
                "X-Forwarded-Proto": "https, http",
                "X-Forwarded-Host": "crm.example, inner.lan",
            },
            "https://crm.example",
        ),
        ("fd00::1", {"X-Forwarded-Proto": "HTTPS"}, "https://localhost"),
        ("::ffff:10.0.0.1", {"X-Forwarded-Host": "[::1]:80"}, "http://[::1]:80"),
        (PROXY, {}, "http://localhost"),
        (PROXY, {"X-Forwarded-Proto": "javascript"}, "http://localhost"),
        (PROXY, {"X-Forwarded-Host": 'a>; rel="x'}, "http://localhost"),
        (PROXY, {"X-Forwarded-Prefix": "//evil.example"}, "http://localhost"),
        (PROXY, {"X-Forwarded-Prefix": "/a>b"}, "http://localhost"),
        (PROXY, {"X-Forwarded-Prefix": "/"}, "http://localhost"),
    ],
)
def test_a_link_is_the_url_that_the_client_called(
    people: FlaskClient, peer: str, headers: dict[str, str], start: str
) -> None:
    response = people.get(
        f"{PATH}?limit=2", headers=headers, environ_overrides={"REMOTE_ADDR": peer}
    )
    assert response.headers["Link"] == f'<{start}{PATH}?limit=2&offset=2>; rel="next"'


@pytest.mark.parametrize("trusted", ["", "127.0.0.1"])
def test_a_server_uses_forwarded_headers_of_trusted_proxies_only(
    start_server: StartServer, trusted: str
) -> None:
    server = start_server(environ={"CONTACTS_TRUSTED_PROXIES": trusted} if trusted else {})
    for number in range(2):
        server.post(phone=f"91885687918{number}")
    with server.session() as session:
        headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "crm.example"}
        found = session.get(f"{server.url}{PATH}?limit=1", headers=headers, timeout=30)
        [link] = found.links.values()
        start = "https://crm.example" if trusted else server.url
        assert link["url"] == f"{start}{PATH}?limit=1&offset=1"
        found = session.get(f"{server.url}{PATH}?limit=1", timeout=30)
        following = session.get(found.links["next"]["url"], timeout=30)
    assert following.json()["contacts"][0]["phone"] == "918856879181"
    assert "next" not in following.links
