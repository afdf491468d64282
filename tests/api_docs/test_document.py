"""The OpenAPI document is complete, valid and matches the real responses."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from werkzeug.test import TestResponse

from app.api_docs.document import METHODS, build, path_of
from app.api_docs.errors import RATE_HEADERS, WITHOUT_A_KEY
from app.web.responses import STATUSES
from tests.api_docs.exchanges import recorded, send_requests, stop_clocks

PARSER = {"UriTooLong", "HeadersTooLarge"}  # The HTTP server sends these.
# Examples of paths and methods that do not exist, so that no operation has them.
ROUTELESS = {"Unknown path", "Unsupported method"}


@pytest.fixture
def document(app: Flask) -> dict[str, Any]:
    return build(app)


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method.upper(), operation


def follow(document: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """Return the target of a `$ref`, or the part itself."""
    for name in part.get("$ref", "#").split("/")[1:]:
        document = document[name]
    return document if "$ref" in part else part


def test_document_is_valid_openapi(document: dict[str, Any]) -> None:
    validate(document)
    assert document["openapi"].startswith("3.1")
    assert document["servers"] == [{"url": "/"}]


def test_describes_every_route_and_nothing_else(app: Flask, document: dict[str, Any]) -> None:
    routes = {
        (path_of(rule), method, app.view_functions[rule.endpoint].__name__)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    described = {
        (path, method, re.sub("([A-Z])", r"_\1", operation["operationId"]).lower())
        for path, method, operation in operations(document)
    }
    assert described == routes
    assert {method for _, method, _ in routes} <= set(METHODS)


def test_documents_the_scope_of_each_guard(app: Flask, document: dict[str, Any]) -> None:
    for rule in app.url_map.iter_rules():
        [method] = (rule.methods or set()) & set(METHODS)
        operation = document["paths"][path_of(rule)][method.lower()]
        scope = getattr(app.view_functions[rule.endpoint], "scope", None)
        roles = [] if scope == "any" else [scope]
        expected = [{"bearer": roles}, {"header": roles}] if scope else None
        assert operation.get("security") == expected
        assert ("401" in operation["responses"]) == (scope is not None)
        assert ("429" in operation["responses"]) == (scope is not None)
        assert ("403" in operation["responses"]) == (scope not in (None, "any"))


def test_describes_every_parameter_and_field(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        where = f"{method} {path}"
        assert operation["summary"] and operation["description"].endswith("."), where
        assert operation["tags"][0] in [each["name"] for each in document["tags"]], where
        for each in operation["parameters"]:
            assert each["description"], f"{where} {each['name']}"
            assert {"type", "enum"} & set(each["schema"]), f"{where} {each['name']}"
        for content in operation.get("requestBody", {}).get("content", {}).values():
            if content["schema"]["type"] == "string":
                assert content["schema"]["description"], where
                # A file of bytes has no example that JSON can hold.
                assert content["examples"] or content["schema"].get("format") == "binary", where
                continue
            assert content["examples"], where
            assert content["schema"]["additionalProperties"] is False, where
            for name, each in content["schema"]["properties"].items():
                assert each["description"], f"{where} {name}"
                # A merge patch rejects any phone with its own message, whatever the type.
                of_any_type = (method, name) == ("PATCH", "phone")
                assert {"type", "$ref"} & set(each) or of_any_type, f"{where} {name}"


def test_every_json_response_has_an_example(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        for status, response in operation["responses"].items():
            found = follow(document, response)
            assert "X-Request-Id" in found["headers"]
            content = found.get("content", {}).get("application/json")
            by_parser = response.get("$ref", "").rpartition("/")[2] in PARSER
            if content and path != "/openapi.json" and not by_parser:
                assert content["examples"], f"{method} {path} {status}"


def test_documents_every_error_code(document: dict[str, Any]) -> None:
    codes = document["components"]["schemas"]["Error"]["properties"]["error"]
    assert codes["properties"]["code"]["enum"] == list(STATUSES)
    for name in document["components"]["responses"].keys() - PARSER:
        response = document["components"]["responses"][name]
        [example] = response["content"]["application/json"]["examples"].values()
        assert example["value"]["error"]["code"] in STATUSES, name


def described_response(
    app: Flask, document: dict[str, Any], title: str, response: TestResponse
) -> dict[str, Any]:
    """Return the description of a response."""
    if title in ROUTELESS:
        shared = document["components"]["responses"].values()
        return next(each for each in shared if title in [one["summary"] for one in _examples(each)])
    request = response.request
    rule, _ = app.url_map.bind("").match(request.path, request.method, return_rule=True)
    operation = document["paths"][path_of(rule)][request.method.lower()]
    return follow(document, operation["responses"][str(response.status_code)])


def _examples(response: dict[str, Any]) -> list[dict[str, Any]]:
    contents = response.get("content", {}).values()
    return [each for content in contents for each in content.get("examples", {}).values()]


def test_examples_match_real_responses(
    app: Flask, document: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`python -m tests.api_docs.exchanges` records new responses in the file."""
    stop_clocks(monkeypatch.setattr)
    shown: list[str] = []
    for exchange, response in send_requests(app):
        assert recorded(response) == exchange["response"], exchange["title"]
        described = described_response(app, document, exchange["title"], response)
        if "body" in exchange["response"]:
            example = {"summary": exchange["title"], "value": exchange["response"]["body"]}
            assert example in _examples(described)
            shown.append(exchange["title"])
    responses = [
        follow(document, response)
        for _, _, operation in operations(document)
        for response in operation["responses"].values()
    ]
    responses += document["components"]["responses"].values()
    every = {each["summary"] for response in responses for each in _examples(response)}
    assert every == set(shown)
    assert len(shown) == len(set(shown))


