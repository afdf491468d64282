"""The table of contacts and the contact beside it, as a person uses them."""

from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser import needs_chromium
from tests.conftest import RunningServer
from tests.console.pages import expect, view

pytestmark = needs_chromium


def rows(page: Page) -> list[str]:
    return page.locator("tbody tr td:first-child").all_text_contents()


def test_finds_contacts_while_typing_and_keeps_the_state_in_the_address(
    page: Page, server: RunningServer
) -> None:
    view(page, server.url, "contacts")
    expect(page.get_by_text("4 contacts")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("pri")
    expect(page.locator("tbody tr")).to_have_count(1)
    assert rows(page) == ["Priya Sharma"]
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    panel = page.get_by_role("complementary", name="Contact")
    expect(panel.get_by_role("heading", name="Priya Sharma")).to_be_visible()
    page.reload()
    expect(panel.get_by_role("heading", name="Priya Sharma")).to_be_visible()
    assert page.get_by_role("searchbox").input_value() == "pri"
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    page.get_by_role("button", name="Show all contacts").click()
    expect(page.locator("tbody tr")).to_have_count(4)
    page.get_by_role("button", name="Phone").click()
    page.get_by_role("button", name="Phone").click()
    expect(page.locator("tbody tr").first).to_contain_text("+918856870003")
    page.go_back()
    expect(page.locator("tbody tr").first).to_contain_text("+918856870000")


@pytest.mark.soak
def test_builds_a_filter_and_shows_the_json_that_it_sends(
    page: Page, server: RunningServer
) -> None:
    view(page, server.url, "contacts")
    page.get_by_role("button", name="Filter").click()
    dialog = page.get_by_role("dialog", name="Filter")
    dialog.get_by_role("button", name="Add a condition").click()
    dialog.get_by_label("Value").fill("VIP")
    dialog.get_by_role("button", name="Add a condition").click()
    second = dialog.get_by_role("group", name="Condition 2")
    second.get_by_label("Field").select_option("custom_fields.score")
    second.get_by_label("Comparison").select_option("gte")
    second.get_by_label("Value").fill("2")
    dialog.get_by_text("The JSON that this sends").click()
    expect(dialog.locator("pre")).to_contain_text('"value": 2')
    with page.expect_request("**/v1/contacts/search") as sent:
        dialog.get_by_role("button", name="Apply").click()
    assert sent.value.post_data_json["filter"] == {
        "all": [
            {"field": "tag", "op": "eq", "value": "VIP"},
            {"field": "custom_fields.score", "op": "gte", "value": 2},
        ]
    }
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("button", name="Columns").click()
    page.get_by_role("dialog").get_by_text("score").click()
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("columnheader", name="score")).to_be_visible()


def test_edits_a_contact_and_shows_both_versions_after_a_conflict(
    page: Page, server: RunningServer
) -> None:
    view(page, server.url, "contacts?open=cnt_918856870001")
    panel = page.get_by_role("complementary", name="Contact")
    panel.get_by_label("First name").fill("Ravindra")
    panel.get_by_label("score").fill("50")
    panel.get_by_role("button", name="Save").click()
    expect(panel.get_by_role("heading", name="Ravindra Patel")).to_be_visible()
    expect(panel.get_by_role("listitem").first).to_contain_text("Ravi → Ravindra")
    contact = server.get("/v1/contacts/918856870001").json()["contact"]
    assert contact["custom_fields"]["score"] == 50

    panel.get_by_label("First name").fill("Mine")
    server.post(phone="918856870001", first_name="Theirs")
    panel.get_by_role("button", name="Save").click()
    lost = panel.get_by_role("alert")
    expect(lost).to_contain_text("Theirs")
    expect(lost).to_contain_text("Mine")
    lost.get_by_role("button", name="Save mine").click()
    expect(panel.get_by_role("heading", name="Mine Patel")).to_be_visible()

    panel.get_by_label("E-mail").fill("no address")
    panel.get_by_role("button", name="Save").click()
    expect(panel.locator(".wrong")).to_be_visible()
    assert panel.get_by_label("E-mail").input_value() == "no address"


def test_a_number_stays_a_number_while_the_fields_are_loading(
    page: Page, server: RunningServer
) -> None:
    page.route("**/v1/custom-fields?*", lambda route: None)
    view(page, server.url, "contacts?open=cnt_918856870001")
    panel = page.get_by_role("complementary", name="Contact")
    panel.get_by_label("score").fill("51")
    panel.get_by_role("button", name="Save").click()
    expect(panel.get_by_role("listitem").first).to_contain_text("51")
    contact = server.get("/v1/contacts/918856870001").json()["contact"]
    assert contact["custom_fields"]["score"] == 51
    panel.get_by_label("New custom field").fill("plan")
    expect(panel.get_by_role("button", name="Add field")).to_be_disabled()


