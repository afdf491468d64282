"""Programs in Node: loops as n8n runs them, and retries by axios-retry."""

import json
import shutil
from typing import Any

import pytest

from contacts_standin import StandIn
from tests.clients.tools import PROGRAMS, node_folder, run
from tests.conftest import StartServer

pytestmark = pytest.mark.soak


def result(name: str, url: str, key: str) -> dict[str, Any]:
    folder = node_folder()
    shutil.copy(PROGRAMS / name, folder)
    found: dict[str, Any] = json.loads(run("node", name, url, key, cwd=folder))
    return found


def test_loops_of_n8n_get_every_contact_once(start_server: StartServer) -> None:
    server = start_server()
    rows = [{"phone": f"91885687{number:04}"} for number in range(35)]
    with server.session() as session:
        session.post(f"{server.url}/v1/contacts/batch", json={"contacts": rows}, timeout=30)
    assert result("n8n.mjs", server.url, server.key) == {
        "parameter": [35, 35],
        "link": [35, 35],
        "cursorLink": [35, 35],
        "offset": [35, 35],
        "empty": [422, True],
    }


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        ({"code": 429}, [[429, 1], [429, 1]]),
        ({"code": 503}, [[503, 1], [503, 1]]),
        ({"drop": True}, [["network", None], ["network", None]]),
    ],
)
def test_axios_retry_succeeds_after_two_failures(
    contacts_standin: StandIn, fault: dict[str, Any], seen: list[Any]
) -> None:
    contacts_standin.fail_next(2, **fault)
    found = result("retry.mjs", contacts_standin.url, contacts_standin.key)
    # A dropped response was stored: the next try finds the contact.
    status = 200 if "drop" in fault else 201
    assert found == {"retried": seen, "statuses": [status, 200], "contacts": 1}
    assert len(contacts_standin.requests) == 4
