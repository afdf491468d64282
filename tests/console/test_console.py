"""The console in a real browser, used as a person uses it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser import launched, needs_chromium, watched_page
from tests.conftest import RunningServer, run_contacts, servers

pytestmark = needs_chromium

MARKUP = "<img src=x onerror=alert(1)>"
PEOPLE = [
    {"first_name": "Priya", "last_name": "Sharma", "tags": ["VIP"]},
    {"first_name": "Ravi", "last_name": "Patel", "tags": ["Lead"]},
    {"first_name": "محمد", "last_name": "علي", "tags": ["VIP", "Lead"]},
    {"first_name": MARKUP, "last_name": "👩‍👧 Ng", "tags": [f"<b>{MARKUP}"]},
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with servers(tmp_path_factory.mktemp("console")) as start:
        yield start(environ={"CONTACTS_WEBHOOK_ALLOW_PRIVATE": "127.0.0.0/8"})


@pytest.fixture(autouse=True)
def people(server: RunningServer) -> None:
    """Four known contacts, and nobody else."""
    with server.session() as session:
        for contact in session.get(f"{server.url}/v1/contacts?limit=100").json()["contacts"]:
            session.delete(f"{server.url}/v1/contacts/{contact['id']}")
        for number, person in enumerate(PEOPLE):
            fields = {"plan": ["pro", "free"][number % 2], "score": number, "<i>key": MARKUP}
            server.post(
                phone=f"91885687000{number}",
                email=f"p{number}@example.com",
                custom_fields=fields,
                **person,
            )


@pytest.fixture
def page(browser: Browser, server: RunningServer) -> Iterator[Page]:
    """The console, signed in with a key that has every scope."""
    with watched_page(browser, server.url) as page:
        sign_in(page, server)
        yield page


def sign_in(page: Page, server: RunningServer, key: str = "") -> None:
    page.goto(server.url)
    page.get_by_label("API key").fill(key or server.key)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()


def view(page: Page, server: RunningServer, address: str) -> None:
    page.goto(f"{server.url}/#/{address}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def rows(page: Page) -> list[str]:
    return page.locator("tbody tr td:first-child").all_text_contents()


def key_with(server: RunningServer, *scopes: str) -> str:
    options = [part for scope in scopes for part in ("--scope", scope)]
    made = run_contacts("keys", "create", "--label", MARKUP, *options, "--data", server.data)
    return made.stdout.strip()


def test_signs_in_and_keeps_the_key_in_the_tab_alone(
    browser: Browser, server: RunningServer
) -> None:
    with watched_page(browser, server.url) as page:
        page.goto(server.url)
        page.get_by_label("API key").fill("ak_live_wrong")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_contain_text("Send a valid API key")
        sign_in(page, server)
        assert page.evaluate("Object.values(sessionStorage)") == [server.key]
        assert page.evaluate("JSON.stringify(localStorage)") == "{}"
        assert page.context.cookies() == []
        page.reload()
        expect(page.get_by_role("heading", name="Home")).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("API key")).to_be_visible()
        assert page.evaluate("sessionStorage.length") == 0


def test_shows_what_the_scopes_of_a_key_allow(browser: Browser, server: RunningServer) -> None:
    with watched_page(browser, server.url) as page:
        sign_in(page, server, key_with(server, "contacts:read"))
        names = page.get_by_role("navigation", name="Main").get_by_role("link")
        assert names.all_text_contents() == ["Home", "Contacts", "Tags", "Fields", "Segments"]
        view(page, server, "contacts?open=cnt_918856870000")
        panel = page.get_by_role("complementary", name="Contact")
        expect(panel).to_contain_text("p0@example.com")
        expect(panel.get_by_role("textbox")).to_have_count(0)
        expect(page.get_by_role("button", name="New contact")).to_have_count(0)
        expect(panel.get_by_role("button", name="Erase")).to_have_count(0)


def test_finds_contacts_as_one_types_and_keeps_the_state_in_the_address(
    page: Page, server: RunningServer
) -> None:
    view(page, server, "contacts")
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
    view(page, server, "contacts")
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


def test_edits_a_contact_and_shows_both_after_a_lost_race(
    page: Page, server: RunningServer
) -> None:
    view(page, server, "contacts?open=cnt_918856870001")
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


@pytest.mark.soak
def test_adds_and_removes_tags(page: Page, server: RunningServer) -> None:
    view(page, server, "contacts?open=cnt_918856870001")
    panel = page.get_by_role("complementary", name="Contact")
    panel.get_by_label("Add a tag").fill("Gold")
    panel.get_by_role("button", name="Add", exact=True).click()
    panel.get_by_role("button", name="Remove tag Lead").click()
    expect(panel.get_by_role("button", name="Remove tag Lead")).to_have_count(0)
    assert server.get("/v1/contacts/918856870001").json()["contact"]["tags"] == ["Gold"]


@pytest.mark.soak
def test_creates_merges_twins_and_erases(page: Page, server: RunningServer) -> None:
    server.post(phone="551187654321", last_name="Old")
    view(page, server, "contacts")
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
def test_tags_and_exports_all_that_is_filtered(
    page: Page, server: RunningServer, tmp_path: Path
) -> None:
    view(
        page,
        server,
        "contacts?filter=%7B%22field%22%3A%22tag%22%2C%22op%22%3A%22eq%22%2C%22value%22%3A%22VIP%22%7D",
    )
    expect(page.get_by_text("2 contacts")).to_be_visible()
    page.get_by_role("button", name="With all").click()
    dialog = page.get_by_role("dialog", name="With 2 contacts")
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


@pytest.mark.soak
def test_renames_merges_and_deletes_tags(page: Page, server: RunningServer) -> None:
    view(page, server, "tags")
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
    view(page, server, "fields")
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
    view(page, server, "webhooks")
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
def test_imports_a_file_after_a_preview(page: Page, server: RunningServer, tmp_path: Path) -> None:
    name = f"{MARKUP.replace('/', '')}.csv"
    rows = ["phone,first_name,Plan,tags", "+918856870000,Priyanka,gold,New"]
    rows += ["+918856879999,Omar,pro,", "12,Bad,,"]
    (tmp_path / name).write_text("\n".join(rows) + "\n")
    view(page, server, "import")
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
def test_makes_a_segment_and_sees_its_count(page: Page, server: RunningServer) -> None:
    view(page, server, "segments")
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


@pytest.mark.soak
def test_shows_changes_as_they_happen(page: Page, server: RunningServer) -> None:
    expect(page.locator(".totals")).to_contain_text("4")
    expect(page.get_by_role("img", name="Contacts created and changed")).to_be_visible()
    server.post(phone="918856870001", first_name="Live")
    expect(page.locator(".events li").first).to_contain_text("Live Patel", timeout=20_000)
    expect(page.locator(".totals")).to_contain_text("Ready")


@pytest.mark.soak
def test_loses_nothing_on_a_network_fault(browser: Browser, server: RunningServer) -> None:
    with watched_page(browser, server.url, allowed="net::ERR_FAILED") as page:
        sign_in(page, server)
        lose_and_save(page, server)


def lose_and_save(page: Page, server: RunningServer) -> None:
    view(page, server, "contacts?open=cnt_918856870001")
    panel = page.get_by_role("complementary", name="Contact")
    panel.get_by_label("First name").fill("Kept")
    page.route("**/v1/**", lambda route: route.abort())
    panel.get_by_role("button", name="Save").click()
    expect(panel.get_by_role("alert")).to_contain_text("The server does not answer")
    assert panel.get_by_label("First name").input_value() == "Kept"
    page.unroute("**/v1/**")
    panel.get_by_role("button", name="Save").click()
    expect(panel.get_by_role("heading", name="Kept Patel")).to_be_visible()


VIEWS = (
    "home",
    "contacts?open=cnt_918856870003",
    "import",
    "tags",
    "fields",
    "segments",
    "webhooks",
)


@pytest.mark.soak
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_has_no_fault_that_axe_finds(browser: Browser, server: RunningServer, scheme: str) -> None:
    with watched_page(browser, server.url, color_scheme=scheme, bypass_csp=True) as page:
        sign_in(page, server)
        for address in VIEWS:
            view(page, server, address)
            page.wait_for_load_state("networkidle") if address != "home" else None
            found = Axe().run(page)
            assert found.violations_count == 0, f"{address}: {found.generate_report()}"


@pytest.mark.soak
def test_fits_the_screen_of_a_phone(browser: Browser, server: RunningServer) -> None:
    with watched_page(browser, server.url, viewport={"width": 360, "height": 740}) as page:
        sign_in(page, server)
        for address in VIEWS:
            view(page, server, address)
            page.wait_for_timeout(300)
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= 360, address
