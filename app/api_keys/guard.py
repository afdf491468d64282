"""Lets a request through to its route only with a key that has the scope."""

import hashlib
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from flask import Response, after_this_request, current_app, g, request

from app.api_keys import handlers
from app.api_keys.model import ApiKey
from app.database import Database
from app.errors import Forbidden, TooManyRequests, Unauthorized
from app.web.addresses import client_address
from app.web.rate_limit import Quota
from app.web.requests import database, settings
from app.web.service import service

View = Callable[..., Any]

# What is counted of requests over a limit, by whose limit that is.
RATE_LIMITED = {each: f"rate_limited {each}" for each in ("key", "address")}


def require_scope(
    scope: str | None, *, unless: Callable[[], bool] = bool
) -> Callable[[View], View]:
    """Guard a route; with None any valid key will do. The guarded view carries its `scope`.

    A request that comes without a key passes where `unless` says so.
    """

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(*args: object, **kwargs: object) -> Any:
            db, given = database(), secret()
            if not given and unless():
                return view(*args, **kwargs)
            key = _authenticate(db, given)
            allowed = scope is None or scope in key.scopes
            g.api_key = key
            g.quota = quota = _quota(key, count=allowed)
            if not allowed:
                raise Forbidden(f"This key lacks the scope {scope}: use one that has it.")
            if quota and quota.retry_after:
                db.counters.add({RATE_LIMITED["key"]: 1})
                raise TooManyRequests(quota.retry_after)
            if handlers.is_touch_due(key):
                after_this_request(partial(_touch_when_sent, db, key))
            return view(*args, **kwargs)

        guarded.scope = scope or "any"  # type: ignore[attr-defined]
        return guarded

    return guard


def _authenticate(db: Database, secret: str) -> ApiKey:
    """Return the key of a secret. Too many wrong ones from an address are refused otherwise."""
    try:
        return handlers.authenticate(db, secret)
    except Unauthorized:
        seconds = _seconds_of_refusal() if secret else None
        if not seconds:
            raise
    db.counters.add({RATE_LIMITED["address"]: 1})
    raise TooManyRequests(seconds)


def _seconds_of_refusal() -> int | None:
    """Count a wrong key; return for how long its address gets no other answer to another one."""
    limit = settings().wrong_key_limit
    if not limit:
        return None
    address = client_address(request.environ, settings().trusted_proxies)
    # So many files at most, whatever addresses come; those that share one share its limit.
    place = hashlib.sha256(address.encode()).hexdigest()[:2]
    try:
        return service().rate_limiter.take(f"wrong-keys-{place}", limit).retry_after
    except (OSError, ValueError) as error:
        current_app.logger.warning("Wrong keys are not limited: %s", error)
        return None


def _quota(key: ApiKey, *, count: bool) -> Quota | None:
    """Return what is left of a key's minute; None where there is no limit, or none can be kept."""
    limit = rate_limit(key)
    if not limit:
        return None
    try:
        return service().rate_limiter.take(key.id, limit, count=count)
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
