"""Take the screenshots of README and docs/console.md: `python -m tests.console.screenshots`.

Starts a server of its own with invented contacts, and writes `docs/console-*.png`.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page

from tests.browser import launched
from tests.conftest import ROOT, RunningServer, servers
from tests.console.pages import expect, sign_in, view
from tests.console.small_png import smaller

SIZE = {"width": 1200, "height": 720}
SCHEMES = {"light": "", "dark": "-dark"}

PEOPLE = [
    ("+918856879188", "Priya", "Sharma", "VIP Lead", "pro", "Pune", 4),
    ("+447700900123", "Oliver", "Bennett", "Customer", "team", "Leeds", 12),
    ("+5511961234567", "Ana Beatriz", "Conceição", "Customer VIP", "pro", "São Paulo", 9),
    ("+966500000123", "فاطمة", "الزهراء", "Lead", "free", "الرياض", 1),
    ("+819012345678", "さくら", "田中", "Customer", "team", "京都", 7),
    ("+380501234567", "Олена", "Шевченко", "Customer Newsletter", "pro", "Київ", 5),
    ("+14155550132", "Maya", "Okafor", "VIP Customer", "team", "Oakland", 21),
    ("+972502345678", "נועם", "לוי", "Lead Newsletter", "free", "חיפה", 2),
    ("+33612345678", "Chloé", "Lefèvre", "Newsletter", "free", "Lyon", 0),
    ("+919876543210", "अर्जुन", "मेहता", "Lead", "pro", "जयपुर", 3),
    ("+2348031234567", "Chidi", "Nwosu", "Customer", "pro", "Lagos", 6),
    ("+491711234567", "Jonas", "Müller", "Customer Newsletter", "team", "Köln", 15),
    ("+6281234567890", "Putri", "Wulandari", "Lead VIP", "pro", "Bandung", 8),
    ("+995599123456", "ნინო", "ბერიძე", "Customer", "free", "თბილისი", 2),
    ("+306912345678", "Ελένη", "Παπαδοπούλου", "Newsletter", "free", "Πάτρα", 1),
    ("+5491123456789", "Mateo", "Álvarez", "Lead", "pro", "Rosario", 4),
]


def fill(server: RunningServer) -> None:
    for phone, first, last, tags, plan, city, orders in PEOPLE:
        fields = {"plan": plan, "city": city, "orders": orders, "newsletter": orders % 2 == 0}
        person = {"first_name": first, "last_name": last, "email": f"{phone[1:]}@example.com"}
        server.post(phone=phone, **person, tags=tags.split(), custom_fields=fields)
    server.post(phone="+918856879188", custom_fields={"orders": 5, "plan": "team"})
    with server.session() as session:
        rule = {"field": "custom_fields.orders", "op": "gte", "value": 5}
        session.put(f"{server.url}/v1/segments/Regulars", json={"filter": rule})


@contextmanager
def filled_server(folder: Path) -> Iterator[RunningServer]:
    with servers(folder) as start:
        server = start()
        fill(server)
        yield server


def open_contact(page: Page, server: RunningServer) -> None:
    columns = "columns=name,phone,tags,cf:city,cf:orders"
    view(page, server.url, f"contacts?{columns}&open=cnt_918856879188")
    expect(page.get_by_role("complementary", name="Contact")).to_contain_text("a valid number")


def import_preview(page: Page, server: RunningServer, folder: Path) -> None:
    lines = ["Mobile,Name,Groups,Plan,Notes"]
    lines += ["+918856879188,Priya Sharma,VIP,enterprise,met in May"]
    for phone, first, last, _, plan, *_ in PEOPLE[1:9]:
        lines.append(f"{phone},{first} {last},Imported,{plan},")
    lines += ["+4917655501234,Greta Vogel,Imported,pro,", "+351912345678,Inês Rocha,Imported,free,"]
    lines += ["12345,Nobody,,,"]
    (folder / "spring-fair.csv").write_text("\n".join(lines) + "\n")
    view(page, server.url, "import")
    page.locator("input[type=file]").set_input_files(folder / "spring-fair.csv")
    expect(page.get_by_role("region", name="Preview")).to_be_visible()


def save(page: Page, name: str) -> None:
    (ROOT / "docs" / name).write_bytes(smaller(page.screenshot()))


def main() -> None:
    with tempfile.TemporaryDirectory() as name, launched() as browser:
        folder = Path(name)
        with filled_server(folder) as server:
            for scheme, ending in SCHEMES.items():
                context = browser.new_context(viewport=SIZE, color_scheme=scheme, locale="en-GB")
                page = context.new_page()
                sign_in(page, server.url, server.key)
                open_contact(page, server)
                save(page, f"console-contacts{ending}.png")
                import_preview(page, server, folder)
                save(page, f"console-import{ending}.png")
                context.close()


if __name__ == "__main__":
    main()
