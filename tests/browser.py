"""A real Chromium for the tests of pages."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
needs_chromium = pytest.mark.skipif(
    not CHROMIUM, reason="no Chromium here: apt-get install chromium"
)

# A busy machine draws slowly: this ends only waits for what never appears.
MILLISECONDS = 120_000
expect.set_options(timeout=MILLISECONDS)


@contextmanager
def launched() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # The sandbox needs privileges that containers lack; the browser opens only our pages.
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


@contextmanager
def watched_page(
    browser: Browser, server: str, *, allowed: str = "", **options: Any
) -> Iterator[Page]:
    """Give a page; dialogs, errors and requests to other servers fail the test.

    The browser logs each response with an error status: these lines do not fail the test, nor
    do failed loads whose line contains `allowed`.
    """
    complaints: list[str] = []
    failed: list[str] = []
    waiting: list[str] = []
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
    context.set_default_timeout(MILLISECONDS)
    page = context.new_page()

    def note(text: str) -> None:
        is_failure = text.startswith("Failed to load resource")
        if not (is_failure and ("status of" in text or (allowed and allowed in text))):
            complaints.append(text)

    page.on("console", lambda message: note(message.text))
    page.on("pageerror", lambda error: note(str(error)))
    page.on("crash", lambda _: note("The page crashed"))
    page.on("dialog", lambda dialog: (note(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on(
        "request",
        lambda request: (
            request.url.startswith((server, "data:", "blob:")) or note(f"elsewhere: {request.url}")
        ),
    )
    page.on("request", lambda request: waiting.append(request.url))
    page.on("requestfinished", lambda request: waiting.remove(request.url))
    page.on("requestfailed", lambda request: failed.append(f"{request.failure}: {request.url}"))
    try:
        yield page
    except Exception as error:
        error.add_note(f"The browser logged {complaints}; failed: {failed}; waiting: {waiting}")
        raise
    context.close()
    assert complaints == []
