"""How the files of the console are served: their size, switched off, behind a path prefix."""

import gzip
import re
from pathlib import Path
from urllib.parse import urlsplit

from flask.testing import FlaskClient
from playwright.sync_api import Browser

from app import create_app
from app.console.routes import FILES, FOLDER, PAGE
from app.settings import load
from tests.browser import needs_chromium, watched_page
from tests.conftest import ROOT, FreshStore, RunningServer
from tests.console.pages import expect, sign_in, view
from tests.prefix_proxy import PREFIX, prefix_proxy

BUDGET = 60_000


def test_is_small_and_loads_only_its_own_files(anonymous: FlaskClient) -> None:
    paths = ["/", *(f"/console/{name}" for name in sorted(FILES))]
    answers = [anonymous.get(path) for path in paths]
    assert [answer.status_code for answer in answers] == [200] * len(paths)
    policies = {answer.headers["Content-Security-Policy"] for answer in answers}
    assert len(policies) == 1
    assert "script-src 'self'" in (policy := policies.pop()) and "unsafe-" not in policy
    assert sum(len(gzip.compress(answer.data, 6)) for answer in answers) <= BUDGET
    assert {PAGE.name, *FILES} == {path.name for path in FOLDER.iterdir() if path.suffix != ".txt"}


def test_responds_404_for_unknown_files(anonymous: FlaskClient) -> None:
    for path in ("/console/missing.js", "/console/index.html", "/console/..%2f__init__.py"):
        answer = anonymous.get(path)
        assert answer.status_code == 404
        assert answer.json is not None and answer.json["error"]["code"] == "not_found"


def test_responds_404_when_the_console_is_disabled(tmp_path: Path, fresh_store: FreshStore) -> None:
    fresh_store.copy_to(tmp_path / "data")
    settings = load({"CONTACTS_CONSOLE": "no"}, data=tmp_path / "data")
    client = create_app(settings, prepared=True).test_client()
    for path in ("/", *(f"/console/{name}" for name in FILES)):
        answer = client.get(path)
        assert answer.status_code == 404, path
        assert answer.json is not None and answer.json["success"] is False
        assert answer.json["error"]["code"] == "not_found"
    document = client.get("/openapi.json").json
    assert document is not None
    assert not [path for path in document["paths"] if path == "/" or "console" in path]
    bearer = {"Authorization": f"Bearer {fresh_store.key}"}
    assert client.get("/v1/contacts", headers=bearer).status_code == 200


@needs_chromium
def test_works_behind_a_path_prefix(
    browser: Browser, server: RunningServer, tmp_path: Path
) -> None:
    (tmp_path / "one.csv").write_text("phone,first_name\n+918856879999,Omar\n")
    with (
        prefix_proxy(server) as (url, outside),
        watched_page(browser, url) as page,
    ):
        sign_in(page, url, server.key)
        view(page, url, "import")
        page.locator("input[type=file]").set_input_files(tmp_path / "one.csv")
        page.get_by_role("button", name="Import 1 contact").click()
        expect(page.get_by_role("heading", name="Imported")).to_be_visible()
        page.get_by_role("link", name="Contacts").first.click()
        page.get_by_role("row").filter(has_text="Omar").click()
        panel = page.get_by_role("complementary", name="Contact")
        panel.get_by_label("First name").fill("Umar")
        panel.get_by_role("button", name="Save").click()
        expect(panel.get_by_role("heading", name="Umar")).to_be_visible()
        page.reload()
        expect(panel.get_by_role("heading", name="Umar")).to_be_visible()
        assert urlsplit(page.url).path == f"{PREFIX}/"
        assert outside == []


def test_pictures_of_the_pages_are_small() -> None:
    pictures = list((ROOT / "docs").glob("console-*.png"))
    assert {picture.name for picture in pictures} == set(
        re.findall(r"docs/(console-[\w-]+\.png)", (ROOT / "README.md").read_text())
    )
    assert all(picture.stat().st_size <= 120_000 for picture in pictures)
