"""Builds the `responses` of an operation: its own successes, and the errors that routes share."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from app.api_docs import errors
from app.api_docs.operation import Operation, Response


def error_statuses(operation: Operation, scope: str | None) -> set[int]:
    """Return the error statuses that an operation can respond with."""
    found = errors.COMMON | {*operation.errors}
    if scope:
        found |= {401, 429}
    if scope not in (None, "any"):
        found |= {403}
    if operation.query:
        found |= {422}
    if operation.body or operation.texts:
        found |= {413, 415, 422}
    if operation.writes:
        found |= {507}
    return found


def success(response: Response, examples: dict[str, Any], scope: str | None) -> dict[str, Any]:
    headers = (*response.headers, *(errors.RATE_HEADERS if scope else ()))
    return _response(response.description, headers, response.sometimes) | (
        {
            "content": {
                media_type: {"schema": dict(response.schema)}
                | ({"examples": examples[media_type]} if examples[media_type] else {})
                for media_type in response.media_types
            }
        }
        if response.schema
        else {}
    )


def error(status: int, examples: dict[str, Any]) -> dict[str, Any]:
    rate_headers = () if status in errors.WITHOUT_A_KEY else errors.RATE_HEADERS
    headers = (*errors.ERROR_HEADERS.get(status, ()), *rate_headers)
    described = _response(errors.ERRORS[status][1], headers)
    schema = {"schema": {"$ref": "#/components/schemas/Error"}}
    content = schema | ({"examples": examples} if examples else {})
    return described | {"content": {"application/json": content}}


def _response(
    description: str, headers: tuple[str, ...], sometimes: Mapping[str, str] = MappingProxyType({})
) -> dict[str, Any]:
    always = {name: {"$ref": f"#/components/headers/{name}"} for name in (*headers, "X-Request-Id")}
    others = {
        name: {**errors.HEADERS[name], "description": when} for name, when in sometimes.items()
    }
    return {"description": description, "headers": {**others, **always}}
