"""What is done with all contacts found: a file, or tags, for exactly these contacts."""

import csv
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, Route

from tests.browser import needs_chromium
from tests.conftest import RunningServer
from tests.console.pages import expect, view

pytestmark = needs_chromium

LEVELS = (10, 9, "10", "9", True, "true", "high", "10,9")
CITIES = ("Delhi", "Delhi,Goa", "Goa")
# The comparisons of each field that parameters can say, and those that only a filter tree can.
PARAMETERS: dict[str, list[tuple[str, Any]]] = {
    "tag": [("eq", "VIP")],
    "email": [("eq", "p1@example.com")],
    "phone": [("eq", "+91 88568 70002")],
    "created_at": [("gte", "-7d")],
    "updated_at": [("lt", "+12h")],
    "score": [("eq", 2), ("ne", 2), ("in", [1, 3]), ("gte", 2)],
    "plan": [("eq", "pro"), ("in", ["pro", "free"]), ("contains", "r")],
    "code": [("eq", "10"), ("ne", "true"), ("in", ["10", "x"]), ("gt", "09"), ("contains", " ")],
    "level": [("gt", 9), ("lt", "a"), ("eq", "high"), ("exists", False), ("starts_with", "10")],
    "city": [("eq", "Delhi,Goa"), ("in", ["Delhi", "Goa"])],
    "renewal": [("lt", "today"), ("ne", "today"), ("in", ["2026-06-02"])],
}
TREES: dict[str, list[tuple[str, Any]]] = {
    "first_name": [("eq", "Priya")],
    "email": [("ne", "p1@example.com")],
    "tag": [("exists", True)],
    "code": [("gte", "10")],
    "level": [
        *(("eq", 10), ("eq", "10"), ("eq", True), ("eq", "true")),
        *(("ne", 10), ("ne", "10"), ("ne", True), ("gte", "10"), ("lte", "10")),
        *(("in", [10, "high"]), ("in", ["10"]), ("in", [True])),
    ],
    "city": [("in", ["Delhi,Goa"]), ("in", ["Goa", "Delhi,Goa"])],
}


def leaf(field: str, op: str, value: Any) -> dict[str, Any]:
    is_custom = field in ("score", "plan", "code", "level", "city", "renewal")
    return {"field": f"custom_fields.{field}" if is_custom else field, "op": op, "value": value}


def leaves(cases: dict[str, list[tuple[str, Any]]]) -> list[dict[str, Any]]:
    return [leaf(field, op, value) for field, given in cases.items() for op, value in given]


def add_typed_values(server: RunningServer) -> None:
    with server.session() as session:
        pinned = session.put(f"{server.url}/v1/custom-fields/renewal", json={"type": "date"})
        assert pinned.ok
    for number, level in enumerate(LEVELS):
        fields = {
            "level": level,
            "city": CITIES[number % 3],
            "code": ["10", "true", "x y"][number % 3],
            "renewal": f"2026-06-0{number + 1}",
        }
        phone, email = f"91885687001{number}", f"t{number}@example.com"
        server.post(phone=phone, email=email, tags=["VIP"], custom_fields=fields)


def found(server: RunningServer, tree: object) -> list[dict[str, Any]]:
    with server.session() as session:
        answer = session.post(f"{server.url}/v1/contacts/search", json={"filter": tree})
    assert answer.ok, answer.text
    contacts: list[dict[str, Any]] = answer.json()["contacts"]
    return contacts


def show(page: Page, server: RunningServer, tree: object) -> None:
    """Show the dialog for all that a filter finds."""
    view(page, server.url, "home")
    view(page, server.url, f"contacts?filter={quote(json.dumps(tree))}")
    page.get_by_role("button", name="Tag or export").click()


def download(page: Page, folder: Path) -> tuple[str, list[dict[str, Any]]]:
    """Return the format and the contacts of the file that the dialog saves."""
    with page.expect_download() as downloaded:
        page.get_by_role("dialog").get_by_role("button", name="Download").click()
    file = folder / downloaded.value.suggested_filename
    downloaded.value.save_as(file)
    with file.open(encoding="utf-8-sig", newline="") as lines:
        is_table = file.suffix == ".csv"
        return file.suffix, list(csv.DictReader(lines) if is_table else map(json.loads, lines))


def phones(contacts: list[dict[str, Any]]) -> list[str]:
    return [each["phone"] for each in contacts]


def as_query(page: Page, server: RunningServer, tree: object) -> dict[str, Any] | None:
    query: dict[str, Any] | None = page.evaluate(
        """async ([filter, fields]) => {
            const { asQuery } = await import("/console/bulk.js");
            return asQuery({ q: "9188", filter }, fields);
        }""",
        [tree, server.get("/v1/custom-fields", limit=100).json()["custom_fields"]],
    )
    return query


