"""The envelope, headers and status of every response; every error as JSON."""

import json
import logging
import traceback
from collections.abc import Iterable
from typing import Any

import flask
from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.wsgi import ClosingIterator

from app.compact_json import encode
from app.errors import ServiceError, StoreFault
from app.web.loading import printable
from app.web.requests import Request, current

STATUSES = {
    "invalid_json": 400,
    "bad_request": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "conflict": 409,
    "gone": 410,
    "precondition_failed": 412,
    "payload_too_large": 413,
    "unsupported_media_type": 415,
    "validation_error": 422,
    "rate_limit_exceeded": 429,
    "internal_error": 500,
    "unavailable": 503,
    "insufficient_storage": 507,
}
INTERNAL = "Internal error: the server's log has details under this request_id."
WITHOUT_BODY = {204, 304}

_logger = logging.getLogger(__name__)


class Response(flask.Response):
    """A response of this service; `caching` is its `Cache-Control`."""

    default_mimetype = "application/json"
    caching = "no-store"

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Send a whole body with the headers it has; werkzeug looks at each of them again."""
        if (
            not self.is_sequence
            or environ["REQUEST_METHOD"] == "HEAD"
            or self.status_code in WITHOUT_BODY
        ):
            return super().__call__(environ, start_response)
        start_response(self.status, self.headers.to_wsgi_list())
        body = self.iter_encoded()
        return ClosingIterator(body, self.close) if self._on_close else body


def success(body: dict[str, Any], status: int = 200) -> Response:
    """Return `body` in the envelope of success."""
    return json_response(encode({"success": True, **body}), status)


def json_response(text: str, status: int = 200) -> Response:
    return Response(text + "\n", status, content_type="application/json")


def error_response(code: str, message: str, status: int, **more: Any) -> Response:
    """Return the envelope of failure, in ASCII: `message` may quote invalid Unicode."""
    error = {"code": code, "message": message, **more, "request_id": current().id}
    return json_response(json.dumps({"success": False, "error": error}), status)


def register(app: Flask) -> None:
    """Give every error its envelope."""
    app.register_error_handler(ServiceError, _service_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected_error)


def finish(response: Response, request: Request) -> None:
    """Add the headers that every response has, and those of the key's rate limit."""
    add = response.headers.add
    add("X-Request-Id", request.id)
    add("X-Content-Type-Options", "nosniff")
    add("Cache-Control", response.caching)
    if quota := request.quota:
        add("X-RateLimit-Limit", str(quota.limit))
        add("X-RateLimit-Remaining", str(quota.remaining))
        add("X-RateLimit-Reset", str(quota.reset))
    if request.when_sent:
        response.call_on_close(request.when_sent)


def _service_error(error: ServiceError) -> Response:
    if isinstance(error, StoreFault):
        return _unexpected_error(error)
    more: dict[str, Any] = {"details": error.details} if error.details else {}
    if error.code == "rate_limit_exceeded":
        more["retry_after_seconds"] = error.retry_after
    response = error_response(error.code, error.message, STATUSES[error.code], **more)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    if error.code == "unauthorized":
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _http_error(error: HTTPException) -> Response:
    request, status = current(), error.code or 500
    code, message = {
        404: ("not_found", f"No such route: {printable(request.path[:200])}"),
        405: (
            "method_not_allowed",
            f"{request.method[:20]} is not allowed: see the Allow header.",
        ),
    }.get(status, ("bad_request", "The request cannot be parsed: check its framing and headers."))
    response = error_response(code, message, status)
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


def _unexpected_error(error: Exception) -> Response:
    _log(error)
    return error_response("internal_error", INTERNAL, 500)


def _log(error: Exception) -> None:
    """Log the traceback and the cause, not the message, which could quote a contact."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    cause = error.message if isinstance(error, StoreFault) else type(error).__name__
    _logger.error("%s in request %s\n%s", cause, current().id, frames)
