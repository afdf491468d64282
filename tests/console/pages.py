"""Steps of the console's tests, such as signing in, and the contacts that they use."""

from playwright.sync_api import Page
from playwright.sync_api import expect as expect

from tests.conftest import RunningServer, run_contacts

MARKUP = "<img src=x onerror=alert(1)>"
PEOPLE = [
    {"first_name": "Priya", "last_name": "Sharma", "tags": ["VIP"]},
    {"first_name": "Ravi", "last_name": "Patel", "tags": ["Lead"]},
    {"first_name": "محمد", "last_name": "علي", "tags": ["VIP", "Lead"]},
    {"first_name": MARKUP, "last_name": "👩‍👧 Ng", "tags": [f"<b>{MARKUP}"]},
]
VIEWS = (
    *("home", "contacts?open=cnt_918856870003", "import", "tags", "fields", "segments"),
    "webhooks",
)


def remove_people(server: RunningServer) -> None:
    with server.session() as session:
        while found := session.get(f"{server.url}/v1/contacts?limit=100").json()["contacts"]:
            for contact in found:
                session.delete(f"{server.url}/v1/contacts/{contact['id']}")


def add_people(server: RunningServer) -> None:
    """Replace all contacts by those of `PEOPLE`."""
    remove_people(server)
    with server.session() as session:
        for number, person in enumerate(PEOPLE):
            fields = {"plan": ["pro", "free"][number % 2], "score": number, "<i>key": MARKUP}
            phone, email = f"91885687000{number}", f"p{number}@example.com"
            body = {"phone": phone, "email": email, "custom_fields": fields, **person}
            assert session.post(f"{server.url}/v1/contacts", json=body).ok


def sign_in(page: Page, url: str, key: str) -> None:
    page.goto(f"{url}/")
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()


def view(page: Page, url: str, address: str) -> None:
    page.goto(f"{url}/#/{address}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def key_with(server: RunningServer, *scopes: str) -> str:
    options = [part for scope in scopes for part in ("--scope", scope)]
    made = run_contacts("keys", "create", "--label", MARKUP, *options, "--data", server.data)
    return made.stdout.strip()
