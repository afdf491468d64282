"""Describes what all routes share: error responses, headers and authentication."""

from collections.abc import Mapping
from typing import Any

from app.api_docs.json_schema import BOOLEAN, STRING, JsonSchema, choice, constant, ref, shape
from app.web.responses import STATUSES

# By status: the name in the document, and when it is returned.
ERRORS: Mapping[int, tuple[str, str]] = {
    400: (
        "BadRequest",
        "The body is not one complete JSON object, or the HTTP request is malformed.",
    ),
    401: ("Unauthorized", "The key is missing, malformed, unknown, expired or revoked."),
    403: ("Forbidden", "The key does not have the required scope."),
    404: ("NotFound", "The resource does not exist."),
    405: ("MethodNotAllowed", "The path does not support this method: see `Allow`."),
    409: ("Conflict", "The request conflicts with stored data."),
    410: ("Gone", "The data has been removed: the message says where to start over."),
    412: ("PreconditionFailed", "`If-Match` does not match: the contact has changed."),
    413: ("PayloadTooLarge", "The body is larger than the server accepts."),
    414: ("UriTooLong", "The path and query are longer than the server accepts."),
    415: ("UnsupportedMediaType", "The body does not have the required media type, in UTF-8."),
    422: ("ValidationError", "A field or parameter is invalid: see `details`."),
    429: ("TooManyRequests", "The key is over its rate limit: wait for `Retry-After`."),
    431: ("HeadersTooLarge", "The headers are larger than the server accepts."),
    500: ("InternalError", "The server failed. Its log has the error under the `request_id`."),
    503: ("Unavailable", "The database is busy or cannot be reached: retry after `Retry-After`."),
    507: ("InsufficientStorage", "The disk is full; nothing was stored."),
}
# Every route can return these; the first three before the request reaches its route.
COMMON = {400, 414, 431, 500, 503}
ERROR_HEADERS = {
    401: ("WWW-Authenticate",),
    405: ("Allow",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}
# Responses to a valid key have these headers; responses of these statuses do not.
RATE_HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
WITHOUT_A_KEY = {401, 405, 414, 431}

HEADERS: Mapping[str, dict[str, Any]] = {
    "X-Request-Id": {
        "description": "Id of this request in the server log: the one that was sent, if it is "
        "valid.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 128},
    },
    "ETag": {
        "description": "Version of the response; it changes with the content (RFC 9110).",
        "schema": {"type": "string", "pattern": '^(W/)?".+"$'},
    },
    "Retry-After": {
        "description": "Seconds to wait before the next request.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "WWW-Authenticate": {"description": "How to send a key.", "schema": constant("Bearer")},
    "X-RateLimit-Limit": {
        "description": "Requests that the key may make in 60 seconds. Keys without a limit get "
        "none of these headers.",
        "required": False,
        "schema": {"type": "integer", "minimum": 1},
    },
    "X-RateLimit-Remaining": {
        "description": "Requests that are left.",
        "required": False,
        "schema": {"type": "integer", "minimum": 0},
    },
    "X-RateLimit-Reset": {
        "description": "When the oldest counted request leaves the 60 seconds, in Unix seconds.",
        "required": False,
        "schema": {"type": "integer"},
    },
    "Link": {
        "description": "The next page.",
        "schema": {"type": "string", "pattern": '^<https?://[^<>]+>; rel="next"$'},
    },
    "Allow": {"description": "Methods that the path supports.", "schema": {"type": "string"}},
}

REQUEST_HEADERS: Mapping[str, dict[str, Any]] = {
    "X-Request-Id": {
        "description": "Id of the request in the response and the server log: 1 to 128 letters, "
        "digits and `._:+/=@-`. Other values are replaced.",
        "schema": STRING,
    },
    "If-Match": {
        "description": "Make the change only if the contact still has this `ETag`; else return "
        "412.",
        "schema": STRING,
    },
    "If-None-Match": {
        "description": "Return 304 if the `ETag` is still this one.",
        "schema": STRING,
    },
}

SECURITY: Mapping[str, dict[str, Any]] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key: `ak_live_…`."},
    "header": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "The same API key, for clients that cannot send `Authorization`.",
    },
}

SCHEMAS: Mapping[str, JsonSchema] = {
    "Error": shape(
        success={**BOOLEAN, "description": "Always false."},
        error=shape(
            {
                "details": ref("ErrorDetails"),
                "retry_after_seconds": {
                    "type": "integer",
                    "minimum": 1,
                    "description": "Same as `Retry-After`; only with `rate_limit_exceeded`.",
                },
            },
            code={**choice(*STATUSES), "description": "For programs."},
            message={"type": "string", "description": "For people: what is wrong and what to do."},
            request_id=STRING,
        ),
    ),
    "ErrorDetails": {
        "type": "object",
        "description": "Arrays of reasons by invalid field; nested as the fields are. An import "
        "that was interrupted has its `report` here.",
        "additionalProperties": True,
    },
}
