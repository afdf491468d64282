"""The calls of the vendor's page run unchanged but for the host and the key."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from contacts_standin import StandIn
from tests.conftest import NO_PAGE, SEED, RunningServer, StartServer

HOST = "https://api.aisoule.com"
KEY = "YOUR_API_KEY"

# The same calls in our own words, for a checkout without the page.
CURL = """
curl -sS "https://api.aisoule.com/v1/contacts" -H "Authorization: Bearer YOUR_API_KEY" \\
  -H "Content-Type: application/json" -d '{"phone": "918856879188", "first_name": "Priya",
  "last_name": "Sharma", "email": "priya@example.com", "tags": ["Lead", "High-Priority"],
  "custom_fields": {"shopify_id": "cust_29813a", "acquisition_source": "AdWords"}}'
"""
PYTHON = """
import requests

person = {"phone": "918856879188", "first_name": "Priya", "last_name": "Sharma"}
more = {"email": "priya@example.com", "tags": ["Lead"]}
fields = {"custom_fields": {"shopify_id": "cust_29813a"}}
url = "https://api.aisoule.com/v1/contacts"
answer = requests.post(
    url, json=person | more | fields, headers={"Authorization": "Bearer YOUR_API_KEY"}
)
print(answer.text)
"""
LISTED = {
    "success": True,
    "contacts": [
        {
            "id": "cnt_918856879188",
            "phone": "918856879188",
            "first_name": "Priya",
            "last_name": "Sharma",
            "email": "priya@example.com",
            "tags": ["Lead"],
            "created_at": "2026-06-02T08:00:00Z",
        }
    ],
    "pagination": {"total": 1, "limit": 20, "offset": 0},
}
# Stands in for the package of that name, which is not needed to see what a client sends.
AXIOS = """
exports.post = async (url, data, config) => {
  const response = await fetch(url, {
    method: "POST",
    body: JSON.stringify(data),
    headers: {"Content-Type": "application/json", ...config.headers},
  });
  const body = await response.json();
  if (!response.ok) throw new Error(`Request failed with status code ${response.status}`);
  return {status: response.status, data: body};
};
"""


def _page() -> dict[str, str]:
    """Return the page's samples by language, and its list answer as "list"."""
    for path in sorted(SEED.glob("*.txt")):
        values = json.loads(path.read_text())
        if not isinstance(values, list):
            continue
        # Every object maps its keys to places in the outermost array.
        for each in values:
            if isinstance(each, dict) and "code_curl" in each:
                found = {
                    name: values[each[f"code_{name}"]] for name in ("curl", "node", "python", "go")
                }
                [listed] = [
                    text
                    for text in values
                    if isinstance(text, str) and text.startswith("{") and '"pagination"' in text
                ]
                return found | {"list": listed}
    return {}


PAGE = _page()
needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
needs_page = pytest.mark.skipif(not PAGE, reason=NO_PAGE)


