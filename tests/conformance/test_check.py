"""`contacts check` finds no difference in our servers, and each difference in others."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from app.conformance import read_checks, write_checks
from contacts_standin import StandIn
from tests.conftest import ROOT, RunContacts, StartServer, run_contacts, run_contacts_process

CHECKS = [*read_checks.CHECKS, *write_checks.CHECKS]
CONTACT = {
    "id": "cnt_918856879188",
    "phone": "918856879188",
    "first_name": "Priya",
    "last_name": "Sharma",
    "email": "priya@example.com",
    "tags": ["Lead"],
    "created_at": "2026-06-02T08:00:00Z",
}
LIST = {
    "success": True,
    "contacts": [CONTACT],
    "pagination": {"total": 1, "limit": 20, "offset": 0},
}


def check(
    url: str, key: str, *options: str, run: RunContacts = run_contacts
) -> tuple[int, dict[str, tuple[str, str]], str]:
    """Return the exit status, the state and text of each check, and the whole output."""
    done = run("check", "--against", url, "--key", key, "--json", *options)
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    found = {each["name"]: (each["state"], each["text"]) for each in report["findings"]}
    assert report["ok"] == (done.returncode == 0)
    return done.returncode, found, done.stdout


def states(found: dict[str, tuple[str, str]], state: str) -> set[str]:
    return {name for name, (is_, _) in found.items() if is_ == state}


def test_finds_no_difference_in_a_stand_in(contacts_standin: StandIn) -> None:
    status, found, _ = check(
        contacts_standin.url, contacts_standin.key, "--write", run=run_contacts_process
    )
    assert status == 0
    # An empty one has no contact to look at.
    empty = {each for each in found if each.startswith("contact-")}
    empty |= {"list-order", "list-offset", "list-tag", "unset-is-null"}
    assert states(found, "skipped") == empty
    assert set(found) == {each.name for each in CHECKS}


@pytest.mark.parametrize("limit", ["6000", "0"])
def test_finds_no_difference_in_a_normal_server(start_server: StartServer, limit: str) -> None:
    server = start_server(environ={"CONTACTS_RATE_LIMIT": limit})
    for number in range(3):
        server.post(phone=f"91885687918{number}", tags=["Lead"])
    status, found, _ = check(f"{server.url}/v1/", server.key, "--write")
    assert (status, states(found, "differs")) == (0, set())
    assert states(found, "skipped") == ({"limit-headers"} if limit == "0" else set())
    listed = server.get().json()
    assert [each["phone"] for each in listed["contacts"]] == [f"91885687918{n}" for n in range(3)]


def test_only_reads_without_write(contacts_standin: StandIn) -> None:
    status, _, _ = check(contacts_standin.url, contacts_standin.key)
    assert status == 0
    assert {each["method"] for each in contacts_standin.requests} == {"GET"}


def test_does_not_overwrite_an_existing_contact(start_server: StartServer) -> None:
    server = start_server()
    server.post(phone=write_checks.PHONE, first_name="Real")
    done = run_contacts("check", "--against", server.url, "--key", server.key, "--write")
    assert done.returncode == 2
    assert "nothing is written" in done.stderr
    assert server.get().json()["contacts"][0]["first_name"] == "Real"


@contextmanager
def answering(
    status: int, body: bytes, media_type: str = "application/json", *, bearer: bool = True
) -> Iterator[str]:
    """Serve the same response to every request, as a mock of the vendor's page may do."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            rejected = "Authorization" in self.headers and not bearer
            self.send_response(401 if rejected else status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_DELETE = do_GET

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_finds_the_missing_features_of_a_mock() -> None:
    with answering(200, json.dumps(LIST).encode()) as url:
        status, found, _ = check(url, "any")
    assert status == 1
    lacks = {
        "unauthorized",
        "limit-headers",
        "list-limit",
        "list-tag",
        "list-total",
        "unknown-route",
    }
    assert lacks | {"out-of-range", "unknown-parameter", "status-needs-key"} == states(
        found, "differs"
    )
    assert states(found, "skipped") == {"list-offset"}


SHAPES: list[tuple[str, dict[str, Any]]] = [
    ("list-envelope", {**LIST, "success": False}),
    ("list-envelope", {"contacts": [], "success": True, "pagination": LIST["pagination"]}),
    ("list-defaults", {**LIST, "pagination": {"total": 1, "limit": 50, "offset": 0}}),
    ("list-total", {**LIST, "pagination": {"total": "1", "limit": 20, "offset": 0}}),
    ("contact-keys", {**LIST, "contacts": [CONTACT | {"name": "x"}]}),
    ("contact-keys", {**LIST, "contacts": [dict(reversed(CONTACT.items()))]}),
    ("contact-id", {**LIST, "contacts": [CONTACT | {"id": "7"}]}),
    ("contact-id", {**LIST, "contacts": [CONTACT | {"id": "cnt_+91", "phone": "+91"}]}),
    ("contact-created-at", {**LIST, "contacts": [CONTACT | {"created_at": "2026-06-02"}]}),
    ("contact-tags", {**LIST, "contacts": [CONTACT | {"tags": "Lead"}]}),
    ("unset-is-null", {**LIST, "contacts": [CONTACT | {"email": ""}]}),
    (
        "list-order",
        {**LIST, "contacts": [CONTACT, CONTACT | {"created_at": "2025-06-02T08:00:00Z"}]},
    ),
    ("envelope", {"data": {"contacts": [], "total": 0, "page": 1}, "status": "success"}),
]


@pytest.mark.parametrize(("name", "body"), SHAPES)
def test_finds_each_shape_that_differs(name: str, body: dict[str, Any]) -> None:
    with answering(200, json.dumps(body).encode()) as url:
        _, found, output = check(url, "secret-key")
    assert found[name][0] == "differs"
    assert "priya@example.com" not in output and "secret-key" not in output


def test_skips_the_order_of_imported_contacts() -> None:
    times = [f"{year}-06-02T08:00:00Z" for year in (2026, 2025, 2027)]
    body = {**LIST, "contacts": [CONTACT | {"created_at": each} for each in times]}
    with answering(200, json.dumps(body).encode()) as url:
        _, found, _ = check(url, "any")
    assert found["list-order"][0] == "skipped"


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"null", b"\xff", b"[" * 100_000])
def test_reports_differences_for_any_response(body: bytes) -> None:
    for status in (200, 500):
        with answering(status, body, "text/html") as url:
            result, found, _ = check(url, "any", "--write")
        assert result == 1
        assert {"list-envelope", "upsert", "json"} <= states(found, "differs")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1:1", "cannot reach"),
        ("ftp://example.com", "must be a URL"),
        ("example", "must be a URL"),
        ("http://no-such-host.invalid", "cannot reach"),
    ],
)
def test_reports_an_unreachable_server_in_one_line(url: str, reason: str) -> None:
    done = run_contacts("check", "--against", url, "--key", "secret-key")
    assert (done.returncode, done.stdout) == (2, "")
    assert reason in done.stderr
    assert done.stderr.count("\n") == 1
    assert "secret-key" not in done.stderr


