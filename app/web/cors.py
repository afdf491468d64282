"""CORS: web pages of the origins in the setting `CONTACTS_CORS_ORIGINS` may call `/v1`.

Keys are sent in headers, never as cookies, so no credentials are allowed (https://fetch.spec.whatwg.org).
"""

from flask import Flask, Response, request

from app.web.service import service_of

_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match, If-None-Match, "
    "X-API-Key, X-Request-Id",
    "Access-Control-Max-Age": "600",
}
_ACTUAL = {
    "Access-Control-Expose-Headers": "ETag, Link, Retry-After, X-Request-Id, X-RateLimit-Limit, "
    "X-RateLimit-Remaining, X-RateLimit-Reset",
}


def register(app: Flask) -> None:
    """Add the headers to responses of `/v1`, errors too; nothing if no origin is allowed."""
    origins = frozenset(service_of(app).settings.cors_origins)

    def allow(response: Response) -> Response:
        if not request.path.startswith("/v1/"):
            return response
        response.vary.add("Origin")
        origin = request.headers.get("Origin", "")
        if origin.lower() in origins:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers.update(_PREFLIGHT if _is_preflight() else _ACTUAL)
        return response

    if origins:
        app.before_request(_answer_preflight)
        app.after_request(allow)


def _answer_preflight() -> Response | None:
    """Accept a preflight to a path that does not exist: the page then sees the 404 of its call."""
    if request.path.startswith("/v1/") and _is_preflight():
        return Response(status=204)
    return None


def _is_preflight() -> bool:
    return request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
