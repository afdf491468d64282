"""`/docs` in a real browser: shows the API, sends requests, loads nothing from other servers."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Browser, Page, Response, expect

from tests.browser import MILLISECONDS, launched, needs_chromium
from tests.conftest import RunningServer
from tests.prefix_proxy import PREFIX, prefix_proxy

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@contextmanager
def opened(browser: Browser, url: str) -> Iterator[Page]:
    """Open the page; errors and requests to other servers fail the test."""
    complaints: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 1600})
    context.set_default_timeout(MILLISECONDS)
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: complaints.append(f"failed: {request.url}"))
    page.on(
        "request",
        lambda request: request.url.startswith((url, "data:")) or complaints.append(request.url),
    )
    page.goto(f"{url}/docs")
    yield page
    context.close()
    assert complaints == []


@pytest.fixture
def page(browser: Browser, shared_server: RunningServer) -> Iterator[Page]:
    with opened(browser, shared_server.url) as page:
        yield page


@pytest.fixture(scope="module")
def authorized(browser: Browser, shared_server: RunningServer) -> Iterator[Page]:
    """The page after the key is entered, for all tests: it takes seconds to draw."""
    with opened(browser, shared_server.url) as page:
        enter_key(page, shared_server.key)
        yield page


def enter_key(page: Page, key: str) -> None:
    page.get_by_role("button", name="Authorize").first.click()
    page.locator(".auth-container input").first.fill(key)
    page.locator(".auth-btn-wrapper .authorize").first.click()
    page.locator(".auth-btn-wrapper .btn-done").first.click()


@pytest.mark.soak
def test_shows_every_operation_and_its_details(page: Page, shared_server: RunningServer) -> None:
    document = shared_server.get("/openapi.json").json()
    expect(page.get_by_role("heading", name="Contacts API")).to_be_visible(timeout=20_000)
    items = [*document["paths"].values(), *document["webhooks"].values()]
    summaries = [each["summary"] for item in items for each in item.values()]
    assert sorted(page.locator(".opblock-summary-description").all_text_contents()) == sorted(
        summaries
    )
    # One at a time: the page is redrawn after each click, and slower with each open block.
    controls, opened = page.locator(".opblock-summary-control"), page.locator(".opblock.is-open")
    described = 0
    for index in range(len(summaries)):
        controls.nth(index).click()
        expect(opened).to_have_count(1)
        expect(opened.locator(".responses-table")).to_be_attached()
        described += opened.get_by_text("Number of contacts to skip.").count()
        controls.nth(index).click()
        expect(opened).to_have_count(0)
    assert described


def test_sends_requests_with_the_entered_key(
    authorized: Page, shared_server: RunningServer
) -> None:
    page, server = authorized, shared_server
    status = execute(page, "Keys-getStatus")
    assert status.status == 200
    assert status.request.headers["authorization"] == f"Bearer {server.key}"
    block = page.locator("#operations-Keys-getStatus")
    expect(block.locator("tbody .response-col_status").first).to_contain_text("200")
    expect(block.locator(".live-responses-table")).to_contain_text("operational")

    # The first example is filled in as the body; the switch dry_run starts at false.
    assert execute(page, "Contacts-postContact").status == 201
    [contact] = server.get().json()["contacts"]
    assert contact["first_name"] == "Priya"
    assert page.context.cookies() == []
    assert page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})") == "{}"


def test_works_behind_a_path_prefix(browser: Browser, shared_server: RunningServer) -> None:
    with prefix_proxy(shared_server) as (url, outside), opened(browser, url) as page:
        enter_key(page, shared_server.key)
        assert urlsplit(execute(page, "Find-getContacts").url).path == f"{PREFIX}/v1/contacts"
        assert outside == []


def execute(page: Page, operation: str) -> Response:
    """Open an operation, send its example, and return the response."""
    block = page.locator(f"#operations-{operation}")
    block.locator(".opblock-summary-control").click()
    with page.expect_response(lambda response: "/v1/" in response.url) as answered:
        block.locator("button.execute").click()
    return answered.value


def test_writes_conditions_on_custom_fields_as_parameters(authorized: Page) -> None:
    page = authorized
    assert execute(page, "Find-getContacts").status == 200

    conditions = '{"custom_fields[score][gte]": "10", "custom_fields[plan]": "pro"}'
    block = page.locator("#operations-Find-getContacts")
    block.locator('tr[data-param-name="custom_fields"] textarea').fill(conditions)
    with page.expect_response(lambda response: "/v1/" in response.url) as answered:
        block.locator("button.execute").click()
    assert answered.value.status == 200
    assert set(parse_qsl(urlsplit(answered.value.url).query)) == {
        *(("custom_fields[score][gte]", "10"), ("custom_fields[plan]", "pro")),
        ("limit", "20"),
    }
