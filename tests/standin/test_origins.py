"""Requests of foreign web pages are rejected: by their `Host` (DNS rebinding) or their `Origin`."""

import http.client
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.errors import Forbidden
from app.standin.origins import check
from contacts_standin import StandIn
from tests.standin.conftest import Client

OWN = ["localhost", "localhost:8000", "LOCALHOST", "api.localhost:1", "127.0.0.1:8000", "127.9.9.9"]
OWN += ["[::1]", "[::1]:8000"]
FOREIGN = ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example"]
FOREIGN += [
    "evillocalhost",
    "192.0.2.1",
    "0.0.0.0",
    "[::]",
    "[2001:db8::1]",
    "[::1",
    "::1",
    "",
    "a b",
]
FOREIGN += ["localhost@evil.example", "evil.example#localhost", "localhost, evil.example"]


@pytest.mark.parametrize("host", OWN)
def test_accepts_loopback_hosts_and_their_own_origin(host: str) -> None:
    check(host, None)
    check(host, f"http://{host}")


@pytest.mark.parametrize("host", FOREIGN)
def test_rejects_other_hosts(host: str) -> None:
    for origin in (None, f"http://{host}"):
        with pytest.raises(Forbidden):
            check(host, origin)


@pytest.mark.parametrize(
    "origin", ["null", "", "https://localhost", "http://localhost:1", "http://a"]
)
def test_rejects_other_origins(origin: str) -> None:
    with pytest.raises(Forbidden):
        check("localhost", origin)


def test_accepts_a_client_of_http_1_0() -> None:
    check(None, None)


def send(standin: StandIn, method: str, path: str, **headers: str) -> tuple[int, Any]:
    """Send a request with exactly these headers; return the status, and if it is `forbidden`."""
    connection = http.client.HTTPConnection(str(urlsplit(standin.url).netloc), timeout=30)
    headers = {"Authorization": f"Bearer {standin.key}", **headers}
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        return answer.status, b'"code": "forbidden"' in body and b'"success": false' in body
    finally:
        connection.close()


REQUESTS = [
    *(("POST", "/stand-in/reset"), ("GET", "/stand-in/requests"), ("GET", "/v1/contacts")),
    *(("POST", "/v1/contacts"), ("DELETE", "/v1/contacts/1"), ("GET", "/healthz"), ("GET", "/")),
]


@pytest.mark.parametrize(("method", "path"), REQUESTS)
def test_the_server_rejects_foreign_pages(
    client: Client, contacts_standin: StandIn, method: str, path: str
) -> None:
    client.upsert()
    port = urlsplit(contacts_standin.url).port
    rebound = {"Host": f"evil.example:{port}", "Origin": f"http://evil.example:{port}"}
    for headers in (rebound, {"Host": f"evil.example:{port}"}, {"Origin": "https://evil.example"}):
        assert send(contacts_standin, method, path, **headers) == (403, True)
        headers["Prefer"] = "drop"  # Foreign pages get no simulated error.
        assert send(contacts_standin, method, path, **headers) == (403, True)
    assert client.total() == 1


def test_the_server_accepts_its_own_pages(contacts_standin: StandIn) -> None:
    netloc = urlsplit(contacts_standin.url).netloc
    for host in (netloc, netloc.replace("127.0.0.1", "localhost")):
        headers = {"Host": host, "Origin": f"http://{host}"}
        assert send(contacts_standin, "GET", "/v1/contacts", **headers) == (200, False)
        assert send(contacts_standin, "POST", "/stand-in/reset", **headers) == (200, False)
