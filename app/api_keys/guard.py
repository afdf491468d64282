"""Lets a request through to its route only with a key that has the scope."""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from flask import Response, after_this_request, current_app, g, request

from app.api_keys import handlers
from app.api_keys.model import ApiKey
from app.database import Database
from app.errors import Forbidden, TooManyRequests
from app.web.rate_limit import Quota, RateLimiter
from app.web.requests import database, settings

View = Callable[..., Any]


def require_scope(scope: str | None) -> Callable[[View], View]:
    """Guard a route; with None any valid key will do. The guarded view carries its `scope`."""

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(*args: object, **kwargs: object) -> Any:
            db = database()
            key = handlers.authenticate(db, secret())
            allowed = scope is None or scope in key.scopes
            g.api_key = key
            g.quota = quota = _quota(key, count=allowed)
            if not allowed:
                raise Forbidden(f"This key lacks the scope {scope}: use one that has it.")
            if quota and quota.retry_after:
                raise TooManyRequests(quota.retry_after)
            if handlers.is_touch_due(key):
                after_this_request(partial(_touch_when_sent, db, key))
            return view(*args, **kwargs)

        guarded.scope = scope or "any"  # type: ignore[attr-defined]
        return guarded

    return guard


def _quota(key: ApiKey, *, count: bool) -> Quota | None:
    """Return what is left of a key's minute; None where there is no limit, or none can be kept."""
    limit = rate_limit(key)
    if not limit:
        return None
    limiter: RateLimiter = current_app.extensions["rate_limiter"]
    try:
        return limiter.take(key.id, limit, count=count)
    except (OSError, ValueError) as error:
        current_app.logger.warning("Requests of %s are not limited: %s", key.id, error)
        return None


def rate_limit(key: ApiKey) -> int:
    """Return how many requests a minute a key may make; 0 is no limit."""
    return settings().rate_limit if key.rate_limit is None else key.rate_limit


def _touch_when_sent(db: Database, key: ApiKey, response: Response) -> Response:
    response.call_on_close(partial(handlers.touch_api_key, db, key))
    return response


def secret() -> str:
    """Return the key that a request brings; it may be empty."""
    authorization = request.environ.get("HTTP_AUTHORIZATION")
    if authorization is None:
        return str(request.environ.get("HTTP_X_API_KEY", ""))
    scheme, _, given = authorization.partition(" ")
    return given.strip() if scheme.lower() == "bearer" else ""
