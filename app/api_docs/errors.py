"""What all routes share: the envelope of failure, its statuses, headers, ways to send a key."""

from collections.abc import Mapping
from typing import Any

from app.api_docs.operation import STRING, JsonSchema, ref, shape
from app.web.responses import STATUSES

# By status: the name in the document, and when it is the answer.
ERRORS: Mapping[int, tuple[str, str]] = {
    400: ("BadRequest", "The body is not one complete JSON object, or the framing is broken."),
    401: ("Unauthorized", "The key is missing, malformed, unknown, expired or revoked."),
    403: ("Forbidden", "The key lacks the scope."),
    404: ("NotFound", "There is no such thing."),
    405: ("MethodNotAllowed", "The path has other methods: see `Allow`."),
    409: ("Conflict", "The request contradicts what is stored."),
    410: ("Gone", "What is asked for is kept no longer: the message says where to start over."),
    412: ("PreconditionFailed", "`If-Match` does not hold: somebody was faster."),
    413: ("PayloadTooLarge", "The body is larger than the server takes."),
    414: ("UriTooLong", "The path and query are longer than the server reads."),
    415: ("UnsupportedMediaType", "The body is not of the media type asked for, in UTF-8."),
    422: ("ValidationError", "A field or parameter is wrong: see `details`."),
    429: ("TooManyRequests", "The key made its requests of a minute: wait for `Retry-After`."),
    431: ("HeadersTooLarge", "The headers are larger than the server reads."),
    500: ("InternalError", "A fault here; the log has it under the `request_id`."),
    503: ("Unavailable", "The store is busy or out of reach: try again after `Retry-After`."),
    507: ("InsufficientStorage", "The disk is full: nothing was stored."),
}
# Any request can meet these, the first three before it reaches its route.
COMMON = {400, 414, 431, 500, 503}
ERROR_HEADERS = {
    401: ("WWW-Authenticate",),
    405: ("Allow",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}
# Answers to a key that was accepted; none of these statuses is one.
RATE_HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
WITHOUT_A_KEY = {401, 405, 414, 431}

HEADERS: Mapping[str, dict[str, Any]] = {
    "X-Request-Id": {
        "description": "Names this request in the log: the one that was sent, where it is sane.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 128},
    },
    "ETag": {
        "description": "Changes with every change of what is answered (RFC 9110).",
        "schema": {"type": "string", "pattern": '^(W/)?".+"$'},
    },
    "Retry-After": {
        "description": "So many seconds to wait.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "WWW-Authenticate": {"description": "How to send a key.", "schema": {"const": "Bearer"}},
    "X-RateLimit-Limit": {
        "description": "Requests that the key may make in 60 seconds; no such headers where it "
        "has no limit.",
        "required": False,
        "schema": {"type": "integer", "minimum": 1},
    },
    "X-RateLimit-Remaining": {
        "description": "How many of them are left.",
        "required": False,
        "schema": {"type": "integer", "minimum": 0},
    },
    "X-RateLimit-Reset": {
        "description": "When the oldest of those counted stops to count, in Unix seconds.",
        "required": False,
        "schema": {"type": "integer"},
    },
    "Allow": {"description": "The methods of the path.", "schema": {"type": "string"}},
}

REQUEST_HEADERS: Mapping[str, dict[str, Any]] = {
    "X-Request-Id": {
        "description": "Names the request in the answer and the log: 1 to 128 letters, digits "
        "and `._:+/=@-`; any other is replaced.",
        "schema": STRING,
    },
    "If-Match": {
        "description": "Go on only if the `ETag` is still this one; else 412.",
        "schema": STRING,
    },
    "If-None-Match": {
        "description": "Answer 304 if the `ETag` is still this one.",
        "schema": STRING,
    },
}

SECURITY: Mapping[str, dict[str, Any]] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A key: `ak_live_…`."},
    "header": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "The same key, where a client cannot send `Authorization`.",
    },
}

SCHEMAS: Mapping[str, JsonSchema] = {
    "Error": shape(
        success={"const": False},
        error=shape(
            {
                "details": ref("ErrorDetails"),
                "retry_after_seconds": {
                    "type": "integer",
                    "minimum": 1,
                    "description": "As `Retry-After`, with `rate_limit_exceeded`.",
                },
            },
            code={"enum": list(STATUSES), "description": "For programs."},
            message={"type": "string", "description": "For people: what is wrong, what to do."},
            request_id=STRING,
        ),
    ),
    "ErrorDetails": {
        "type": "object",
        "description": "The reasons by field at fault; nested where the field is. `report` of an "
        "import that was cut short.",
        "additionalProperties": {
            "anyOf": [
                {"type": "array", "items": STRING, "minItems": 1},
                ref("ErrorDetails"),
                ref("ImportReport"),
            ]
        },
    },
}