def test_real_responses_match_their_schemas(
    app: Flask, document: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_clocks(monkeypatch.setattr)
    for exchange, response in send_requests(app):
        described = described_response(app, document, exchange["title"], response)
        of_a_key = response.status_code not in WITHOUT_A_KEY and response.request.path.startswith(
            ("/v1", "/metrics")
        )
        of_a_key &= exchange["title"] not in ROUTELESS
        assert [name in response.headers for name in RATE_HEADERS] == [of_a_key] * 3
        assert not of_a_key or set(RATE_HEADERS) <= described["headers"].keys()
        for name, header in described["headers"].items():
            found = response.headers.get(name, "")
            if not found and not follow(document, header).get("required"):
                continue
            schema = follow(document, header)["schema"]
            value = int(found) if schema.get("type") == "integer" else found
            Draft202012Validator(schema).validate(value)
            assert found
        if content := described.get("content", {}).get("application/json"):
            schema = {**content["schema"], "components": document["components"]}
            Draft202012Validator(schema).validate(response.get_json())


def test_example_bodies_match_their_schemas(document: dict[str, Any]) -> None:
    for _, _, operation in operations(document):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            schema = {**content["schema"], "components": document["components"]}
            for example in content["examples"].values():
                Draft202012Validator(schema).validate(example["value"])


def schemas(part: Any, name: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every object of the document that can be a schema, with where it is."""
    if isinstance(part, dict):
        yield name, part
        inside = {key: each for key, each in part.items() if key not in ("example", "examples")}
        for key, each in inside.items():
            yield from schemas(each, f"{name}/{key}")
    elif isinstance(part, list):
        for index, each in enumerate(part):
            yield from schemas(each, f"{name}/{index}")


def test_is_plain_enough_for_generators_of_clients(document: dict[str, Any]) -> None:
    for where, schema in schemas(document):
        if where.endswith("/properties"):
            continue
        assert "type" in schema or not {"const", "enum"} & set(schema), where
        for name in ("anyOf", "oneOf", "allOf"):
            assert all("$ref" in each for each in schema.get(name, ())), where


def test_every_operation_has_an_id_and_one_tag_of_its_own(document: dict[str, Any]) -> None:
    called = [operation for _, _, operation in operations(document)]
    received = [item["post"] for item in document["webhooks"].values()]
    ids = [each["operationId"] for each in called + received]
    assert len(ids) == len(set(ids))
    assert all(len(each["tags"]) == 1 for each in called + received)
    assert {each["tags"][0] for each in received} == {"Receivers"}
    assert "Receivers" not in {each["tags"][0] for each in called}


def test_a_body_declares_one_media_type(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        content = operation.get("requestBody", {}).get("content", {})
        wanted = "application/octet-stream" if path.endswith("/import") else "application/json"
        assert set(content) <= {wanted}, f"{method} {path}"
