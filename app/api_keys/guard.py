"""Guards routes: a request needs a key with the scope, within its rate limit."""

import hashlib
import logging
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from app.api_keys import handlers
from app.api_keys.actor import call_for
from app.api_keys.model import ApiKey
from app.errors import Forbidden, TooManyRequests, Unauthorized
from app.settings import Settings
from app.web.addresses import client_address
from app.web.rate_limit import Quota
from app.web.requests import Request, current
from app.web.service import Service

View = Callable[..., Any]

_log = logging.getLogger(__name__)

# Names of the counters of rejected requests, by what the limit is for.
RATE_LIMITED = {each: f"rate_limited {each}" for each in ("key", "address")}


def require_scope(
    scope: str | None, *, unless: Callable[[], bool] = bool
) -> Callable[[View], View]:
    """Guard a route; None accepts any valid key. The guarded view has the attribute `scope`.

    A request without a key is accepted if `unless` returns True.
    """

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(*args: object, **kwargs: object) -> Any:
            request = current()
            given = secret(request)
            if not given and unless():
                return view(*args, **kwargs)
            key = _check(request, given, scope)
            return call_for(key.id, view, *args, **kwargs)

        guarded.scope = scope or "any"  # type: ignore[attr-defined]
        return guarded

    return guard


def _check(request: Request, secret: str, scope: str | None) -> ApiKey:
    """Return the key of a request once its scope is checked and the request counted."""
    service = request.service
    try:
        key = request.key = handlers.authenticate(service.db, secret)
    except Unauthorized:
        seconds = _count_wrong_key(service, request) if secret else None
        if not seconds:
            raise
        service.db.counters.add({RATE_LIMITED["address"]: 1})
        raise TooManyRequests(seconds) from None
    allowed = scope is None or scope in key.scopes
    quota = request.quota = _quota(service, key, count=allowed)
    if not allowed:
        raise Forbidden(f"This key lacks the scope {scope}: use one that has it.")
    if quota and quota.retry_after:
        service.db.counters.add({RATE_LIMITED["key"]: 1})
        raise TooManyRequests(quota.retry_after)
    if handlers.is_touch_due(key):
        request.when_sent = partial(handlers.touch_api_key, service.db, key)
    return key


def _count_wrong_key(service: Service, request: Request) -> int | None:
    """Count a wrong key; return for how many seconds its address is over the limit, if it is."""
    limit = service.settings.wrong_key_limit
    if not limit:
        return None
    address = client_address(request.environ, service.settings.trusted_proxies)
    # At most 256 files; addresses that share a file share its limit.
    bucket = hashlib.sha256(address.encode()).hexdigest()[:2]
    try:
        return service.rate_limiter.take(f"wrong-keys-{bucket}", limit).retry_after
    except (OSError, ValueError) as error:
        _log.warning("Wrong keys are not limited: %s", error)
        return None


def _quota(service: Service, key: ApiKey, *, count: bool) -> Quota | None:
    """Return what a key has left; None without a limit, or if its file cannot be used."""
    limit = rate_limit(service.settings, key)
    if not limit:
        return None
    try:
        return service.rate_limiter.take(key.id, limit, count=count)
    except (OSError, ValueError) as error:
        _log.warning("Requests of %s are not limited: %s", key.id, error)
        return None


def rate_limit(settings: Settings, key: ApiKey) -> int:
    """Return how many requests a minute a key may make; 0 means no limit."""
    return settings.rate_limit if key.rate_limit is None else key.rate_limit


def secret(request: Request) -> str:
    """Return the secret that a request carries, "" without one."""
    authorization = request.environ.get("HTTP_AUTHORIZATION")
    if authorization is None:
        return str(request.environ.get("HTTP_X_API_KEY", ""))
    scheme, _, given = authorization.partition(" ")
    return given.strip() if scheme.lower() == "bearer" else ""
