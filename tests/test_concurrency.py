"""Many clients, and several servers, at the same time."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path

from tests.conftest import RunningServer, StartServer, run_contacts, store_faults

PHONE = "918856879188"
SPELLINGS = [
    "918856879188",
    "+918856879188",
    "00918856879188",
    "+91 88568 79188",
    "91 88568 79188",
    "+91-88568-79188",
    "+91.88568.79188",
    "+91 (88568) 79188",
    "+91/88568/79188",
    "tel:+91-88568-79188",
    "TEL:918856879188",
    "0091 88568 79188",
    "+91 0 8856879188",
    "+91 (0) 88568 79188",
    "+91\u00a088568\u201179188",
    "\u200e+91 88568 79188\u200f",
    "+91\u200b8856879188",
    "+९१८८५६८७९१८८",
    "٩١٨٨٥٦٨٧٩١٨٨",
    "９１８８５６８７９１８８",
]


def test_twenty_spellings_posted_at_once_make_one_contact(start_server: StartServer) -> None:
    server = start_server()
    phones = list(islice(cycle(SPELLINGS), 100))
    with ThreadPoolExecutor(100) as clients:
        answers = list(clients.map(lambda phone: server.post(phone=phone), phones))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 99}
    assert {answer.json()["contact"]["phone"] for answer in answers} == {PHONE}
    assert server.get().json()["pagination"]["total"] == 1
    assert store_faults(server.data / "contacts.db") == []


def test_servers_started_at_once_on_an_empty_folder_share_one_first_key(
    start_server: StartServer, tmp_path: Path
) -> None:
    data = tmp_path / "shared"
    with ThreadPoolExecutor(2) as starters:
        servers = list(starters.map(lambda _: start_server(data=data), range(2)))
    listed = run_contacts("keys", "list", "--data", data).stdout.splitlines()
    assert len(listed) == 1
    assert "first admin key" in listed[0]
    for server in servers:
        server.key = (data / "first-admin-key").read_text().strip()
        assert server.get().status_code == 200


def test_servers_on_one_store_see_each_others_writes(
    start_server: StartServer, tmp_path: Path
) -> None:
    one, other = (start_server(data=tmp_path / "shared") for _ in range(2))
    assert one.post(phone=PHONE, first_name="Priya").status_code == 201
    assert _names(other) == ["Priya"]
    assert other.post(phone=PHONE, first_name="Asha").status_code == 200
    assert _names(one) == ["Asha"]


def _names(server: RunningServer) -> list[str]:
    return [contact["first_name"] for contact in server.get().json()["contacts"]]


def test_clients_that_write_different_fields_of_one_contact_lose_nothing(
    start_server: StartServer,
) -> None:
    server = start_server()
    with ThreadPoolExecutor(4) as clients:
        for outcome in clients.map(lambda number: _post_all(server, number), range(4)):
            assert outcome == []
    [contact] = server.get(include="custom_fields").json()["contacts"]
    assert contact["first_name"] == "name 99"
    assert contact["email"] == "mail99@example.com"
    assert contact["tags"] == ["both", "tag 99"]
    assert contact["custom_fields"] == {f"field {n}": n + 50 for n in range(50)}
    assert store_faults(server.data / "contacts.db") == []


def _post_all(server: RunningServer, client: int) -> list[str]:
    """Post one client's hundred bodies; returns what was not acknowledged as sent."""
    lost = []
    with server.session() as session:
        for body in _bodies(client):
            answer = session.post(
                f"{server.url}/v1/contacts", json={"phone": PHONE, **body}, timeout=30
            )
            stored = answer.json().get("contact", {})
            shown = {name: stored.get(name) for name in body}
            if "custom_fields" in body:
                fields = shown["custom_fields"]
                shown["custom_fields"] = {key: fields.get(key) for key in body["custom_fields"]}
            if shown != body:
                lost.append(f"{body}: {answer.text}")
    return lost


def _bodies(client: int) -> Iterator[dict[str, object]]:
    for n in range(100):
        match client:
            case 0:
                yield {"first_name": f"name {n}"}
            case 1:
                yield {"email": f"mail{n}@example.com"}
            case 2:
                yield {"tags": ["both", f"tag {n}"]}
            case _:
                yield {"custom_fields": {f"field {n % 50}": n}}
