"""Every view: sign-in, scopes, network errors, accessibility, width."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser import needs_chromium, watched_page
from tests.conftest import RunningServer
from tests.console.pages import VIEWS, expect, key_with, sign_in, view

pytestmark = needs_chromium


def test_signs_in_and_keeps_the_key_in_the_tab_alone(
    browser: Browser, server: RunningServer
) -> None:
    with watched_page(browser, server.url) as page:
        page.goto(server.url)
        page.get_by_label("API key").fill("ak_live_wrong")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_contain_text("Send a valid API key")
        sign_in(page, server.url, server.key)
        assert page.evaluate("Object.values(sessionStorage)") == [server.key]
        assert page.evaluate("JSON.stringify(localStorage)") == "{}"
        assert page.context.cookies() == []
        page.reload()
        expect(page.get_by_role("heading", name="Home")).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("API key")).to_be_visible()
        assert page.evaluate("sessionStorage.length") == 0


def test_shows_the_views_that_the_scopes_of_a_key_allow(
    browser: Browser, server: RunningServer
) -> None:
    with watched_page(browser, server.url) as page:
        sign_in(page, server.url, key_with(server, "contacts:read"))
        names = page.get_by_role("navigation", name="Main").get_by_role("link")
        assert names.all_text_contents() == ["Home", "Contacts", "Tags", "Fields", "Segments"]
        view(page, server.url, "contacts?open=cnt_918856870000")
        panel = page.get_by_role("complementary", name="Contact")
        expect(panel).to_contain_text("p0@example.com")
        expect(panel.get_by_role("textbox")).to_have_count(0)
        expect(page.get_by_role("button", name="New contact")).to_have_count(0)
        expect(panel.get_by_role("button", name="Erase")).to_have_count(0)


@pytest.mark.soak
def test_shows_changes_as_they_happen(page: Page, server: RunningServer) -> None:
    expect(page.locator(".totals")).to_contain_text("4")
    expect(page.get_by_role("img", name="Contacts created and changed")).to_be_visible()
    server.post(phone="918856870001", first_name="Live")
    expect(page.locator(".events li").first).to_contain_text("Live Patel", timeout=20_000)
    expect(page.locator(".totals")).to_contain_text("Ready")


@pytest.mark.soak
def test_keeps_an_edit_after_a_network_error(browser: Browser, server: RunningServer) -> None:
    with watched_page(browser, server.url, allowed="net::ERR_FAILED") as page:
        sign_in(page, server.url, server.key)
        lose_and_save(page, server)


def lose_and_save(page: Page, server: RunningServer) -> None:
    view(page, server.url, "contacts?open=cnt_918856870001")
    panel = page.get_by_role("complementary", name="Contact")
    panel.get_by_label("First name").fill("Kept")
    page.route("**/v1/**", lambda route: route.abort())
    panel.get_by_role("button", name="Save").click()
    expect(panel.get_by_role("alert")).to_contain_text("The server does not answer")
    assert panel.get_by_label("First name").input_value() == "Kept"
    page.unroute("**/v1/**")
    panel.get_by_role("button", name="Save").click()
    expect(panel.get_by_role("heading", name="Kept Patel")).to_be_visible()


@pytest.mark.soak
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_accessibility_violation(
    browser: Browser, server: RunningServer, scheme: str
) -> None:
    with watched_page(browser, server.url, color_scheme=scheme, bypass_csp=True) as page:
        sign_in(page, server.url, server.key)
        for address in VIEWS:
            view(page, server.url, address)
            page.wait_for_load_state("networkidle") if address != "home" else None
            found = Axe().run(page)
            assert found.violations_count == 0, f"{address}: {found.generate_report()}"


@pytest.mark.soak
def test_fits_the_screen_of_a_phone(browser: Browser, server: RunningServer) -> None:
    with watched_page(browser, server.url, viewport={"width": 360, "height": 740}) as page:
        sign_in(page, server.url, server.key)
        for address in VIEWS:
            view(page, server.url, address)
            page.wait_for_timeout(300)
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= 360, address
