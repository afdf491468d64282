"""Imports: the preview, the run, the report."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import needs_chromium, watched_page
from tests.conftest import RunningServer, StartServer, wait_until
from tests.console.pages import MARKUP, expect, remove_people, sign_in, view

pytestmark = needs_chromium

ROWS = 12_000


@pytest.mark.soak
def test_imports_a_file_after_a_preview(page: Page, server: RunningServer, tmp_path: Path) -> None:
    name = f"{MARKUP.replace('/', '')}.csv"
    rows = ["phone,first_name,Plan,tags", "+918856870000,Priyanka,gold,New"]
    rows += ["+918856879999,Omar,pro,", "12,Bad,,"]
    (tmp_path / name).write_text("\n".join(rows) + "\n")
    view(page, server.url, "import")
    page.locator("input[type=file]").set_input_files(tmp_path / name)
    preview = page.get_by_role("region", name="Preview")
    expect(preview).to_contain_text("New tags: New")
    expect(preview).to_contain_text("Priya → Priyanka")
    expect(preview).to_contain_text("Line 4")
    assert server.get("/v1/contacts/918856879999").status_code == 404
    page.get_by_label("Plan becomes").select_option("")
    page.get_by_role("button", name="Preview with this mapping").click()
    expect(preview.get_by_role("group").filter(has_text="Changed")).not_to_contain_text("gold")
    page.get_by_role("button", name="Import 2 contacts").click()
    expect(page.get_by_role("heading", name="Imported")).to_be_visible()
    with page.expect_download() as downloaded:
        page.get_by_role("button", name="Download the list").click()
    downloaded.value.save_as(tmp_path / "rejected.csv")
    assert '"4","phone"' in (tmp_path / "rejected.csv").read_text()
    contact = server.get("/v1/contacts/918856870000").json()["contact"]
    assert contact["tags"] == ["VIP", "New"] and contact["custom_fields"]["plan"] == "pro"


@pytest.mark.soak
def test_cancels_a_running_import_and_reports_the_stored_rows(
    browser: Browser, start_server: StartServer, tmp_path: Path
) -> None:
    server = start_server()
    lines = [f"+9188{number:08},Row {number}" for number in range(ROWS)]
    (tmp_path / "many.csv").write_text("\n".join(["phone,first_name", *lines]) + "\n")
    with watched_page(browser, server.url) as page:
        sign_in(page, server.url, server.key)
        view(page, server.url, "import")
        page.locator("input[type=file]").set_input_files(tmp_path / "many.csv")
        page.get_by_role("button", name=f"Import {ROWS:,} contacts").click(timeout=60_000)
        wait_until(lambda: stored(server) > 0)
        page.get_by_role("button", name="Cancel").click()
        said = page.get_by_role("status").filter(has_text="Cancelled")
        expect(said).to_contain_text("are stored, and stay", timeout=60_000)
        count = stored(server)
        assert 0 < count < ROWS and count % 1_000 == 0
        expect(said).to_contain_text(f"About {count:,} of {ROWS:,} contacts")


def stored(server: RunningServer) -> int:
    return int(server.get(limit=1).json()["pagination"]["total"])


def test_an_empty_store_offers_a_first_contact_and_an_import(
    page: Page, server: RunningServer, tmp_path: Path
) -> None:
    remove_people(server)
    view(page, server.url, "contacts")
    page.get_by_label("Phone").fill("+91 88568 70009")
    page.get_by_label("First name").fill("Asha")
    page.get_by_role("button", name="Create").click()
    panel = page.get_by_role("complementary", name="Contact")
    expect(panel.get_by_role("heading", name="Asha")).to_be_visible()

    remove_people(server)
    (tmp_path / "first.csv").write_text("phone,first_name\n+918856879999,Omar\n")
    view(page, server.url, "home")
    page.reload()
    page.locator("input[type=file]").set_input_files(tmp_path / "first.csv")
    expect(page.get_by_role("heading", name="Import", level=1)).to_be_visible()
    expect(page.get_by_role("button", name="Import 1 contact")).to_be_enabled()
    assert stored(server) == 0
