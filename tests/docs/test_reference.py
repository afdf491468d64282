"""The pages list every route, error, event, operator, metric and target of make."""

import re

from flask.testing import FlaskClient

from app.journal.model import EVENTS
from app.search.grammar import FIELD_OPS, OPS
from app.web.responses import STATUSES
from tests.docs.pages import PAGES, page, rows, sections


def test_every_route_is_in_a_page(client: FlaskClient) -> None:
    written = "\n".join(path.read_text() for path in PAGES)
    paths = client.get("/openapi.json").get_json()["paths"]
    shown = [re.sub(r"\{[a-z_]+\}", "{}", each) for each in re.findall(r"/[\w/{}.-]+", written)]
    missing = {re.sub(r"\{[a-z_]+\}", "{}", each) for each in paths} - set(shown)
    assert missing == {"/", "/docs/{}", "/console/{}"}


def test_lists_every_error() -> None:
    listed = re.findall(
        r"^\| ([0-9, ]+) \| `(\w+)` \|", sections(page("docs/api.md"))["Errors"], re.MULTILINE
    )
    found = {(int(status), code) for text, code in listed for status in text.split(", ")}
    parsed = {(414, "bad_request"), (431, "bad_request")}  # By the HTTP parser.
    assert found == {(status, code) for code, status in STATUSES.items()} | parsed


def test_lists_every_event() -> None:
    listed = rows(sections(page("docs/changes-and-webhooks.md"))["Events"])
    names = [name.strip("`") for row in listed for name in row[0].split(", ")]
    assert sorted(names) == sorted(EVENTS)


def test_lists_the_operators_of_every_field() -> None:
    found: dict[str, tuple[str, ...]] = {}
    for names, operators, *_ in rows(sections(page("docs/search.md"))["Search with a filter tree"]):
        for name in names.split(", "):
            found[name.strip("`")] = tuple(operators.strip("`").split())
    assert found == FIELD_OPS | {"custom_fields.KEY": OPS}


def test_lists_every_metric(client: FlaskClient) -> None:
    text = client.get("/metrics").get_data(as_text=True)
    kinds = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))
    listed = {
        re.sub(r"\{.*", "", name).strip("`"): row[1]
        for row in rows(sections(page("docs/monitoring.md"))["Metrics"])
        for name in row[0].split("`, `")
    }
    kinds |= {"contacts_last_backup_timestamp_seconds": "gauge"}
    assert kinds == listed


def test_lists_every_target_of_make() -> None:
    targets = set(re.findall(r"^([a-z-]+):.* ## ", page("Makefile"), re.MULTILINE))
    listed = set(re.findall(r"^make ([a-z-]+) +#", page("docs/contributing.md"), re.MULTILINE))
    assert listed == targets
