"""Tags, custom fields, segments and webhooks, as a person uses them."""

import pytest
from playwright.sync_api import Page

from tests.browser import needs_chromium
from tests.conftest import RunningServer
from tests.console.pages import MARKUP, expect, view

pytestmark = needs_chromium


@pytest.mark.soak
def test_renames_merges_and_deletes_tags(page: Page, server: RunningServer) -> None:
    view(page, server.url, "tags")
    row = page.get_by_role("row").filter(has_text="Lead")
    row.get_by_role("button", name="Rename").click()
    dialog = page.get_by_role("dialog", name="Rename a tag")
    dialog.get_by_label("Name").fill("VIP")
    expect(dialog).to_contain_text("The two become one")
    dialog.get_by_role("button", name="Merge").click()
    expect(page.get_by_role("row").filter(has_text="VIP")).to_contain_text("3")
    page.get_by_role("row").filter(has_text="VIP").get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("row").filter(has_text="VIP")).to_have_count(0)
    assert [each["name"] for each in server.get("/v1/tags").json()["tags"]] == [f"<b>{MARKUP}"]


@pytest.mark.soak
def test_pins_the_type_of_a_field(page: Page, server: RunningServer) -> None:
    view(page, server.url, "fields")
    page.get_by_role("row").filter(has_text="score").get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog", name="score")
    dialog.get_by_label("Label").fill("Score of the lead")
    dialog.get_by_label("Required type").select_option("number")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("row").filter(has_text="score")).to_contain_text("Score of the lead")
    [field] = [
        each
        for each in server.get("/v1/custom-fields").json()["custom_fields"]
        if each["key"] == "score"
    ]
    assert field["required_type"] == "number"


@pytest.mark.soak
def test_adds_a_webhook_and_shows_its_secret_once(page: Page, server: RunningServer) -> None:
    view(page, server.url, "webhooks")
    page.get_by_role("button", name="New webhook").click()
    dialog = page.get_by_role("dialog", name="New webhook")
    dialog.get_by_label("URL").fill("http://127.0.0.1:9/hook")
    dialog.get_by_label("Label").fill(MARKUP)
    dialog.get_by_role("button", name="Save").click()
    secret = page.get_by_role("dialog", name="The secret")
    expect(secret).to_contain_text("whsec_")
    secret.get_by_role("button", name="I have stored it").click()
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("A test is on its way")).to_be_visible()
    page.get_by_role("button", name="Deliveries").click()
    deliveries = page.get_by_role("dialog").filter(has_text="Deliveries of")
    expect(deliveries).to_contain_text("webhook.test")
    deliveries.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="New secret").click()
    page.get_by_role("button", name="Make a new secret").click()
    expect(secret).to_contain_text("whsec_")
    secret.get_by_role("button", name="I have stored it").click()
    assert "whsec_" not in page.content()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No webhooks yet")).to_be_visible()


@pytest.mark.soak
def test_creates_a_segment_and_shows_its_count(page: Page, server: RunningServer) -> None:
    view(page, server.url, "segments")
    page.get_by_role("button", name="New segment").click()
    dialog = page.get_by_role("dialog", name="New segment")
    dialog.get_by_label("Name").fill(MARKUP)
    dialog.get_by_role("button", name="Add a condition").click()
    dialog.get_by_label("Value").fill("VIP")
    expect(dialog.get_by_role("status")).to_contain_text("2 contacts match now")
    dialog.get_by_role("button", name="Save").click()
    row = page.get_by_role("row").filter(has_text=MARKUP)
    expect(row).to_contain_text("2", timeout=15_000)
    row.get_by_role("link").click()
    expect(page.get_by_text("2 contacts")).to_be_visible()
    page.go_back()
    row.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)