@pytest.mark.soak
def test_adds_and_removes_tags(page: Page, server: RunningServer) -> None:
    view(page, server.url, "contacts?open=cnt_918856870001")
    panel = page.get_by_role("complementary", name="Contact")
    panel.get_by_label("Add a tag").fill("Gold")
    panel.get_by_role("button", name="Add", exact=True).click()
    panel.get_by_role("button", name="Remove tag Lead").click()
    expect(panel.get_by_role("button", name="Remove tag Lead")).to_have_count(0)
    assert server.get("/v1/contacts/918856870001").json()["contact"]["tags"] == ["Gold"]


@pytest.mark.soak
def test_creates_merges_twins_and_erases(page: Page, server: RunningServer) -> None:
    server.post(phone="551187654321", last_name="Old")
    view(page, server.url, "contacts")
    page.get_by_role("button", name="New contact").click()
    dialog = page.get_by_role("dialog", name="New contact")
    dialog.get_by_label("Phone").fill("0 11 98765-4321")
    dialog.get_by_role("button", name="Create").click()
    expect(dialog.get_by_role("alert").first).to_be_visible()
    dialog.get_by_label("Phone").fill("+55 11 98765-4321")
    dialog.get_by_label("First name").fill("Bia")
    dialog.get_by_role("button", name="Create").click()
    panel = page.get_by_role("complementary", name="Contact")
    expect(panel).to_contain_text("may be the same person")
    panel.get_by_role("button", name="Merge it into this contact").click()
    page.get_by_role("dialog").get_by_role("button", name="Merge").click()
    expect(panel.get_by_role("heading", name="Bia Old")).to_be_visible()
    survivor = server.get("/v1/contacts/551187654321").json()["contact"]
    assert survivor["id"] == "cnt_5511987654321"

    panel.get_by_role("button", name="Erase this contact").click()
    page.get_by_role("dialog").get_by_role("button", name="Erase").click()
    expect(panel).to_have_count(0)
    assert server.get("/v1/contacts/551187654321").status_code == 404


@pytest.mark.soak
def test_tags_and_exports_the_filtered_contacts(
    page: Page, server: RunningServer, tmp_path: Path
) -> None:
    view(
        page,
        server.url,
        "contacts?filter=%7B%22field%22%3A%22tag%22%2C%22op%22%3A%22eq%22%2C%22value%22%3A%22VIP%22%7D",
    )
    expect(page.get_by_text("2 contacts")).to_be_visible()
    page.get_by_role("button", name="Tag or export").click()
    dialog = page.get_by_role("dialog", name="Tag or export 2 contacts")
    with page.expect_download() as downloaded:
        dialog.get_by_role("button", name="Download").click()
    downloaded.value.save_as(tmp_path / "saved.csv")
    assert "Priya" in (text := (tmp_path / "saved.csv").read_text()) and "Ravi" not in text
    dialog.get_by_label("Tag").fill("VIP")
    dialog.get_by_role("button", name="Remove from all").click()
    expect(dialog.get_by_role("status")).to_contain_text("2 contacts done, 2 changed")
    dialog.get_by_role("button", name="Close").click()
    expect(page.get_by_text("No contact matches.")).to_be_visible()
    assert server.get("/v1/contacts", tag="VIP").json()["pagination"]["total"] == 0


def test_asks_before_it_drops_changes_and_returns_the_focus(
    page: Page, server: RunningServer
) -> None:
    view(page, server.url, "contacts")
    row = page.get_by_role("row").filter(has_text="Ravi Patel")
    row.focus()
    page.keyboard.press("Enter")
    panel = page.get_by_role("complementary", name="Contact")
    expect(panel.get_by_role("heading", name="Ravi Patel")).to_be_focused()
    panel.get_by_label("First name").fill("Ravindra")
    page.keyboard.press("Escape")
    dialog = page.get_by_role("dialog", name="Discard your changes?")
    dialog.get_by_role("button", name="Cancel").click()
    assert panel.get_by_label("First name").input_value() == "Ravindra"
    panel.get_by_label("First name").focus()
    page.keyboard.press("Escape")
    dialog.get_by_role("button", name="Discard").click()
    expect(panel).to_have_count(0)
    row.focus()
    page.keyboard.press("Enter")
    expect(panel.get_by_role("heading", name="Ravi Patel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(row).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("row").filter(has_text="Priya Sharma")).to_be_focused()
