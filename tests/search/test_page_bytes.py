"""Pages of large contacts: bounded in bytes, with no contact lost."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import cache
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.contacts.handlers import upsert_contact
from app.contacts.model import Draft
from app.database import Database
from app.search import planner
from app.search.views import MAX_PAGE_BYTES
from app.settings import load
from app.web.service import service_of
from tests.conftest import FreshStore
from tests.postgres import Template

PATH = "/v1/contacts"
WIDE = "\U0001f600"  # Of 4 bytes.
FIELDS = 50
SIZE = FIELDS * 4 * 4_000
LARGE = 12
SMALL = 30
EVERYTHING = {"field": "phone", "op": "starts_with", "value": "91"}


@pytest.fixture(scope="module")
def clients(
    fresh_store: FreshStore,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Callable[[str], FlaskClient]]:
    """Give the client of a filled store on an engine, made once: tests only read it."""
    with ExitStack() as stack:

        @cache
        def client_on(engine: str) -> FlaskClient:
            data, url = tmp_path_factory.mktemp(engine) / "data", None
            if engine == "sqlite":
                fresh_store.copy_to(data)
            else:
                template: Template = request.getfixturevalue("postgres_template")
                data.mkdir(mode=0o700)
                url = template.take()
                stack.callback(template.give_back, url)
            environ = {"CONTACTS_RATE_LIMIT": "0"}
            app = create_app(load(environ, data=data, database_url=url), prepared=True)
            db = stack.enter_context(closing(service_of(app).db))
            db.hold()
            fill(db)
            client = app.test_client()
            client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {fresh_store.key}"
            return client

        yield client_on


def fill(db: Database) -> None:
    fields: dict[str, Any] = {f"field {number}": WIDE * 4_000 for number in range(FIELDS)}
    for number in range(LARGE + SMALL):
        phone = f"91885687{number:04}"
        large = number % 3 == 0 and number < 3 * LARGE
        draft = Draft(phone, tags=("large",), custom_fields=fields) if large else Draft(phone)
        upsert_contact(db, draft)


@pytest.fixture(params=["candidates", "scan"])
def contacts(
    request: pytest.FixtureRequest,
    clients: Callable[[str], FlaskClient],
    engine: str,
    monkeypatch: pytest.MonkeyPatch,
) -> FlaskClient:
    """A client of 12 contacts of 0.8 MB, tagged large, between 30 small ones."""
    if request.param == "scan":
        monkeypatch.setattr(planner, "MAX_CANDIDATES", -1)
    return clients(engine)


def _pages_by_cursor(client: FlaskClient, **body: Any) -> Iterator[tuple[bytes, list[str]]]:
    cursor: str | None = "start"
    while cursor is not None:
        asked = {"include": "custom_fields", "cursor": cursor, "limit": 100, **body}
        response = client.post(f"{PATH}/search", json=asked)
        assert response.status_code == 200, response.json
        yield response.data, [each["phone"] for each in response.json["contacts"]]
        cursor = response.json["pagination"]["next_cursor"]


@pytest.mark.parametrize("filter", [{}, {"filter": EVERYTHING}])
def test_a_page_by_cursor_ends_before_it_is_too_large(
    contacts: FlaskClient, filter: dict[str, Any], subtests: pytest.Subtests
) -> None:
    for sort in ({}, {"sort": "phone"}, {"sort": "-created_at"}):
        with subtests.test(**sort):
            pages = list(_pages_by_cursor(contacts, **sort, **filter))
            phones = [phone for _, page in pages for phone in page]
            assert len(phones) == len(set(phones)) == LARGE + SMALL
            assert len(pages) == 2
            assert all(len(data) < MAX_PAGE_BYTES + 10_000 for data, _ in pages)
            assert len(pages[0][0]) > MAX_PAGE_BYTES - 2 * SIZE


def test_rejects_a_page_by_offset_that_is_too_large(
    contacts: FlaskClient, subtests: pytest.Subtests
) -> None:
    queries = (
        "limit=100",
        "limit=100&tag=large",
        "limit=100&sort=phone",
        "limit=12&q=91&tag=large",
    )
    for query in queries:
        with subtests.test(query):
            response = contacts.get(f"{PATH}?{query}&include=custom_fields")
            assert response.status_code == 422
            [reason] = response.json["error"]["details"]["limit"]
            assert "8 MiB" in reason and "cursor" in reason


def test_lists_a_few_large_contacts_by_offset(
    contacts: FlaskClient, subtests: pytest.Subtests
) -> None:
    for query in ("", "&tag=large", "&sort=phone", "&q=91"):
        with subtests.test(query):
            response = contacts.get(f"{PATH}?limit=20&offset=4&include=custom_fields{query}")
            assert response.status_code == 200, response.json
            found = response.json["contacts"]
            assert len(found) == (LARGE - 4 if "tag" in query else 20)
            total = response.json["pagination"]["total"]
            every = LARGE if "tag" in query else LARGE + SMALL
            assert total in (every, None if "q=" in query else total)
            assert any(len(each["custom_fields"]) == FIELDS for each in found)


def test_a_page_without_custom_fields_is_full_however_large_they_are(
    contacts: FlaskClient,
) -> None:
    for path in (PATH, f"{PATH}?limit=100", f"{PATH}?limit=100&include=updated_at&sort=phone"):
        response = contacts.get(path)
        assert response.status_code == 200
        expected = 20 if path == PATH else LARGE + SMALL
        assert len(response.json["contacts"]) == expected


def test_exports_large_contacts_page_by_page(contacts: FlaskClient) -> None:
    response = contacts.get(f"{PATH}/export?format=jsonl")
    lines = [json.loads(line) for line in response.data.splitlines()]
    assert len({line["id"] for line in lines}) == len(lines) == LARGE + SMALL
    assert sum(bool(line["custom_fields"]) for line in lines) == LARGE


def test_the_largest_documented_view_fits_a_full_page(client: FlaskClient) -> None:
    person = {
        "phone": "918856879180",
        "first_name": WIDE * 255,
        "last_name": WIDE * 255,
        "tags": [f"{number:02}{WIDE * 98}" for number in range(100)],
    }
    assert client.post(PATH, json=person).status_code == 201
    assert 100 * len(client.get(PATH).data) < MAX_PAGE_BYTES
