"""One server and one browser for all tests of the console."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import launched, watched_page
from tests.conftest import RunningServer, servers
from tests.console.pages import add_people, sign_in


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture(scope="package")
def console_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with servers(tmp_path_factory.mktemp("console")) as start:
        yield start(environ={"CONTACTS_WEBHOOK_ALLOW_PRIVATE": "127.0.0.0/8"})


@pytest.fixture
def server(console_server: RunningServer) -> RunningServer:
    """The server of all these tests, with the contacts of `pages.PEOPLE` only."""
    add_people(console_server)
    return console_server


@pytest.fixture
def page(browser: Browser, server: RunningServer) -> Iterator[Page]:
    """The console, signed in with a key that has every scope."""
    with watched_page(browser, server.url) as page:
        sign_in(page, server.url, server.key)
        yield page