def exported(server: RunningServer, query: dict[str, Any]) -> list[dict[str, Any]]:
    answer = server.get("/v1/contacts/export", format="jsonl", **query)
    assert answer.ok, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def test_parameters_find_what_the_search_found(page: Page, server: RunningServer) -> None:
    add_typed_values(server)
    for tree in leaves(PARAMETERS):
        assert found(server, tree), tree
        query = as_query(page, server, tree)
        assert query is not None, tree
        assert phones(exported(server, query)) == phones(found(server, tree)), tree
    for tree in leaves(TREES):
        assert found(server, tree), tree
        assert as_query(page, server, tree) is None, tree


def test_parameters_join_conditions(page: Page, server: RunningServer) -> None:
    vip, lead = leaf("tag", "eq", "VIP"), leaf("tag", "eq", "Lead")
    high, low = leaf("score", "gte", 2), leaf("score", "lt", 3)
    nested = {"all": [{"all": [vip, {"any": [lead]}]}, {"all": [high, low]}]}
    query = as_query(page, server, nested)
    assert query == {
        "q": "9188",
        "tag": ["VIP", "Lead"],
        "custom_fields[score][gte]": "2",
        "custom_fields[score][lt]": "3",
    }
    assert phones(exported(server, query)) == ["918856870002"]
    many = [leaf("tag", "eq", f"{number}") for number in range(21)]
    long = leaf("plan", "in", ["x" * 100] * 40)
    for tree in (
        *({"any": [vip, lead]}, {"not": vip}, {"all": [vip, {"not": lead}]}, {"all": many}, long),
        {"all": [high, leaf("score", "gte", 1)]},
        *(leaf("plan", "eq", ""), leaf("plan", "in", []), leaf("tag", "eq", "")),
        *(leaf("score", "gte", True), leaf("plan", "contains", 1), leaf("tag", "eq", 1)),
    ):
        assert as_query(page, server, tree) is None, tree


def test_a_file_has_the_contacts_that_the_search_found(
    page: Page, server: RunningServer, tmp_path: Path
) -> None:
    add_typed_values(server)
    with server.session() as session:
        merge = f"{server.url}/v1/contacts/918856870010/merge"
        assert session.post(merge, json={"from": "918856870013"}).ok
    number, comma = leaf("level", "eq", 10), leaf("city", "in", ["Delhi,Goa"])
    for tree in (number, comma):
        show(page, server, tree)
        suffix, contacts = download(page, tmp_path)
        assert phones(contacts) == phones(found(server, tree))
        assert suffix == ".jsonl"
        whole = {each["phone"]: each for each in exported(server, {})}
        assert contacts == [whole[each["phone"]] for each in contacts]
    high = leaf("score", "gte", 2)
    show(page, server, high)
    expect(page.get_by_label("Format")).to_have_value("csv")
    suffix, contacts = download(page, tmp_path)
    assert phones(contacts) == phones(found(server, high))
    assert suffix == ".csv"


def test_a_file_minds_values_that_came_after_the_page(
    page: Page, server: RunningServer, tmp_path: Path
) -> None:
    tree = leaf("score", "eq", 2)
    show(page, server, tree)
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Format")).to_have_value("csv")
    dialog.get_by_role("button", name="Close").click()
    server.post(phone="918856870010", custom_fields={"score": "2"})
    page.get_by_role("button", name="Tag or export").click()
    expect(dialog).to_contain_text("exported as JSON Lines")
    suffix, contacts = download(page, tmp_path)
    assert (suffix, phones(contacts)) == (".jsonl", ["918856870002"])


def test_tags_nobody_who_was_erased_meanwhile(page: Page, server: RunningServer) -> None:
    def erase_after_reading(route: Route) -> None:
        answer = route.fetch()
        if route.request.post_data_json["limit"] == 100:
            with server.session() as session:
                session.delete(f"{server.url}/v1/contacts/918856870000")
        route.fulfill(response=answer)

    show(page, server, leaf("tag", "eq", "VIP"))
    page.route("**/v1/contacts/search", erase_after_reading)
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Tag").fill("Gold")
    dialog.get_by_role("button", name="Add to all").click()
    expect(dialog.get_by_role("status")).to_contain_text("2 contacts done, 1 changed")
    assert phones(found(server, leaf("tag", "eq", "Gold"))) == ["918856870002"]
    assert server.get("/v1/contacts/918856870000").status_code == 404


@pytest.mark.parametrize("filter", ['{"field":"tag","op":"eq"', '{"all":5}', '{"any":[null]}'])
def test_a_filter_that_means_nothing_is_not_all_contacts(
    filter: str, page: Page, server: RunningServer
) -> None:
    view(page, server.url, f"contacts?filter={filter}")
    expect(page.get_by_role("alert")).to_contain_text("filter")
    expect(page.locator("tbody tr")).to_have_count(0)
    expect(page.get_by_role("button", name="Tag or export")).to_be_disabled()
