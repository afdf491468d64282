"""Lets a request through to its route only with a key that has the scope."""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from flask import Response, after_this_request, g, request

from app.api_keys import handlers
from app.api_keys.model import ApiKey
from app.database import Database
from app.errors import Forbidden
from app.web.requests import database

View = Callable[..., Any]


def require_scope(scope: str | None) -> Callable[[View], View]:
    """Guard a route; with None any valid key will do. The guarded view carries its `scope`."""

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(*args: object, **kwargs: object) -> Any:
            db = database()
            key = handlers.authenticate(db, _secret())
            if scope is not None and scope not in key.scopes:
                raise Forbidden(f"This key lacks the scope {scope}: use one that has it.")
            g.api_key = key
            if handlers.is_touch_due(key):
                after_this_request(partial(_touch_when_sent, db, key))
            return view(*args, **kwargs)

        guarded.scope = scope or "any"  # type: ignore[attr-defined]
        return guarded

    return guard


def _touch_when_sent(db: Database, key: ApiKey, response: Response) -> Response:
    response.call_on_close(partial(handlers.touch_api_key, db, key))
    return response


def _secret() -> str:
    authorization = request.environ.get("HTTP_AUTHORIZATION")
    if authorization is None:
        return str(request.environ.get("HTTP_X_API_KEY", ""))
    scheme, _, secret = authorization.partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""