@pytest.mark.parametrize("option", ["", "--write", "--json"])
def test_reports_a_wrong_key_in_one_line(contacts_standin: StandIn, option: str) -> None:
    command = ["check", "--against", contacts_standin.url, "--key", "wrong-key"]
    done = run_contacts(*command, *filter(None, [option]))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"contacts: {contacts_standin.url} rejects the key (401): check --key\n"


def test_does_not_print_a_key_that_cannot_be_sent() -> None:
    done = run_contacts("check", "--against", "http://127.0.0.1:1", "--key", "secret-key\r")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "secret-key" not in done.stderr


def test_a_server_without_bearer_keys_differs() -> None:
    """The help centre documents another header: a server may accept only that one."""
    with answering(200, json.dumps(LIST).encode(), bearer=False) as url:
        status, found, _ = check(url, "any")
    assert (status, found["bearer"]) == (1, ("differs", "returns 401, not 200"))


def test_fidelity_md_lists_every_check_under_its_ground() -> None:
    page_text = (ROOT / "docs" / "fidelity.md").read_text()
    grounds: dict[str, str] = {}
    for section in page_text.split("\n## ")[1:]:
        ground = section.partition(":")[0].partition("\n")[0].strip().lower()
        grounds |= dict.fromkeys(re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE), ground)
    assert grounds == {each.name: each.ground for each in CHECKS}


def test_fidelity_md_lists_each_check_once() -> None:
    page_text = (ROOT / "docs" / "fidelity.md").read_text()
    names = re.findall(r"^\| `([a-z-]+)` \|", page_text, re.MULTILINE)
    assert sorted(names) == sorted(each.name for each in CHECKS)
