"""Markup from contacts, files and other servers is shown as text."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import needs_chromium, watched_page
from tests.conftest import RunningServer, wait_until
from tests.console.pages import MARKUP, VIEWS, expect, key_with, sign_in, view

pytestmark = [needs_chromium, pytest.mark.soak]


@contextmanager
def failing_receiver() -> Iterator[str]:
    """Respond to every delivery with a 500 and markup; yield the URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(500)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(MARKUP.encode())

        def log_message(self, format: str, *values: object) -> None:
            """Write nothing to stderr."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as receiver:
        thread = Thread(target=receiver.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{receiver.server_port}/"
        finally:
            receiver.shutdown()
            thread.join()


def assert_only_text(page: Page) -> None:
    assert page.locator("img, b b, td i, [onerror]").count() == 0


def test_shows_markup_of_contacts_as_text(browser: Browser, server: RunningServer) -> None:
    segment = f"{server.url}/v1/segments/%3Ci%3Eall"
    with server.session() as session:
        rule = {"field": "tag", "op": "eq", "value": f"<b>{MARKUP}"}
        assert session.put(segment, json={"filter": rule}).ok
    scopes = ("contacts:read", "contacts:write", "admin")
    with watched_page(browser, server.url) as page:
        sign_in(page, server.url, key_with(server, *scopes))
        expect(page.get_by_role("navigation", name="Main")).to_contain_text(MARKUP)
        seen = {"contacts": MARKUP, "tags": MARKUP, "fields": "<i>key", "home": MARKUP}
        more = ("segments?open=%3Ci%3Eall", "contacts?columns=name,cf:%3Ci%3Ekey")
        for address in (*VIEWS, *more):
            view(page, server.url, address)
            name = address.partition("?")[0]
            expect(page.locator("#content")).to_contain_text(seen.get(name, ""))
            assert_only_text(page)
        server.post(phone="918856870003", first_name=f"{MARKUP}2")
        view(page, server.url, "contacts?open=cnt_918856870003")
        expect(page.get_by_role("listitem").filter(has_text=f"{MARKUP}2").first).to_be_visible()
        assert_only_text(page)
    with server.session() as session:
        assert session.delete(segment).ok


def test_shows_markup_in_errors_and_files_as_text(
    page: Page, server: RunningServer, tmp_path: Path
) -> None:
    view(page, server.url, "contacts?open=cnt_918856870001")
    panel = page.get_by_role("complementary", name="Contact")
    panel.get_by_label("New custom field").fill(MARKUP + "=" * 300)
    panel.get_by_role("button", name="Add field").click()
    panel.get_by_label(MARKUP).last.fill("x")
    panel.get_by_role("button", name="Save").click()
    expect(panel.get_by_role("alert").first).to_be_visible()
    assert_only_text(page)
    (tmp_path / "x.csv").write_text(f"phone,{MARKUP}\n{MARKUP},1\n+918856879999,{MARKUP}\n")
    page.goto(f"{server.url}/#/import")
    page.locator("input[type=file]").set_input_files(tmp_path / "x.csv")
    preview = page.get_by_role("region", name="Preview")
    expect(preview.get_by_role("table")).to_contain_text(MARKUP)
    assert_only_text(page)


def test_shows_markup_in_responses_of_webhook_receivers_as_text(
    page: Page, server: RunningServer
) -> None:
    with failing_receiver() as url, server.session() as session:
        hooks = f"{server.url}/v1/webhooks"
        made = session.post(hooks, json={"url": url, "label": MARKUP}).json()["webhook"]
        assert session.post(f"{hooks}/{made['id']}/test").ok
        found = f"{hooks}/{made['id']}/deliveries"
        wait_until(lambda: MARKUP in str(session.get(found).json()["deliveries"]))
        view(page, server.url, "webhooks")
        page.get_by_role("button", name="Deliveries").click()
        dialog = page.get_by_role("dialog").filter(has_text="Deliveries of")
        expect(dialog.get_by_role("heading")).to_contain_text(MARKUP)
        dialog.get_by_text("Body").first.click()
        expect(dialog.locator("pre").first).to_have_text(MARKUP)
        assert_only_text(page)
        assert session.delete(f"{hooks}/{made['id']}").ok
