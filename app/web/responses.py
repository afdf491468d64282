"""The envelope, headers and status of every response; every error as JSON."""

import json
import os
import re
import traceback
from typing import Any

from flask import Flask, Response, current_app, g, request
from werkzeug.exceptions import HTTPException

from app.errors import ServiceError, StoreFault
from app.web.loading import printable
from app.web.rate_limit import Quota

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
encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_SANE_ID = re.compile(r"[A-Za-z0-9._:+/=@-]{1,128}")
INTERNAL = "Internal error: the server's log has details under this request_id."


def success(body: dict[str, Any], status: int = 200) -> Response:
    """Return `body` in the envelope of success."""
    return json_response(encode({"success": True, **body}), status)


def json_response(text: str, status: int = 200) -> Response:
    return Response(text + "\n", status, mimetype="application/json")


def error_response(code: str, message: str, status: int, **more: Any) -> Response:
    """Return the envelope of failure, in ASCII: `message` may quote invalid Unicode."""
    error = {"code": code, "message": message, **more, "request_id": g.request_id}
    return json_response(json.dumps({"success": False, "error": error}), status)


def register(app: Flask) -> None:
    """Give every request an id, every response its headers, every error its envelope."""
    app.before_request(_identify)
    app.after_request(_add_headers)
    app.register_error_handler(ServiceError, _service_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected_error)


def _identify() -> Response | None:
    given = request.environ.get("HTTP_X_REQUEST_ID")
    g.request_id = given if given and _SANE_ID.fullmatch(given) else os.urandom(16).hex()
    return _options() if request.method == "OPTIONS" else None


def _options() -> Response | None:
    if request.url_rule is None:
        return None
    response = current_app.make_default_options_response()
    response.status_code = 204
    del response.headers["Content-Type"]
    return response


def _add_headers(response: Response) -> Response:
    response.headers.add("X-Request-Id", g.request_id)
    response.headers["X-Content-Type-Options"] = "nosniff"
    if "Cache-Control" not in response.headers:
        response.headers.add("Cache-Control", "no-store")
    quota: Quota | None = g.get("quota")
    if quota:
        response.headers.add("X-RateLimit-Limit", str(quota.limit))
        response.headers.add("X-RateLimit-Remaining", str(quota.remaining))
        response.headers.add("X-RateLimit-Reset", str(quota.reset))
    return response


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
    status = error.code or 500
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
    current_app.logger.error("%s in request %s\n%s", cause, g.request_id, frames)
