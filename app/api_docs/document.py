"""Builds the OpenAPI document from the routes, their schemas and their descriptions."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from flask import Flask
from marshmallow import Schema
from werkzeug.routing import Rule

from app.api_docs import errors
from app.api_docs.examples import Examples
from app.api_docs.features import FEATURES
from app.api_docs.fields import describe_field, describe_parameter
from app.api_docs.operation import Feature, Operation
from app.api_docs.received import RECEIVERS
from app.api_docs.responses import error, error_statuses, success
from app.web.observation import template
from app.web.service import service_of

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

_ABOUT = """\
Store contacts by phone number: create or update them, list them by tag, search them, and react to
their changes.

Send an API key with every request, as `Authorization: Bearer YOUR_API_KEY`. Create one with
`contacts keys create`. A successful response to a write means that the data is on disk.

Responses are JSON objects with `success`. Errors have a `code` for programs, a `message` for
people, and `details` for each invalid field. Unknown fields and parameters are rejected.

Each key has a limit of requests per 60 seconds. The headers `X-RateLimit-…` of each response show
the limit and what is left. Requests over the limit get status 429 with `Retry-After`.
"""
_VERSION = "3.1.0"


def rendered(app: Flask) -> str:
    """Return the document as JSON; each process builds it once."""
    service = service_of(app)
    if service.openapi is None:
        service.openapi = json.dumps(build(app), indent=2, ensure_ascii=False) + "\n"
    return service.openapi


def build(app: Flask) -> dict[str, Any]:
    """Describe every route of the application that has an operation in `FEATURES`."""
    return _Document(app).build()


class _Document:
    def __init__(self, app: Flask) -> None:
        self._app = app
        self._spec = APISpec(
            title="Contacts API",
            version=service_of(app).version,
            openapi_version=_VERSION,
            info={"description": _ABOUT, "license": {"name": "MIT", "identifier": "MIT"}},
            servers=[{"url": "/"}],
            tags=[
                *({"name": each.name, "description": each.description} for each in FEATURES),
                RECEIVERS,
            ],
            webhooks={name: item for each in FEATURES for name, item in each.webhooks.items()},
        )
        converter: Any = OpenAPIConverter(_VERSION, lambda _: "", self._spec)
        converter.add_attribute_function(describe_field)
        converter.add_parameter_attribute_function(describe_parameter)
        self._converter = converter
        self._examples = Examples(app)

    def build(self) -> dict[str, Any]:
        self._add_shared()
        rules = sorted(self._app.url_map.iter_rules(), key=lambda rule: rule.rule)
        for feature in FEATURES:
            for name, schema in feature.schemas.items():
                self._spec.components.schema(name, dict(schema))
            for rule in rules:
                if operation := feature.operations.get(rule.endpoint):
                    self._add_path(feature, operation, rule)
        return self._spec.to_dict()

    def _add_shared(self) -> None:
        for name, scheme in errors.SECURITY.items():
            self._spec.components.security_scheme(name, dict(scheme))
        for name, header in errors.HEADERS.items():
            self._spec.components.header(name, {"required": True, **header})
        for name, schema in errors.SCHEMAS.items():
            self._spec.components.schema(name, dict(schema))
        for status in errors.ERRORS:
            examples = self._examples.of_error(status)
            self._spec.components.response(errors.ERRORS[status][0], error(status, examples))

    def _add_path(self, feature: Feature, operation: Operation, rule: Rule) -> None:
        [method] = (rule.methods or set()) & set(METHODS)
        scope = getattr(self._app.view_functions[rule.endpoint], "scope", None)
        described = {
            "operationId": _camel_case(rule.endpoint.partition(".")[2]),
            "summary": operation.summary,
            "description": operation.description + _needs(scope),
            "tags": [feature.name],
            "parameters": list(self._parameters(feature, operation, rule)),
            "responses": self._responses(operation, rule.endpoint, scope),
        }
        if content := self._contents(feature, operation, rule.endpoint):
            described["requestBody"] = {"required": True, "content": content}
        if scope:
            roles = [] if scope == "any" else [scope]
            described["security"] = [{name: roles} for name in errors.SECURITY]
        self._spec.path(path_of(rule), operations={method.lower(): described})

    def _contents(self, feature: Feature, operation: Operation, endpoint: str) -> dict[str, Any]:
        """Describe a body by its media types."""
        contents: dict[str, Any] = {
            media_type: {
                "schema": {**schema},
                "examples": self._examples.of_text(endpoint, media_type),
            }
            for media_type, schema in operation.texts.items()
        }
        if operation.body:
            content = {
                "schema": self._body_schema(operation.body, feature.names),
                "examples": self._examples.of_body(endpoint),
            }
            contents["application/json"] = content
        return contents

    def _parameters(
        self, feature: Feature, operation: Operation, rule: Rule
    ) -> Iterator[dict[str, Any]]:
        for name in re.findall(r"{(\w+)}", path_of(rule)):
            yield {
                "in": "path",
                "name": name,
                "required": True,
                "description": feature.names[name],
                "schema": dict(feature.paths[name]),
                "example": self._examples.of_path(rule.endpoint)[name],
            }
        if operation.query:
            for each in self._converter.schema2parameters(operation.query, location="query"):
                default = getattr(operation.defaults, each["name"], None)
                # Some clients send defaults, and an offset excludes a cursor.
                if isinstance(default, int) and each["name"] != "offset":
                    each["schema"]["default"] = default
                yield each | {"description": feature.names[each["name"]]}
        for name in (*operation.headers, "X-Request-Id"):
            yield {"in": "header", "name": name, **errors.REQUEST_HEADERS[name]}

    def _body_schema(self, schema: Schema, names: Mapping[str, str]) -> dict[str, Any]:
        found = self._converter.schema2jsonschema(schema)
        properties = {
            name: {**each, "description": names[name]}
            for name, each in found["properties"].items()
            if not each.get("readOnly")
        }
        return {**found, "properties": properties, "additionalProperties": False}

    def _responses(self, operation: Operation, endpoint: str, scope: str | None) -> dict[str, Any]:
        responses: dict[str, Any] = {
            str(status): success(
                response,
                {
                    media_type: self._examples.of_response(endpoint, status, media_type)
                    for media_type in response.media_types
                },
                scope,
            )
            for status, response in operation.responses.items()
        }
        for status in sorted(error_statuses(operation, scope)):
            examples = self._examples.of_response(endpoint, status)
            name = errors.ERRORS[status][0]
            responses[str(status)] = error(status, examples) if examples else name
        return responses


def path_of(rule: Rule) -> str:
    """Return a rule's path as OpenAPI writes it."""
    return template(rule.rule)


def _needs(scope: str | None) -> str:
    if scope is None:
        return ""
    return " Requires any valid key." if scope == "any" else f" Requires the scope `{scope}`."


def _camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(each.capitalize() for each in others)