def _run(
    server: RunningServer | StandIn, folder: Path, sample: str, name: str, *command: str
) -> str:
    assert HOST in sample
    assert KEY in sample
    script = folder / name
    script.write_text(sample.replace(HOST, server.url).replace(KEY, server.key))
    done = subprocess.run(
        [*command, str(script)], capture_output=True, text=True, timeout=120, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _assert_listed(server: RunningServer, expected: dict[str, Any]) -> None:
    """Compare with the page's response, including the order of keys, but not the instant."""
    _assert_answer(server.get().json(), expected)


def _assert_answer(listed: dict[str, Any], expected: dict[str, Any]) -> None:
    stored = listed["contacts"][0]["created_at"]
    shown = expected["contacts"][0]["created_at"]
    assert re.sub(r"\d", "0", stored) == re.sub(r"\d", "0", shown)
    listed["contacts"][0]["created_at"] = shown
    assert json.dumps(listed) == json.dumps(expected)


@needs_curl
def test_a_stand_in_accepts_our_copies_of_the_samples_with_only_the_host_changed(
    contacts_standin: StandIn, tmp_path: Path
) -> None:
    assert contacts_standin.key == KEY
    made = json.loads(_run(contacts_standin, tmp_path, CURL, "sample.sh", "sh"))
    assert made["contact"]["id"] == "cnt_918856879188"
    output = json.loads(_run(contacts_standin, tmp_path, PYTHON, "sample.py", sys.executable))
    assert output["created"] is False
    assert [each["status"] for each in contacts_standin.requests] == [200, 201]


@needs_curl
@needs_page
def test_a_stand_in_accepts_the_pages_samples_with_only_the_host_changed(
    contacts_standin: StandIn, tmp_path: Path
) -> None:
    for name, program in (("curl", "sh"), ("python", sys.executable), ("node", "node")):
        if shutil.which(program):
            _give_axios(tmp_path)
            _run(contacts_standin, tmp_path, PAGE[name], f"sample-{name}.js", program)
    url = f"{contacts_standin.url}/v1/contacts"
    answer = requests.get(url, headers={"Authorization": f"Bearer {KEY}"}, timeout=30)
    _assert_answer(answer.json(), json.loads(PAGE["list"]))


def _give_axios(folder: Path) -> None:
    package = folder / "node_modules" / "axios"
    package.mkdir(parents=True, exist_ok=True)
    (package / "index.js").write_text(AXIOS)


@needs_curl
def test_our_copies_of_the_vendors_samples_work(start_server: StartServer, tmp_path: Path) -> None:
    server = start_server()
    made = json.loads(_run(server, tmp_path, CURL, "sample.sh", "sh"))
    assert made["success"] is True
    assert made["created"] is True
    assert made["contact"]["id"] == "cnt_918856879188"
    assert made["contact"]["tags"] == ["Lead", "High-Priority"]
    updated = json.loads(_run(server, tmp_path, PYTHON, "sample.py", sys.executable))
    assert updated["created"] is False
    assert updated["contact"]["custom_fields"] == {
        "shopify_id": "cust_29813a",
        "acquisition_source": "AdWords",
    }
    _assert_listed(server, LISTED)


@needs_curl
@needs_page
def test_the_pages_samples_produce_the_pages_list_response(
    start_server: StartServer, tmp_path: Path
) -> None:
    server = start_server()
    made = json.loads(_run(server, tmp_path, PAGE["curl"], "sample.sh", "sh"))
    assert made["contact"]["tags"] == ["Lead", "High-Priority"]
    output = _run(server, tmp_path, PAGE["python"], "sample.py", sys.executable)
    assert "cnt_918856879188" in output
    _assert_listed(server, json.loads(PAGE["list"]))


@needs_page
def test_our_copy_of_the_list_response_equals_the_vendors_page() -> None:
    assert json.dumps(LISTED) == json.dumps(json.loads(PAGE["list"]))


@needs_page
@pytest.mark.skipif(not shutil.which("node"), reason="Node is not installed")
def test_the_pages_node_sample_stores_the_contact(
    start_server: StartServer, tmp_path: Path
) -> None:
    server = start_server()
    _give_axios(tmp_path)
    output = _run(server, tmp_path, PAGE["node"], "sample.js", "node")
    assert "cnt_918856879188" in output
    _assert_listed(server, json.loads(PAGE["list"]))


@needs_page
@pytest.mark.soak  # Compiles Go's library for HTTP.
@pytest.mark.skipif(not shutil.which("go"), reason="Go is not installed")
def test_the_pages_go_sample_stores_the_contact(start_server: StartServer, tmp_path: Path) -> None:
    server = start_server()
    output = _run(server, tmp_path, PAGE["go"], "sample.go", "go", "run")
    assert '"id":"cnt_918856879188"' in output
    [contact] = server.get().json()["contacts"]
    assert contact["tags"] == ["Lead"]
    assert contact["last_name"] is None
